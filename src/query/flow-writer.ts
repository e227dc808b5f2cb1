import { BATCH_ROWS, type Columns, FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { type Column, columns } from '../flow/fields.ts';
import type { Chunk } from './chunk.ts';
import type { Rows } from './engine.ts';
import { hasColumn, type Schema } from './sql/schema.ts';

const TWO_32 = 0x1_0000_0000;

/** The columns that a file of flows with this schema has. */
export function writtenColumns(schema: Schema): readonly Column[] {
  return columns.filter(({ core, name }) => core || hasColumn(schema, name));
}

/** Hands rows that look like flows to a consumer, in batches that are filled again and again. */
export async function writeRows(rows: Rows, of: readonly Column[], to: FlowConsumer): Promise<void> {
  const batch = new FlowBatch();
  for await (const chunk of rows) {
    for (let from = 0; from < chunk.rows; ) {
      const count = Math.min(chunk.rows - from, BATCH_ROWS - batch.rows);
      for (const column of of) copyCells(chunk, column, from, count, batch);
      batch.rows += count;
      from += count;
      if (batch.isFull) await flush(batch, to);
    }
  }
  if (batch.rows > 0) await flush(batch, to);
}

async function flush(batch: FlowBatch, to: FlowConsumer): Promise<void> {
  await to.write(batch);
  batch.reset();
}

function copyCells(chunk: Chunk, { name, type }: Column, from: number, count: number, batch: FlowBatch): void {
  const cells = batch.use(name) as Columns[typeof name];
  const at = batch.rows;
  if (type === 'u64') {
    cells.set(chunk.words(name).subarray(from * 2, (from + count) * 2), at * 2);
  } else if (type === 'timeMs') {
    const words = chunk.words(name);
    for (let i = 0; i < count; i++) {
      cells[at + i] = words[(from + i) * 2]! + words[(from + i) * 2 + 1]! * TWO_32;
    }
  } else if (type === 'text') {
    for (let i = 0; i < count; i++) cells[at + i] = batch.texts.intern(chunk.text(name, from + i));
  } else {
    cells.set(chunk.narrow(name).subarray(from, from + count), at);
  }
}
