import { addon } from '../addon/addon.ts';

/**
 * A flow's whole state in one row of 128 bytes: two neighbouring cache lines, the first with the key, the second with
 * the counters and times. Rows stand in one piece of memory that is seen as 32-bit words and as doubles.
 *
 * Row 0 is never given out: it stands for "no row", so that a look-up may read it without asking first.
 */
export const ROW_BYTES = 128;
export const ROW_WORD_SHIFT = 5;
export const ROW_DOUBLE_SHIFT = 4;
export const ROW_WORDS = ROW_BYTES / 4;

/** Words of a row. Addresses, ports, proto | ToS | flags and input are as in the packet record. */
export const R_SRC = 0;
export const R_DST = 4;
export const R_PORTS = 8;
export const R_PROTO_TOS_FLAGS = 9;
export const R_INPUT = 10;
/** IP version | R_STATE_* bits | end reason << R_STATE_REASON_SHIFT. */
export const R_STATE = 11;
export const R_HASH = 12;
/** Tick (modulo 2^32) that the row has entered the wheel for, in the past when it has not; survives its flow. */
export const R_TICK = 13;

/**
 * Doubles of a row (index in the Float64Array view). First the number of the packet that opened the flow: its first
 * appearance.
 */
export const D_NUMBER = 7;
export const D_PACKETS = 8;
export const D_OCTETS = 9;
/** Smallest and largest packet time, microseconds. */
export const D_FIRST = 10;
export const D_LAST = 11;
/** What the clock showed at the first and at the latest packet; differs from the above only when time stepped back. */
export const D_STARTED = 12;
export const D_SEEN = 13;
/** When the flow ended, microseconds on the clock; set as it ends. */
export const D_END = 14;

/** In the table. Cleared as the flow ends, before its record has left. */
export const R_STATE_LIVE = 0x10;
/** A FIN or RST was seen. */
export const R_STATE_FINISHED = 0x20;
/** An RST was seen, which also sets R_STATE_FINISHED. Above the end reason, of which eight bits leave. */
export const R_STATE_RESET = 0x1_0000;
/** Bits of the first packet's meta word that a row keeps where they are: version and direction. */
export const R_STATE_FROM_META = 0xcf;
export const R_STATE_REASON_SHIFT = 8;

/** Rows whose memory is asked for at a time, ahead of being given out: a huge page of them. */
const ROWS_AHEAD = 1 << 14;

/** The rows' memory and which of them are free: last given back is first given out, being still in the cache. */
export class RowStore {
  readonly words: Int32Array;
  readonly rowWords = ROW_WORDS;
  readonly doubles: Float64Array;
  readonly capacity: number;
  /** A stack of the rows given back, of its own because links in the rows would make every `take` wait for a cold row. */
  readonly free: Int32Array;
  freeCount = 0;
  /** Highest row given out since `clear`: memory beyond it has not been touched. */
  private top = 0;

  /** `allocate` gives zeroed memory, aligned to at least 8 bytes; only what is in use is ever touched. */
  constructor(capacity: number, allocate: (bytes: number) => Uint8Array) {
    const memory = allocate((capacity + 1) * ROW_BYTES);
    this.capacity = capacity;
    this.words = new Int32Array(memory.buffer, memory.byteOffset, (capacity + 1) << ROW_WORD_SHIFT);
    this.doubles = new Float64Array(memory.buffer, memory.byteOffset, (capacity + 1) << ROW_DOUBLE_SHIFT);
    const free = allocate(capacity * 4);
    this.free = new Int32Array(free.buffer, free.byteOffset, capacity);
  }

  get highest(): number {
    return this.top;
  }

  /** A row, or 0 when all are given out. `pastTick` marks a row that was never used as being in no wheel bucket. */
  take(pastTick: number): number {
    if (this.freeCount > 0) return this.free[--this.freeCount]!;
    if (this.top === this.capacity) return 0;
    this.top++;
    this.words[(this.top << ROW_WORD_SHIFT) + R_TICK] = pastTick;
    if ((this.top & (ROWS_AHEAD - 1)) === 0) this.askAhead();
    return this.top;
  }

  /** The system gives memory slowly; a cache that grows does not wait for it. Nor does it take more than two steps ahead. */
  private askAhead(): void {
    const { buffer, byteOffset, byteLength } = this.words;
    const from = (this.top + ROWS_AHEAD) * ROW_BYTES;
    const to = Math.min(from + ROWS_AHEAD * ROW_BYTES, byteLength);
    if (from < to) addon().populate(new Uint8Array(buffer, byteOffset + from, to - from));
  }

  /** Takes back the first `count` of these rows. */
  give(rows: Int32Array, count: number): void {
    this.free.set(rows.subarray(0, count), this.freeCount);
    this.freeCount += count;
  }

  /** Takes every row back. */
  clear(): void {
    this.freeCount = 0;
    this.top = 0;
  }
}
