import type { ExtensionRows } from './extension-rows.ts';
import { ROW_WORD_SHIFT, type RowStore } from './row.ts';
import type { RowSink } from './row-sink.ts';

/** Rows in a block. Few enough that a block which is far from full wastes little, enough that blocks are rare. */
export const BLOCK_ROWS = 1024;
const ROW_WORDS = 1 << ROW_WORD_SHIFT;
/** Blocks kept to be filled again; a flush may have made many more. */
const SPARE_BLOCKS = 64;

/** Flows on their way from a worker to the main thread: rows, then as many extension rows if there are such. */
export interface RowBlock {
  readonly memory: SharedArrayBuffer;
  readonly rows: number;
}

/** Word of a block where the extension row of row `row` stands. */
export function extensionAt(row: number): number {
  return (BLOCK_ROWS + row) * ROW_WORDS;
}

/** Copies a row, of either kind; a call of `set` would cost more. */
export function copyRow(from: Int32Array, at: number, to: Int32Array, place: number): void {
  for (let i = 0; i < ROW_WORDS; i++) to[place + i] = from[at + i]!;
}

/** Puts rows of a cache into blocks. */
export class RowCollector implements RowSink {
  private readonly store: RowStore;
  private readonly extras: ExtensionRows | undefined;
  private readonly spare: SharedArrayBuffer[] = [];
  private filled: RowBlock[] = [];
  private memory: SharedArrayBuffer | undefined;
  private words: Int32Array = new Int32Array(0);
  private rows = 0;

  constructor(store: RowStore, extras: ExtensionRows | undefined) {
    this.store = store;
    this.extras = extras;
  }

  write(rows: Int32Array, count: number): void {
    const { store, extras } = this;
    for (let i = 0; i < count; i++) {
      if (this.memory === undefined) this.begin();
      const row = rows[i]!;
      copyRow(store.words, row * ROW_WORDS, this.words, this.rows * ROW_WORDS);
      if (extras !== undefined) copyRow(extras.words, row * ROW_WORDS, this.words, extensionAt(this.rows));
      this.rows++;
      if (this.rows === BLOCK_ROWS) this.finish();
    }
  }

  /** Rows are taken with `take`. */
  handOver(): void {}

  /** The blocks written since this was called last. */
  take(): RowBlock[] {
    if (this.rows > 0) this.finish();
    const { filled } = this;
    this.filled = [];
    return filled;
  }

  /** Takes the memory of a block whose rows have been read. */
  reuse(memory: SharedArrayBuffer): void {
    if (this.spare.length < SPARE_BLOCKS) this.spare.push(memory);
  }

  private begin(): void {
    const bytes = BLOCK_ROWS * ROW_WORDS * 4 * (this.extras === undefined ? 1 : 2);
    this.memory = this.spare.pop() ?? new SharedArrayBuffer(bytes);
    this.words = new Int32Array(this.memory);
    this.rows = 0;
  }

  private finish(): void {
    this.filled.push({ memory: this.memory!, rows: this.rows });
    this.memory = undefined;
    this.rows = 0;
  }
}
