import type { FlowBatch } from '../flow/batch.ts';
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

/**
 * The batch that decoders append to. Keeps the arrays at hand by column index, since looking one up by name for every
 * field of every set would cost more than filling it.
 */
export class BatchTarget {
  batch: FlowBatch;
  /** Runs before rows are handed on: whoever still owes columns of committed rows writes them now. */
  beforeHandOn: () => void = () => {};
  private readonly arrays: (ColumnArray | undefined)[] = new Array(columns.length).fill(undefined);
  private readonly exchange: (full: FlowBatch) => FlowBatch;

  /** `exchange` takes a batch that is to be handed on and gives an empty one for it. */
  constructor(first: FlowBatch, exchange: (full: FlowBatch) => FlowBatch) {
    this.batch = first;
    this.exchange = exchange;
  }

  /** Rows that may be written from `batch.rows` on, at least 1; hands on a full batch first. */
  room(): number {
    if (this.batch.isFull) this.handOn();
    return this.batch.capacity - this.batch.rows;
  }

  /** The array of a column, to be written; fetched from the batch on first use. */
  column(index: number): ColumnArray {
    return this.arrays[index] ?? this.fetch(index);
  }

  commit(rows: number): void {
    this.batch.rows += rows;
  }

  /** Hands on what is there, full or not; nothing when the batch is empty. */
  handOn(): void {
    if (this.batch.rows === 0) return;
    this.beforeHandOn();
    this.batch = this.exchange(this.batch);
    this.arrays.fill(undefined);
  }

  private fetch(index: number): ColumnArray {
    const array = this.batch.use(columns[index]!.name) as ColumnArray;
    this.arrays[index] = array;
    return array;
  }
}
