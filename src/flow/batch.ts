import { type Column, type ColumnName, columns, type Field } from './fields.ts';

type ArrayOf<T> = T extends 'u8'
  ? Uint8Array<ArrayBuffer>
  : T extends 'u16'
    ? Uint16Array<ArrayBuffer>
    : T extends 'timeMs'
      ? Float64Array<ArrayBuffer>
      : Uint32Array<ArrayBuffer>;

/** Typed array of each column. A `u64` column has two words a row, low word first. */
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
  /** 1 for each column (by `Column.index`) that somebody wrote since the last `reset`. */
  readonly present = new Uint8Array(columns.length);
  private readonly arrays: Partial<Record<ColumnName, Columns[ColumnName]>> = {};

  constructor(capacity = BATCH_ROWS) {
    this.capacity = capacity;
  }

  /** The array of a column, to be written; made on first use, full of `absent`. */
  use<N extends ColumnName>(name: N): Columns[N] {
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

  /** The array of a column, to be read; undefined when no row has it. */
  get<N extends ColumnName>(name: N): Columns[N] | undefined {
    return this.present[columnOf(name).index] === 1 ? (this.arrays[name] as Columns[N]) : undefined;
  }

  get isFull(): boolean {
    return this.rows === this.capacity;
  }

  /** Empties the batch for its next filling; keeps the memory. */
  reset(): void {
    for (const column of columns) {
      if (this.present[column.index] === 0) continue;
      this.present[column.index] = 0;
      const words = column.type === 'u64' ? this.rows * 2 : this.rows;
      this.arrays[column.name]!.fill(column.absent, 0, words);
    }
    this.rows = 0;
  }
}

const byName = new Map<string, Column>(columns.map((column) => [column.name, column]));

function columnOf(name: ColumnName): Column {
  return byName.get(name)!;
}

function makeArray(column: Column, rows: number): Columns[ColumnName] {
  switch (column.type) {
    case 'u8':
      return new Uint8Array(rows);
    case 'u16':
      return new Uint16Array(rows);
    case 'u32':
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
