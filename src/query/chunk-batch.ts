import type { FlowBatch } from '../flow/batch.ts';
import { type Column, type ColumnName, columnByName } from '../flow/fields.ts';
import { wide } from '../flow/u64.ts';
import type { Chunk } from './chunk.ts';

/** Copies rows of an answer back into the columns of flow batches: the other direction of `BatchChunk`. */
export class ChunkCopier {
  private readonly columns: readonly Column[];

  /** `names`: the columns that the answer has. */
  constructor(names: readonly ColumnName[]) {
    this.columns = names.map((name) => columnByName.get(name)!);
  }

  /** Appends rows `from` (inclusive) to `to` (exclusive), for which the batch has room. */
  append(batch: FlowBatch, chunk: Chunk, from: number, to: number): void {
    const at = batch.rows;
    for (const { name, type } of this.columns) {
      const target = batch.use(name);
      if (type === 'timeMs') {
        const words = chunk.words(name);
        for (let row = from; row < to; row++) target[at + row - from] = wide(words, row);
      } else if (type === 'u64') {
        target.set(chunk.words(name).subarray(from * 2, to * 2), at * 2);
      } else if (type === 'text') {
        for (let row = from; row < to; row++) target[at + row - from] = batch.texts.intern(chunk.text(name, row));
      } else {
        target.set(chunk.narrow(name).subarray(from, to), at);
      }
    }
    batch.rows = at + to - from;
  }
}
