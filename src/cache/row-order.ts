import { addon } from '../addon/addon.ts';
import { D_NUMBER, ROW_DOUBLE_SHIFT, type RowStore } from './row.ts';

const FIRST_ROWS = 1024;

/** A list of rows that can be put in order of one of their times and then of first appearance. */
export class RowOrder {
  /** Rows; in order after `sort`. */
  rows = new Int32Array(FIRST_ROWS);
  count = 0;
  private readonly store: RowStore;
  /** Which double of a row goes first. */
  private readonly timeField: number;
  /** What rows are ordered by, in the order in which they were pushed. Whole numbers. */
  private times = new Float64Array(FIRST_ROWS);
  private numbers = new Float64Array(FIRST_ROWS);
  private ordered = new Int32Array(FIRST_ROWS);

  constructor(store: RowStore, timeField: number) {
    this.store = store;
    this.timeField = timeField;
  }

  /** Adds a row; notes its time and number now, while it is in the processor's cache. */
  push(row: number): void {
    if (this.count === this.rows.length) this.reserve(1);
    const wide = row << ROW_DOUBLE_SHIFT;
    this.rows[this.count] = row;
    this.times[this.count] = this.store.doubles[wide + this.timeField]!;
    this.numbers[this.count] = this.store.doubles[wide + D_NUMBER]!;
    this.count++;
  }

  /** Orders `rows`. Call it once, after the last `push`. */
  sort(): void {
    const { rows, ordered } = this;
    addon().orderRows(this.times, this.numbers, rows, this.count, ordered);
    this.rows = ordered;
    this.ordered = rows;
  }

  /** Makes room for so many more rows, so that memory for many of them is taken once. */
  reserve(more: number): void {
    const { rows, times, numbers } = this;
    let { length } = rows;
    while (length < this.count + more) length *= 2;
    if (length === rows.length) return;
    this.rows = new Int32Array(length);
    this.times = new Float64Array(length);
    this.numbers = new Float64Array(length);
    this.ordered = new Int32Array(length);
    this.rows.set(rows);
    this.times.set(times);
    this.numbers.set(numbers);
  }
}
