import { D_NUMBER, D_SEEN, R_STATE, R_STATE_LIVE, ROW_DOUBLE_SHIFT, ROW_WORD_SHIFT, type RowStore } from './row.ts';
import { RowOrder } from './row-order.ts';

const BINS = 4096;
/** Rows read ahead at a time. */
const GROUP = 64;

/**
 * Finds the flow whose latest packet is longest ago (of several: that which appeared first), for a table that is full.
 *
 * A list kept in that order would cost every packet two more cache misses. Instead a quarter of the rows, the oldest,
 * are put in order at once and used up one after another. That is exact, not an approximation: a flow outside of the
 * list only gets younger, and one that saw a packet since is recognised and passed over. A new list is due only after about
 * as many evictions or packets as the list was long, so that the search costs a few row reads each, whatever comes in.
 */
export class OldestIdle {
  private readonly store: RowStore;
  private readonly list: RowOrder;
  private seen = new Float64Array(0);
  private numbers = new Float64Array(0);
  private next = 0;
  /** Smallest `seen` of a flow that was passed over: from there on the list no longer has all flows. */
  private leastPassed = Number.POSITIVE_INFINITY;
  private liveRows = new Int32Array(0);
  private liveSeen = new Float64Array(0);
  private readonly bins = new Int32Array(BINS);
  private readonly readAhead: (rows: Int32Array, from: number, to: number) => void;

  /** `readAhead` reads what ending the flows in `rows[from]` to `rows[to - 1]` will read. */
  constructor(store: RowStore, readAhead: (rows: Int32Array, from: number, to: number) => void) {
    this.store = store;
    this.readAhead = readAhead;
    this.list = new RowOrder(store, D_SEEN);
  }

  /** The row to evict; there must be a live one. */
  find(): number {
    const { words, doubles } = this.store;
    for (;;) {
      while (this.next < this.list.count) {
        if (this.next % GROUP === 0) {
          this.readAhead(this.list.rows, this.next, Math.min(this.next + GROUP, this.list.count));
        }
        const at = this.next++;
        const row = this.list.rows[at]!;
        const wide = row << ROW_DOUBLE_SHIFT;
        const isLive = (words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_LIVE) !== 0;
        if (!isLive || doubles[wide + D_NUMBER] !== this.numbers[at]) continue;
        const seen = doubles[wide + D_SEEN]!;
        if (seen !== this.seen[at]) {
          // At the earliest it was seen as the list was made, at which time the last of the list may have been too.
          if (seen < this.leastPassed) this.leastPassed = seen;
          continue;
        }
        if (seen >= this.leastPassed) break;
        return row;
      }
      this.refill();
    }
  }

  clear(): void {
    this.list.count = 0;
    this.next = 0;
    this.leastPassed = Number.POSITIVE_INFINITY;
  }

  private refill(): void {
    this.clear();
    const live = this.gather();
    if (live === 0) throw new Error('no flow to evict');
    const { bins, list, liveRows, liveSeen } = this;
    let least = liveSeen[0]!;
    let most = liveSeen[0]!;
    for (let i = 1; i < live; i++) {
      const seen = liveSeen[i]!;
      if (seen < least) least = seen;
      if (seen > most) most = seen;
    }
    const scale = most > least ? (BINS - 1) / (most - least) : 0;
    bins.fill(0);
    for (let i = 0; i < live; i++) {
      const bin = ((liveSeen[i]! - least) * scale) | 0;
      bins[bin] = bins[bin]! + 1;
    }
    // Whole bins from the oldest on, so that nothing outside of the list is older than anything in it.
    let last = 0;
    for (let wanted = (live >>> 2) - bins[0]!; wanted > 0; wanted -= bins[last]!) last++;
    for (let i = 0; i < live; i++) {
      const bin = ((liveSeen[i]! - least) * scale) | 0;
      if (bin <= last) list.push(liveRows[i]!);
    }
    list.sort();
    this.remember();
  }

  /** Notes all live rows and when they last saw a packet: the only pass that reads the rows themselves. */
  private gather(): number {
    const { words, doubles, highest } = this.store;
    if (this.liveRows.length < highest) {
      this.liveRows = new Int32Array(this.store.capacity);
      this.liveSeen = new Float64Array(this.store.capacity);
    }
    const { liveRows, liveSeen } = this;
    let live = 0;
    for (let row = 1; row <= highest; row++) {
      liveRows[live] = row;
      liveSeen[live] = doubles[(row << ROW_DOUBLE_SHIFT) + D_SEEN]!;
      if ((words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_LIVE) !== 0) live++;
    }
    return live;
  }

  private remember(): void {
    const { rows, count } = this.list;
    const doubles = this.store.doubles;
    if (this.seen.length < count) {
      this.seen = new Float64Array(rows.length);
      this.numbers = new Float64Array(rows.length);
    }
    for (let i = 0; i < count; i++) {
      const wide = rows[i]! << ROW_DOUBLE_SHIFT;
      this.seen[i] = doubles[wide + D_SEEN]!;
      this.numbers[i] = doubles[wide + D_NUMBER]!;
    }
  }
}
