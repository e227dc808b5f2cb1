import { type Column, type ColumnName, columnByName, columns, type Field } from './fields.ts';
import { TextPool } from './text-pool.ts';

type ArrayOf<T> = T extends 'u8'
  ? Uint8Array<ArrayBuffer>
  : T extends 'u16'
    ? Uint16Array<ArrayBuffer>
    : T extends 'timeMs'
      ? Float64Array<ArrayBuffer>
      : Uint32Array<ArrayBuffer>;

/** Typed array of each column: of `u64` two words a row, low word first; of `text` numbers into `FlowBatch.texts`. */
export type Columns = { [F in Field as ColumnName<F>]: ArrayOf<F['type']> };

/** Rows a batch holds unless its maker asks for another number. */
export const BATCH_ROWS = 65_536;

/**
 * Flows as a struct of arrays: the one currency between everything that makes flows and everything that uses them.
 *
 * A column exists once somebody asked to write it (`use`). Between `reset` calls every cell that nobody wrote holds
 * its field's `absent` value, so a maker writes only what a record carries and never fills the rest.
 */
export class FlowBatch {
  readonly capacity: number;
  /** Rows filled so far. */
  rows = 0;
  /** What the columns of type `text` refer to. */
  readonly texts = new TextPool();
  /** 1 for each column (by `Column.index`) that somebody wrote since the last `reset`. */
  readonly present = new Uint8Array(columns.length);
  /** 1 for each column whose first cell stands for those of all rows. */
  private readonly constant = new Uint8Array(columns.length);
  /** Rows of each column, from the first, that may hold values of an earlier filling. */
  private readonly stale = new Uint32Array(columns.length);
  private readonly arrays: Partial<Record<ColumnName, Columns[ColumnName]>> = {};

  constructor(capacity = BATCH_ROWS) {
    this.capacity = capacity;
  }

  /** The array of a column, to be written; made on first use, full of `absent`. */
  use<N extends ColumnName>(name: N): Columns[N] {
    const column = columnOf(name);
    const { index } = column;
    const isNew = this.present[index] === 0;
    const array = this.claim(name);
    if (this.constant[index] === 1) this.spread(column);
    if (isNew && this.stale[index]! > 0) {
      array.fill(column.absent, 0, this.stale[index]! * cellsOf(column));
      this.stale[index] = 0;
    }
    return array;
  }

  /**
   * As `use`, for a maker that writes every row itself, or fills in `absent`: in a column that was not there since the
   * last `reset` the first `staleRows` hold anything.
   */
  claim<N extends ColumnName>(name: N): Columns[N] {
    const column = columnOf(name);
    this.present[column.index] = 1;
    let array = this.arrays[name];
    if (array === undefined) {
      array = makeArray(column, this.capacity);
      if (column.absent !== 0) array.fill(column.absent);
      this.arrays[name] = array;
    }
    return array as Columns[N];
  }

  /** Rows of a claimed column, from the first, that may hold something; the ones behind them hold `absent`. */
  staleRows(index: number): number {
    return this.stale[index]!;
  }

  /** The array of a column, to be read; undefined when no row has it. */
  get<N extends ColumnName>(name: N): Columns[N] | undefined {
    const column = columnOf(name);
    if (this.present[column.index] === 0) return undefined;
    if (this.constant[column.index] === 1) this.spread(column);
    return this.arrays[name] as Columns[N];
  }

  /** As `get`, but of a constant column (`isConstant`) only the first row is sure to be there. */
  peek<N extends ColumnName>(name: N): Columns[N] | undefined {
    return this.present[columnOf(name).index] === 1 ? (this.arrays[name] as Columns[N]) : undefined;
  }

  /** True when the first row of a column (by `Column.index`) counts for all. */
  isConstant(index: number): boolean {
    return this.constant[index] === 1;
  }

  /** Says that the first row of a claimed column counts for all; until `use` or `get` the others are not there. */
  setConstant(index: number): void {
    this.constant[index] = 1;
  }

  get isFull(): boolean {
    return this.rows === this.capacity;
  }

  /** Empties the batch for its next filling; keeps the memory. */
  reset(): void {
    for (let index = 0; index < columns.length; index++) {
      if (this.present[index] === 0) continue;
      const written = this.constant[index] === 1 ? 1 : this.rows;
      this.stale[index] = Math.max(this.stale[index]!, written);
      this.present[index] = 0;
      this.constant[index] = 0;
    }
    this.texts.reset();
    this.rows = 0;
  }

  private spread(column: Column): void {
    this.constant[column.index] = 0;
    spreadFirst(this.arrays[column.name]!, cellsOf(column), this.rows);
  }
}

/** Array elements that a row of a column has. */
export function cellsOf(column: Column): number {
  return column.type === 'u64' ? 2 : 1;
}

/** Copies the first row of a column to the others up to `rows`; `cells` is the number of array elements a row. */
export function spreadFirst(array: Columns[ColumnName], cells: number, rows: number): void {
  if (cells === 1) {
    array.fill(array[0]!, 1, Math.max(rows, 1));
    return;
  }
  for (let at = cells; at < rows * cells; at++) array[at] = array[at - cells]!;
}

function columnOf(name: ColumnName): Column {
  return columnByName.get(name)!;
}

function makeArray(column: Column, rows: number): Columns[ColumnName] {
  switch (column.type) {
    case 'u8':
      return new Uint8Array(rows);
    case 'u16':
      return new Uint16Array(rows);
    case 'u32':
    case 'text':
      return new Uint32Array(rows);
    case 'u64':
      return new Uint32Array(rows * 2);
    case 'timeMs':
      return new Float64Array(rows);
  }
}

/** Batches to fill again and again; `acquire` never blocks, `release` keeps at most `spare` of them. */
export class FlowBatchPool {
  private readonly free: FlowBatch[] = [];
  private readonly capacity: number;
  private readonly spare: number;

  constructor(capacity = BATCH_ROWS, spare = 4) {
    this.capacity = capacity;
    this.spare = spare;
  }

  acquire(): FlowBatch {
    return this.free.pop() ?? new FlowBatch(this.capacity);
  }

  release(batch: FlowBatch): void {
    batch.reset();
    if (this.free.length < this.spare) this.free.push(batch);
  }
}
