import { D_END, D_NUMBER, ROW_DOUBLE_SHIFT, type RowStore } from './row.ts';
import { getRow, type RowBlock } from './row-block.ts';
import type { RowPart, RowSink } from './row-sink.ts';

/** Rows of the store that a merger fills and empties. */
export const MERGED_ROWS = 4096;

/** Reads the rows of one worker. */
class RowCursor {
  /** What the next row is ordered by; infinite after the last. A field of doubles, lest they be boxed. */
  readonly key = new Float64Array(2);
  words: Int32Array = new Int32Array(0);
  row = 0;
  private doubles: Float64Array = new Float64Array(0);
  private blocks: readonly RowBlock[] = [];
  private block = -1;

  start(blocks: readonly RowBlock[]): void {
    this.blocks = blocks;
    this.block = -1;
    this.nextBlock();
  }

  get isOver(): boolean {
    return this.block === this.blocks.length;
  }

  next(): void {
    this.row++;
    if (this.row === this.blocks[this.block]!.rows) this.nextBlock();
    else this.readKey();
  }

  private nextBlock(): void {
    this.block++;
    this.row = 0;
    const block = this.blocks[this.block];
    if (block === undefined) {
      this.key.fill(Number.POSITIVE_INFINITY);
      return;
    }
    this.words = new Int32Array(block.memory);
    this.doubles = new Float64Array(block.memory);
    this.readKey();
  }

  private readKey(): void {
    const wide = this.row << ROW_DOUBLE_SHIFT;
    this.key[0] = this.doubles[wide + D_END]!;
    this.key[1] = this.doubles[wide + D_NUMBER]!;
  }
}

/**
 * Puts what left several workers in one order, by end and then by first appearance. As the workers' clocks agree at the
 * end of each round, what left in one of them comes before all that leaves in the next.
 */
export class RowMerger {
  private readonly cursors: readonly RowCursor[];
  private readonly store: RowStore;
  private readonly parts: readonly RowPart[];
  private readonly sink: RowSink;
  private readonly rows = new Int32Array(MERGED_ROWS);

  /** Rows are copied to `store`, which has MERGED_ROWS of them, and its other `parts`, for `sink` to read. */
  constructor(shards: number, store: RowStore, parts: readonly RowPart[], sink: RowSink) {
    this.cursors = Array.from({ length: shards }, () => new RowCursor());
    this.store = store;
    this.parts = parts;
    this.sink = sink;
  }

  /** `blocks`: of each worker, sorted. */
  merge(blocks: readonly (readonly RowBlock[])[]): void {
    const { cursors, rows } = this;
    for (const [shard, cursor] of cursors.entries()) cursor.start(blocks[shard]!);
    let count = 0;
    for (let cursor = this.first(); cursor !== undefined; cursor = this.first()) {
      rows[count++] = this.take(cursor);
      cursor.next();
      if (count < MERGED_ROWS) continue;
      this.write(count);
      count = 0;
    }
    if (count > 0) this.write(count);
  }

  /** Puts rows into the store, at most as many as it has, in the order in which they are. */
  gather(blocks: readonly RowBlock[]): void {
    const cursor = this.cursors[0]!;
    for (cursor.start(blocks); !cursor.isOver; cursor.next()) this.take(cursor);
  }

  private first(): RowCursor | undefined {
    let first: RowCursor | undefined;
    let time = Number.POSITIVE_INFINITY;
    let number = Number.POSITIVE_INFINITY;
    for (const cursor of this.cursors) {
      const { key } = cursor;
      if (key[0]! > time || (key[0] === time && key[1]! >= number)) continue;
      time = key[0]!;
      number = key[1]!;
      first = cursor;
    }
    return first;
  }

  private take({ words, row }: RowCursor): number {
    const to = this.store.take(0);
    getRow(this.parts, to, words, row);
    return to;
  }

  private write(count: number): void {
    this.sink.write(this.rows, count);
    this.store.clear();
  }
}
