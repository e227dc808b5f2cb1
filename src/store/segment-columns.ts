import type { SegmentColumn } from '../addon/segments.ts';
import { cellsOf, type FlowBatch } from '../flow/batch.ts';
import { type Column, columns } from '../flow/fields.ts';

/** Columns (by `Column.index`) of a file: the core columns and whatever else its flows have. */
export class ColumnSet {
  private readonly has = new Uint8Array(columns.length);
  private list: readonly Column[];

  constructor() {
    for (const column of columns) if (column.core) this.has[column.index] = 1;
    this.list = this.listed();
  }

  /** The columns in registry order. */
  get columns(): readonly Column[] {
    return this.list;
  }

  /** Takes in every column of a batch; true when one was new. */
  add(batch: FlowBatch): boolean {
    let grew = false;
    for (let i = 0; i < columns.length; i++) {
      if (batch.present[i] === 1 && this.has[i] === 0) {
        this.has[i] = 1;
        grew = true;
      }
    }
    if (grew) this.list = this.listed();
    return grew;
  }

  private listed(): readonly Column[] {
    return columns.filter((column) => this.has[column.index] === 1);
  }
}

/**
 * Rows `from` (inclusive) to `to` (exclusive) of a batch as the segment writer takes them, without a copy. A column
 * that the batch does not have is `absent` in every row.
 */
export function segmentColumns(batch: FlowBatch, of: readonly Column[], from = 0, to = batch.rows): SegmentColumn[] {
  return of.map((column) => {
    const { sql: name, type, absent } = column;
    if (type === 'text') return { ...textColumn(batch, column, from, to), name, type, absent };
    const data = batch.peek(column.name);
    if (data === undefined) return { name, type, absent };
    const cells = cellsOf(column);
    if (batch.isConstant(column.index)) return { name, type, absent, data: data.subarray(0, cells), isConstant: true };
    return { name, type, absent, data: data.subarray(from * cells, to * cells) };
  });
}

function textColumn(batch: FlowBatch, { name }: Column, from: number, to: number): Partial<SegmentColumn> {
  const data = batch.get(name);
  if (data === undefined) return {};
  const { bytes, length, ends, count } = batch.texts;
  return { data: data.subarray(from, to), texts: { bytes: bytes.subarray(0, length), ends: ends.subarray(0, count) } };
}

/** Every column of the registry, for a merge that must know whatever its inputs have. */
export function columnsNamed(
  names: ReadonlySet<string>,
): { name: string; type: SegmentColumn['type']; absent: number }[] {
  return columns
    .filter((column) => column.core || names.has(column.sql))
    .map(({ sql: name, type, absent }) => ({ name, type, absent }));
}
