import { R_TICK, ROW_WORD_SHIFT } from './row.ts';

/** Words of a chunk: the next chunk of its bucket, then entries. */
const CHUNK_WORDS = 32;
export const WHEEL_TAKE_MAX = CHUNK_WORDS - 1;

/**
 * A timing wheel: bags of rows, one for each of the next `span` ticks. Entries are never taken out early: a row that enters
 * for an earlier tick leaves its entry behind. Who empties a bag sees from the row's R_TICK whether the entry still means it.
 *
 * Buckets are chains of chunks out of one pool, so the memory follows the number of entries and not the largest
 * filling that each bucket ever had. Ticks are numbers modulo 2^32.
 */
export class Wheel {
  /** Buckets; a row must enter less than this many ticks ahead. */
  readonly span: number;
  /** Of the row store. */
  private readonly words: Int32Array;
  private readonly heads: Int32Array;
  /** Entries in the head chunk; the chunks behind it are full. */
  private readonly fills: Int32Array;
  private pool = new Int32Array(CHUNK_WORDS * 64);
  private chunks = 0;
  private freeChunk = 0;
  private count = 0;

  /** `longest` is the longest distance wanted; the span is at least that but for very long ones. */
  constructor(longest: number, words: Int32Array) {
    let span = 16;
    while (span <= longest && span < 4096) span *= 2;
    this.span = span;
    this.words = words;
    this.heads = new Int32Array(span);
    this.fills = new Int32Array(span);
  }

  get entries(): number {
    return this.count;
  }

  /** Enters a row for `ahead` ticks after the running one, unless it has entered for an earlier one or for that. */
  enter(row: number, running: number, ahead: number): void {
    const { words } = this;
    const at = (row << ROW_WORD_SHIFT) + R_TICK;
    const entered = (words[at]! - running) | 0;
    if (entered >= 0 && entered <= ahead) return;
    const tick = (running + ahead) | 0;
    words[at] = tick;
    const bucket = tick & (this.span - 1);
    let fill = this.fills[bucket]!;
    let chunk = this.heads[bucket]!;
    if (chunk === 0 || fill === WHEEL_TAKE_MAX) {
      const next = chunk;
      chunk = this.makeChunk();
      this.pool[chunk * CHUNK_WORDS] = next;
      this.heads[bucket] = chunk;
      fill = 0;
    }
    fill++;
    this.pool[chunk * CHUNK_WORDS + fill] = row;
    this.fills[bucket] = fill;
    this.count++;
  }

  /**
   * Moves entries of a bucket to `out`, which has room for at least a chunk of them (WHEEL_TAKE_MAX): as many whole chunks as
   * fit. Returns how many entries, 0 when the bucket is empty.
   */
  take(tick: number, out: Int32Array): number {
    const bucket = tick & (this.span - 1);
    const { pool } = this;
    let taken = 0;
    for (;;) {
      const chunk = this.heads[bucket]!;
      const fill = this.fills[bucket]!;
      if (chunk === 0 || taken + fill > out.length) break;
      const base = chunk * CHUNK_WORDS;
      for (let i = 0; i < fill; i++) out[taken + i] = pool[base + 1 + i]!;
      this.heads[bucket] = pool[base]!;
      this.fills[bucket] = WHEEL_TAKE_MAX;
      pool[base] = this.freeChunk;
      this.freeChunk = chunk;
      taken += fill;
    }
    this.count -= taken;
    return taken;
  }

  clear(): void {
    this.heads.fill(0);
    this.chunks = 0;
    this.freeChunk = 0;
    this.count = 0;
  }

  private makeChunk(): number {
    const chunk = this.freeChunk;
    if (chunk !== 0) {
      this.freeChunk = this.pool[chunk * CHUNK_WORDS]!;
      return chunk;
    }
    this.chunks++;
    if ((this.chunks + 1) * CHUNK_WORDS > this.pool.length) {
      const larger = new Int32Array(this.pool.length * 2);
      larger.set(this.pool);
      this.pool = larger;
    }
    return this.chunks;
  }
}
