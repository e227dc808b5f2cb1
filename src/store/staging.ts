import { cellsOf, type FlowBatch, FlowBatchPool } from '../flow/batch.ts';
import { columns } from '../flow/fields.ts';

/** Batches of at least so many rows are written as they are; smaller ones are collected first. */
const DIRECT_ROWS = 16_384;

/** Collects small batches, so that a row group has many rows however few come at a time. */
export class Staging {
  private readonly pool = new FlowBatchPool();
  private batch: FlowBatch | undefined;

  /** True when so many rows are worth a row group of their own. */
  isLarge(rows: number): boolean {
    return rows >= DIRECT_ROWS;
  }

  /** Copies rows; false, with nothing copied, when there is no room: `take` first. */
  add(from: FlowBatch, start: number, end: number): boolean {
    this.batch ??= this.pool.acquire();
    const batch = this.batch;
    const at = batch.rows;
    if (at + end - start > batch.capacity) return false;
    for (const column of columns) {
      const source = from.get(column.name);
      if (source === undefined) continue;
      if (column.type === 'text') {
        copyTexts(from, source as Uint32Array, start, end, batch.use(column.name) as Uint32Array, batch);
        continue;
      }
      const cells = cellsOf(column);
      batch.use(column.name).set(source.subarray(start * cells, end * cells), at * cells);
    }
    batch.rows = at + end - start;
    return true;
  }

  /** Hands over what was collected, to be given back by `release`; undefined when there is nothing. */
  take(): FlowBatch | undefined {
    const batch = this.batch;
    if (batch === undefined || batch.rows === 0) return undefined;
    this.batch = undefined;
    return batch;
  }

  release(batch: FlowBatch): void {
    this.pool.release(batch);
  }
}

/** Copies rows of a text column behind the rows of `batch`, with the texts that they name. */
function copyTexts(
  from: FlowBatch,
  source: Uint32Array,
  start: number,
  end: number,
  to: Uint32Array,
  batch: FlowBatch,
): void {
  let last = 0;
  let copied = 0;
  for (let row = start, at = batch.rows; row < end; row++, at++) {
    const id = source[row]!;
    if (id !== last) {
      last = id;
      copied = batch.texts.intern(from.texts.text(id));
    }
    to[at] = copied;
  }
}
