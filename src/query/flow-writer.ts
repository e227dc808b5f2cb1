import { BATCH_ROWS, FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { type Column, columns } from '../flow/fields.ts';
import { ChunkCopier } from './chunk-batch.ts';
import type { Rows } from './engine.ts';
import { hasColumn, type Schema } from './sql/schema.ts';

/** The columns that a file of flows with this schema has. */
export function writtenColumns(schema: Schema): readonly Column[] {
  return columns.filter(({ core, name }) => core || hasColumn(schema, name));
}

/** Hands rows that look like flows to a consumer, in batches that are filled again and again. Resolves to their number. */
export async function writeRows(rows: Rows, of: readonly Column[], to: FlowConsumer): Promise<number> {
  let written = 0;
  const batch = new FlowBatch();
  const copier = new ChunkCopier(of.map(({ name }) => name));
  for await (const chunk of rows) {
    written += chunk.rows;
    for (let from = 0; from < chunk.rows; ) {
      const count = Math.min(chunk.rows - from, BATCH_ROWS - batch.rows);
      copier.append(batch, chunk, from, from + count);
      from += count;
      if (batch.isFull) await flush(batch, to);
    }
  }
  if (batch.rows > 0) await flush(batch, to);
  return written;
}

async function flush(batch: FlowBatch, to: FlowConsumer): Promise<void> {
  await to.write(batch);
  batch.reset();
}
