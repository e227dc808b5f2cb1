import { BATCH_ROWS, cellsOf, type FlowBatch, FlowBatchPool } from '../flow/batch.ts';
import { columns } from '../flow/fields.ts';

/** Batches of at least so many rows are written as they are; smaller ones are collected first. */
const DIRECT_ROWS = 16_384;
/** Rows of a batch for a store that gets fewer than that between two flushes: there may be a thousand such stores. */
const SMALL_ROWS = 4096;

/** Collects small batches, so that a row group has many rows however few come at a time. */
export class Staging {
  private readonly small = new FlowBatchPool(SMALL_ROWS, 1);
  private readonly large = new FlowBatchPool(BATCH_ROWS, 2);
  private batch: FlowBatch | undefined;
  /** Rows of the latest batch that was taken. */
  private lastRows = 0;

  /** True when so many rows are worth a row group of their own. */
  isLarge(rows: number): boolean {
    return rows >= DIRECT_ROWS;
  }

  /** Copies rows, fewer than `isLarge` ones; false, with nothing copied, when there is no room: `take` first. */
  add(from: FlowBatch, start: number, end: number): boolean {
    const rows = end - start;
    this.batch ??= (rows + this.lastRows > SMALL_ROWS ? this.large : this.small).acquire();
    const at = this.batch.rows;
    if (at + rows > this.batch.capacity) {
      if (this.batch.capacity >= BATCH_ROWS) return false;
      this.grow();
    }
    copy(from, start, end, this.batch, at);
    return true;
  }

  /** Hands over what was collected, to be given back by `release`; undefined when there is nothing. */
  take(): FlowBatch | undefined {
    const batch = this.batch;
    if (batch === undefined || batch.rows === 0) return undefined;
    this.batch = undefined;
    this.lastRows = batch.rows;
    return batch;
  }

  release(batch: FlowBatch): void {
    (batch.capacity === SMALL_ROWS ? this.small : this.large).release(batch);
  }

  private grow(): void {
    const before = this.batch!;
    this.batch = this.large.acquire();
    copy(before, 0, before.rows, this.batch, 0);
    this.small.release(before);
  }
}

/** Copies the rows `start` to `end` behind the first `at` of another batch. */
function copy(from: FlowBatch, start: number, end: number, to: FlowBatch, at: number): void {
  for (const column of columns) {
    const source = from.get(column.name);
    if (source === undefined) continue;
    if (column.type === 'text') {
      copyTexts(from, source as Uint32Array, start, end, to.use(column.name) as Uint32Array, to);
      continue;
    }
    const cells = cellsOf(column);
    to.use(column.name).set(source.subarray(start * cells, end * cells), at * cells);
  }
  to.rows = at + end - start;
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
