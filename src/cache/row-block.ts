import { copyWords } from './copy-words.ts';
import type { RowPart, RowSink } from './row-sink.ts';

/** Rows in a block. Few enough that a block which is far from full wastes little, enough that blocks are rare. */
const BLOCK_ROWS = 1024;
/** Blocks kept to be filled again; a flush may have made many more. */
const SPARE_BLOCKS = 64;

/** Flows on their way from a worker to the main thread: BLOCK_ROWS rows of the first part, then of the next. */
export interface RowBlock {
  readonly memory: SharedArrayBuffer;
  readonly rows: number;
}

/** Copies row `row` of `parts` to row `place` of a block. */
function putRow(parts: readonly RowPart[], row: number, block: Int32Array, place: number): void {
  let start = 0;
  for (const { words, rowWords } of parts) {
    copyWords(words, row * rowWords, block, start + place * rowWords, rowWords);
    start += BLOCK_ROWS * rowWords;
  }
}

/** Copies row `place` of a block to row `row` of `parts`. */
export function getRow(parts: readonly RowPart[], row: number, block: Int32Array, place: number): void {
  let start = 0;
  for (const { words, rowWords } of parts) {
    copyWords(block, start + place * rowWords, words, row * rowWords, rowWords);
    start += BLOCK_ROWS * rowWords;
  }
}

/** Puts rows of a cache into blocks. */
export class RowCollector implements RowSink {
  private readonly parts: readonly RowPart[];
  private readonly blockBytes: number;
  private readonly spare: SharedArrayBuffer[] = [];
  private filled: RowBlock[] = [];
  private memory: SharedArrayBuffer | undefined;
  private words: Int32Array = new Int32Array(0);
  private rows = 0;

  constructor(parts: readonly RowPart[]) {
    this.parts = parts;
    this.blockBytes = parts.reduce((bytes, { rowWords }) => bytes + BLOCK_ROWS * rowWords * 4, 0);
  }

  write(rows: Int32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      if (this.memory === undefined) this.begin();
      putRow(this.parts, rows[i]!, this.words, this.rows);
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

  /** Takes the memory of a block whose rows have been read, unless those had other parts. */
  reuse(memory: SharedArrayBuffer): void {
    if (this.spare.length < SPARE_BLOCKS && memory.byteLength === this.blockBytes) this.spare.push(memory);
  }

  private begin(): void {
    this.memory = this.spare.pop() ?? new SharedArrayBuffer(this.blockBytes);
    this.words = new Int32Array(this.memory);
    this.rows = 0;
  }

  private finish(): void {
    this.filled.push({ memory: this.memory!, rows: this.rows });
    this.memory = undefined;
    this.rows = 0;
  }
}
