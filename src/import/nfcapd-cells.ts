import { V4_MAPPED_WORD } from '../flow/address.ts';
import type { FlowBatch } from '../flow/batch.ts';
import { type Column, type ColumnName, columnByName, columns } from '../flow/fields.ts';
import { MAX_TIME_MS } from '../flow/time.ts';
import { TWO_32 } from '../flow/u64.ts';

/** How a value stands in a record of nfcapd; all little-endian, addresses as numbers. */
export type CellKind = 'u8' | 'u16' | 'u32' | 'u64' | 'ms' | 'v4' | 'v6';

/** A value and the column it goes to: `nextHop` for an address, whose columns have Hi and Lo behind it. */
export type CellRow = readonly [offset: number, kind: CellKind, column: string];
/** A value that no column takes, under the name it is counted by. */
export type LostRow = readonly [offset: number, kind: CellKind, lost: { readonly name: string }];

/** What stands in one extension of a record. */
export interface Extension {
  /** Octets that it has at least. */
  readonly bytes: number;
  readonly cells: readonly Cell[];
  readonly lost: readonly Lost[];
  /** Set where the whole extension has no column. */
  readonly lostAs?: string;
}

interface Place {
  readonly offset: number;
  readonly kind: number;
}

interface Cell extends Place {
  /** Places in `columns`; an address has a second one. */
  readonly column: number;
  readonly low: number;
  /** Zero is written, too: another value says that there is none. */
  readonly zeroCounts: boolean;
  readonly isWide: boolean;
}

interface Lost extends Place {
  readonly name: string;
}

const KINDS: Readonly<Record<CellKind, number>> = { u8: 0, u16: 1, u32: 2, u64: 3, ms: 4, v4: 5, v6: 6 };
const [U8, U16, U32, U64, MS, V4] = [0, 1, 2, 3, 4, 5];
const KIND_BYTES = [1, 2, 4, 8, 8, 4, 16];

/** An extension of these values. `bytes` is where its next neighbour begins at the earliest. */
export function extension(bytes: number, ...rows: readonly (CellRow | LostRow)[]): Extension {
  const cells: Cell[] = [];
  const lost: Lost[] = [];
  for (const [offset, kind, target] of rows) {
    if (offset + KIND_BYTES[KINDS[kind]]! > bytes) throw new Error(`a value at ${offset} of ${bytes} octets`);
    if (typeof target === 'string') cells.push(makeCell(offset, kind, target));
    else lost.push({ offset, kind: KINDS[kind], name: target.name });
  }
  return { bytes, cells, lost };
}

/** An extension without any column. */
export function lostExtension(bytes: number, name: string): Extension {
  return { bytes, cells: [], lost: [], lostAs: name };
}

function makeCell(offset: number, kind: CellKind, target: string): Cell {
  const isAddress = kind === 'v4' || kind === 'v6';
  const find = (name: string): Column => {
    const column = columnByName.get(name as ColumnName);
    if (column === undefined) throw new Error(`there is no column ${name}`);
    return column;
  };
  const column = find(isAddress ? `${target}Hi` : target);
  return {
    offset,
    kind: KINDS[kind],
    column: column.index,
    low: isAddress ? find(`${target}Lo`).index : -1,
    zeroCounts: column.absent !== 0,
    isWide: column.type === 'u64',
  };
}

type AnyArray = Uint8Array | Uint16Array | Uint32Array | Float64Array;

/** Writes values of records into the columns of one batch after another. */
export class CellWriter {
  /** Values without a column by name, and how many flows had them. */
  readonly lost = new Map<string, number>();
  private batch: FlowBatch | undefined;
  private arrays: (AnyArray | undefined)[] = [];

  /** The batch that is written from now on. */
  begin(batch: FlowBatch): void {
    this.batch = batch;
    this.arrays = new Array(columns.length).fill(undefined);
  }

  /** The array of a column of the batch. */
  array(column: number): AnyArray {
    const array = this.arrays[column] ?? this.batch!.use(columns[column]!.name);
    this.arrays[column] = array;
    return array;
  }

  /** True once a row of the batch has the column. */
  has(column: number): boolean {
    return this.arrays[column] !== undefined || this.batch!.present[column] === 1;
  }

  /** Writes an extension that begins at `at`, where at least its `bytes` are; a zero leaves the cell as it is. */
  write(view: DataView, at: number, { cells, lost, lostAs }: Extension, row: number): void {
    for (let i = 0; i < cells.length; i++) this.writeCell(view, at, cells[i]!, row);
    for (let i = 0; i < lost.length; i++) {
      const { offset, kind, name } = lost[i]!;
      if (isSet(view, at + offset, kind)) this.lose(name);
    }
    if (lostAs !== undefined) this.lose(lostAs);
  }

  lose(name: string): void {
    this.lost.set(name, (this.lost.get(name) ?? 0) + 1);
  }

  private writeCell(view: DataView, at: number, cell: Cell, row: number): void {
    const from = at + cell.offset;
    switch (cell.kind) {
      case U8:
        this.writeNumber(cell, view.getUint8(from), row);
        return;
      case U16:
        this.writeNumber(cell, view.getUint16(from, true), row);
        return;
      case U32:
        this.writeNumber(cell, view.getUint32(from, true), row);
        return;
      case U64: {
        const low = view.getUint32(from, true);
        const high = view.getUint32(from + 4, true);
        if ((low | high) === 0) return;
        const array = this.array(cell.column);
        array[row * 2] = low;
        array[row * 2 + 1] = high;
        return;
      }
      case MS: {
        const ms = view.getUint32(from, true) + view.getUint32(from + 4, true) * TWO_32;
        if (ms !== 0 && ms <= MAX_TIME_MS) this.array(cell.column)[row] = ms;
        return;
      }
      case V4:
        this.writeV4(cell, view.getUint32(from, true), row * 2);
        return;
      default:
        this.writeV6(cell, view, from, row * 2);
    }
  }

  /** Flows whose exporter has room for both families have one of them filled with zeros. */
  private writeV4(cell: Cell, address: number, at: number): void {
    const hi = this.array(cell.column);
    const lo = this.array(cell.low);
    if (address === 0 && (hi[at]! | hi[at + 1]! | lo[at]! | lo[at + 1]!) !== 0) return;
    hi[at] = 0;
    hi[at + 1] = 0;
    lo[at] = address;
    lo[at + 1] = V4_MAPPED_WORD;
  }

  private writeV6(cell: Cell, view: DataView, from: number, at: number): void {
    const hi = this.array(cell.column);
    const lo = this.array(cell.low);
    const isV4 = (hi[at]! | hi[at + 1]!) === 0 && lo[at + 1] === V4_MAPPED_WORD;
    if (isV4 && lo[at] !== 0) return;
    hi[at] = view.getUint32(from, true);
    hi[at + 1] = view.getUint32(from + 4, true);
    lo[at] = view.getUint32(from + 8, true);
    lo[at + 1] = view.getUint32(from + 12, true);
  }

  private writeNumber(cell: Cell, value: number, row: number): void {
    if (value === 0 && !cell.zeroCounts) return;
    this.array(cell.column)[cell.isWide ? row * 2 : row] = value;
  }
}

function isSet(view: DataView, at: number, kind: number): boolean {
  for (let i = 0; i < KIND_BYTES[kind]!; i++) if (view.getUint8(at + i) !== 0) return true;
  return false;
}
