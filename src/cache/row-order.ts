import { D_NUMBER, ROW_DOUBLE_SHIFT, type RowStore } from './row.ts';

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;
/** Up to here plain insertion beats counting digits. */
const INSERTION_ROWS = 40;
const TWO_32 = 4_294_967_296;

/**
 * A list of rows that can be put in order of one of their times and then of first appearance. Radix sort, because a
 * comparing sort costs three times as much for the hundred thousand flows that may end in one second of a replay.
 */
export class RowOrder {
  /** Rows, in order after `sort`. */
  rows = new Int32Array(1024);
  count = 0;
  private readonly store: RowStore;
  /** Which double of a row goes first. */
  private readonly timeField: number;
  private times = new Float64Array(0);
  private numbers = new Float64Array(0);
  private order = new Int32Array(0);
  private spare = new Int32Array(0);
  private readonly digits = new Int32Array(DIGITS);

  constructor(store: RowStore, timeField: number) {
    this.store = store;
    this.timeField = timeField;
  }

  push(row: number): void {
    if (this.count === this.rows.length) {
      const larger = new Int32Array(this.rows.length * 2);
      larger.set(this.rows);
      this.rows = larger;
    }
    this.rows[this.count++] = row;
  }

  sort(): void {
    const count = this.count;
    if (count < 2) return;
    if (count <= INSERTION_ROWS) {
      this.insertionSort();
      return;
    }
    this.reserve();
    const { rows, times, numbers } = this;
    const doubles = this.store.doubles;
    const timeField = this.timeField;
    let leastTime = Number.POSITIVE_INFINITY;
    let leastNumber = Number.POSITIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      const base = rows[i]! << ROW_DOUBLE_SHIFT;
      const time = doubles[base + timeField]!;
      const number = doubles[base + D_NUMBER]!;
      times[i] = time;
      numbers[i] = number;
      if (time < leastTime) leastTime = time;
      if (number < leastNumber) leastNumber = number;
      this.order[i] = i;
    }
    this.sortBy(numbers, leastNumber);
    this.sortBy(times, leastTime);
    const { order, spare } = this;
    for (let i = 0; i < count; i++) spare[i] = rows[order[i]!]!;
    rows.set(spare.subarray(0, count));
  }

  private insertionSort(): void {
    const rows = this.rows;
    const doubles = this.store.doubles;
    const timeField = this.timeField;
    for (let i = 1; i < this.count; i++) {
      const row = rows[i]!;
      const base = row << ROW_DOUBLE_SHIFT;
      const time = doubles[base + timeField]!;
      const number = doubles[base + D_NUMBER]!;
      let at = i;
      for (; at > 0; at--) {
        const other = rows[at - 1]! << ROW_DOUBLE_SHIFT;
        const otherTime = doubles[other + timeField]!;
        if (otherTime < time || (otherTime === time && doubles[other + D_NUMBER]! < number)) break;
        rows[at] = rows[at - 1]!;
      }
      rows[at] = row;
    }
  }

  /** Stable; keys are whole numbers from `least` up to 2^53, and lose `least`. */
  private sortBy(keys: Float64Array, least: number): void {
    const count = this.count;
    let most = 0;
    for (let i = 0; i < count; i++) {
      const key = keys[i]! - least;
      keys[i] = key;
      if (key > most) most = key;
    }
    for (let shift = 0; shift < 32 && most >= 2 ** shift; shift += DIGIT_BITS) this.pass(keys, 1, shift);
    for (let shift = 0; shift < 21 && most >= TWO_32 * 2 ** shift; shift += DIGIT_BITS) this.pass(keys, TWO_32, shift);
  }

  /** Sorts by the eleven bits from `shift` on of the low (`unit` 1) or the high (2^32) word of the keys. */
  private pass(keys: Float64Array, unit: number, shift: number): void {
    const count = this.count;
    const { digits, order, spare } = this;
    const scale = 1 / unit;
    digits.fill(0);
    for (let i = 0; i < count; i++) {
      const digit = ((keys[i]! * scale) >>> shift) & (DIGITS - 1);
      digits[digit] = digits[digit]! + 1;
    }
    let before = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const here = digits[digit]!;
      digits[digit] = before;
      before += here;
    }
    for (let i = 0; i < count; i++) {
      const index = order[i]!;
      const digit = ((keys[index]! * scale) >>> shift) & (DIGITS - 1);
      const at = digits[digit]!;
      digits[digit] = at + 1;
      spare[at] = index;
    }
    this.order = spare;
    this.spare = order;
  }

  private reserve(): void {
    if (this.order.length >= this.count) return;
    const length = this.rows.length;
    this.times = new Float64Array(length);
    this.numbers = new Float64Array(length);
    this.order = new Int32Array(length);
    this.spare = new Int32Array(length);
  }
}
