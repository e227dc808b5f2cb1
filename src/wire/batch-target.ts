import { cellsOf, type FlowBatch, spreadFirst } from '../flow/batch.ts';
import { type ColumnName, columnByName, columns } from '../flow/fields.ts';

export type ColumnArray =
  | Uint8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** Position of a column in `columns`; of an address its high half, with the low half right behind. */
export function columnIndex(name: ColumnName): number {
  return columnByName.get(name)!.index;
}

/** A batch has this many octets of texts and what one data set adds. */
const MOST_TEXT_BYTES = 16 << 20;
/** Value of `covered` for a column that nobody asked for. */
const UNOPENED = -1;
const cells = Uint8Array.from(columns, cellsOf);
const absent = Uint32Array.from(columns, (column) => column.absent);

/**
 * The batch that decoders append to. Keeps the arrays at hand by column index, since looking one up by name for every
 * field of every set would cost more than filling it, and knows how far each is filled: neither is a column cleared
 * that is then written in every row, nor are rows written of one that never changes.
 */
export class BatchTarget {
  batch: FlowBatch;
  /** Grows with each batch: numbers of texts count in one filling. */
  filling = 0;
  /** Each runs before rows are handed on: whoever still owes columns of committed rows writes them now. */
  readonly owed: (() => void)[] = [];
  private readonly arrays: (ColumnArray | undefined)[] = new Array(columns.length).fill(undefined);
  /** Rows, from the first, whose cells are as they should be. */
  private readonly covered = new Float64Array(columns.length).fill(UNOPENED);
  /** 1 for columns that have had one value so far, which stands in the first row only. */
  private readonly constants = new Uint8Array(columns.length);
  private readonly exchange: (full: FlowBatch) => FlowBatch;

  /** `exchange` takes a batch that is to be handed on and gives an empty one for it. */
  constructor(first: FlowBatch, exchange: (full: FlowBatch) => FlowBatch) {
    this.batch = first;
    this.exchange = exchange;
  }

  /** Rows that may be written from `batch.rows` on, at least 1; hands on a full batch first, also one full of texts. */
  room(): number {
    if (this.batch.isFull || this.batch.texts.length > MOST_TEXT_BYTES) this.handOn();
    return this.batch.capacity - this.batch.rows;
  }

  /**
   * The array of a column, to be read and written in any of the rows before `end` (default: of all); a cell that nobody
   * wrote holds `absent`.
   */
  column(index: number, end = this.batch.capacity): ColumnArray {
    if (this.covered[index]! < end || this.constants[index] === 1) this.cover(index, end);
    return this.arrays[index]!;
  }

  /** The array of a column, of which the caller writes every one of `rows` rows, by default the next ones. */
  whole(index: number, rows: number, start = this.batch.rows): ColumnArray {
    const covered = this.covered[index]!;
    if (covered < start || this.constants[index] === 1) this.cover(index, start);
    if (covered < start + rows) this.covered[index] = start + rows;
    return this.arrays[index]!;
  }

  /** Gives a column (not of times) one value in the next `rows` rows; `high` is the high word of 64 bits. */
  fill(index: number, rows: number, value: number, high = 0, start = this.batch.rows): void {
    const covered = this.covered[index]!;
    const isAbsent = value === absent[index] && high === 0;
    if (this.constants[index] === 1) {
      const array = this.arrays[index]!;
      const isSame = array[0] === value && (cells[index] === 1 || array[1] === high);
      if (isSame && (covered === start || isAbsent)) {
        this.covered[index] = Math.max(covered, start + rows);
        return;
      }
    } else if (covered === UNOPENED && (start === 0 || isAbsent)) {
      this.open(index);
      this.constants[index] = 1;
      this.covered[index] = start + rows;
      put(this.arrays[index]!, index, 0, 1, value, high);
      return;
    }
    put(this.whole(index, rows, start), index, start, start + rows, value, high);
  }

  /** The arrays of the columns in use, by column index; as they are only until the batch is handed on. */
  get opened(): readonly (ColumnArray | undefined)[] {
    return this.arrays;
  }

  commit(rows: number): void {
    this.batch.rows += rows;
  }

  /** Hands on what is there, full or not; nothing when the batch is empty. */
  handOn(): void {
    const { batch } = this;
    if (batch.rows === 0) return;
    for (const settle of this.owed) settle();
    for (let index = 0; index < columns.length; index++) {
      if (this.covered[index] === UNOPENED) continue;
      const array = this.arrays[index]!;
      const isAbsent = array[0] === absent[index] && (cells[index] === 1 || array[1] === 0);
      if (this.constants[index] === 1 && (this.covered[index]! >= batch.rows || isAbsent)) batch.setConstant(index);
      else this.column(index, batch.rows);
    }
    this.arrays.fill(undefined);
    this.covered.fill(UNOPENED);
    this.constants.fill(0);
    this.batch = this.exchange(batch);
    this.filling++;
  }

  private open(index: number): void {
    this.arrays[index] = this.batch.claim(columns[index]!.name) as ColumnArray;
    this.covered[index] = 0;
  }

  /** Makes a column hold, in each of the rows before `end`, what was written or `absent`. */
  private cover(index: number, end: number): void {
    if (this.covered[index] === UNOPENED) this.open(index);
    const covered = this.covered[index]!;
    const array = this.arrays[index]!;
    if (this.constants[index] === 1) {
      this.constants[index] = 0;
      spreadFirst(array, cells[index]!, covered);
    }
    if (covered >= end) return;
    const uncertain = Math.min(end, this.batch.staleRows(index));
    array.fill(absent[index]!, covered * cells[index]!, Math.max(covered, uncertain) * cells[index]!);
    this.covered[index] = end;
  }
}

function put(array: ColumnArray, index: number, from: number, to: number, value: number, high: number): void {
  if (cells[index] === 1) {
    for (let row = from; row < to; row++) array[row] = value;
    return;
  }
  if (value === high) {
    array.fill(value, from * 2, to * 2);
    return;
  }
  for (let at = from * 2; at < to * 2; at += 2) {
    array[at] = value;
    array[at + 1] = high;
  }
}
