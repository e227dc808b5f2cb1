import {
  EXTENSION_WORDS,
  X_DST_MAC,
  X_ETHERTYPE_LABELS_TUNNEL,
  X_FLOW_LABEL,
  X_MPLS,
  X_SRC_MAC,
  X_TUNNEL_DST,
  X_TUNNEL_SRC,
  X_VLANS,
} from '../addon/packet-extension-layout.ts';
import type { FlowBatch } from '../flow/batch.ts';
import { swapOctets } from '../flow/byte-order.ts';
import type { ColumnName } from '../flow/fields.ts';
import {
  E_EGRESS,
  E_FRAGMENT_SHIFT,
  E_MAX_LENGTH,
  E_MIN_LENGTH,
  E_NANOS,
  E_TTLS,
  type ExtensionRows,
} from './extension-rows.ts';
import type { KeyFields } from './key-fields.ts';
import { D_FIRST, D_LAST, ROW_DOUBLE_SHIFT } from './row.ts';

/** Where a column is in an extension row. */
interface Place {
  readonly word: number;
  readonly shift?: number;
  readonly mask?: number;
  /** Two words, low first. */
  readonly isWide?: true;
  /** Half of an address: two words whose bytes stand in network order. */
  readonly isAddress?: true;
  /** On the way in (also when the direction is not known) or out: 0 of packets that went the other way. */
  readonly side?: 'in' | 'out';
  /** Nanoseconds below the millisecond: those below the microsecond belong to this time (D_*) of the row. */
  readonly below?: number;
  /** The packet record has it: no extension record needed. */
  readonly isOrdinary?: true;
}

const MPLS_COLUMNS = [
  'mpls1',
  'mpls2',
  'mpls3',
  'mpls4',
  'mpls5',
  'mpls6',
  'mpls7',
  'mpls8',
  'mpls9',
  'mpls10',
] as const;

/** Columns that tell of the tunnel that a flow's first packet came through. */
export const TUNNEL_COLUMNS = ['tunSrcAddrHi', 'tunSrcAddrLo', 'tunDstAddrHi', 'tunDstAddrLo', 'tunProto'] as const;

const places: ReadonlyMap<ColumnName, Place> = new Map<ColumnName, Place>([
  ['minTtl', { word: E_TTLS, mask: 0xff, isOrdinary: true }],
  ['maxTtl', { word: E_TTLS, shift: 8, mask: 0xff, isOrdinary: true }],
  ['minLength', { word: E_MIN_LENGTH, isOrdinary: true }],
  ['maxLength', { word: E_MAX_LENGTH, isOrdinary: true }],
  ['firstNs', { word: E_NANOS, mask: 0xffff, below: D_FIRST, isOrdinary: true }],
  ['lastNs', { word: E_NANOS, shift: 16, below: D_LAST, isOrdinary: true }],
  ['fragmentFlags', { word: E_TTLS, shift: E_FRAGMENT_SHIFT, mask: 0xff }],
  ['flowLabel', { word: X_FLOW_LABEL }],
  ['srcVlan', { word: X_VLANS, mask: 0xffff, side: 'in' }],
  ['dstVlan', { word: X_VLANS, mask: 0xffff, side: 'out' }],
  ['innerVlan', { word: X_VLANS, shift: 16 }],
  ['inSrcMac', { word: X_SRC_MAC, isWide: true, side: 'in' }],
  ['inDstMac', { word: X_DST_MAC, isWide: true, side: 'in' }],
  ['outSrcMac', { word: X_SRC_MAC, isWide: true, side: 'out' }],
  ['outDstMac', { word: X_DST_MAC, isWide: true, side: 'out' }],
  ['etherType', { word: X_ETHERTYPE_LABELS_TUNNEL, mask: 0xffff }],
  ['tunSrcAddrHi', { word: X_TUNNEL_SRC, isAddress: true }],
  ['tunSrcAddrLo', { word: X_TUNNEL_SRC + 2, isAddress: true }],
  ['tunDstAddrHi', { word: X_TUNNEL_DST, isAddress: true }],
  ['tunDstAddrLo', { word: X_TUNNEL_DST + 2, isAddress: true }],
  ['tunProto', { word: X_ETHERTYPE_LABELS_TUNNEL, shift: 24 }],
  ...MPLS_COLUMNS.map((name, i): [ColumnName, Place] => [name, { word: X_MPLS + i }]),
]);

/** Columns that the flow cache fills in when they are asked for. */
export function isExtensionColumn(name: ColumnName): boolean {
  return places.has(name);
}

/** Columns that tell of the fields by which a key goes beyond what every flow has. */
export function keyColumns(key: KeyFields): ColumnName[] {
  return [
    ...(key.vlan ? (['srcVlan', 'dstVlan', 'innerVlan'] as const) : []),
    ...(key.mac ? (['inSrcMac', 'inDstMac', 'outSrcMac', 'outDstMac'] as const) : []),
  ];
}

/** Whether a column can be filled in only from extension records. */
export function columnNeedsExtensions(name: ColumnName): boolean {
  const place = places.get(name);
  return place !== undefined && place.isOrdinary === undefined;
}

/** Rows whose columns are written one after another while they are in the processor's cache. */
const GROUP = 128;

/** Writes extension rows to the columns of a batch. */
export class ExtensionWriter {
  private readonly rows: ExtensionRows;
  private readonly columns: readonly (readonly [ColumnName, Place])[];

  constructor(rows: ExtensionRows, columns: readonly ColumnName[]) {
    this.rows = rows;
    this.columns = columns.flatMap((name) => {
      const place = places.get(name);
      return place === undefined ? [] : [[name, place] as const];
    });
  }

  /** Writes the flows in `rows[start]` to `rows[end - 1]` to the batch's rows from `at` on. */
  fill(batch: FlowBatch, rows: Int32Array, start: number, end: number, at: number): void {
    for (let group = start; group < end; group += GROUP) {
      const groupEnd = Math.min(end, group + GROUP);
      for (const [name, place] of this.columns) {
        const target = batch.use(name);
        const to = at + group - start;
        if (place.below !== undefined)
          this.fillNanos(target as Uint32Array, place, place.below, rows, group, groupEnd, to);
        else if (place.isAddress) this.fillAddress(target as Uint32Array, place, rows, group, groupEnd, to);
        else if (place.isWide) this.fillWide(target as Uint32Array, place, rows, group, groupEnd, to);
        else this.fillNarrow(target, place, rows, group, groupEnd, to);
      }
    }
  }

  private fillNarrow(
    target: Uint8Array | Uint16Array | Uint32Array | Float64Array,
    { word, shift = 0, mask = -1, side }: Place,
    rows: Int32Array,
    from: number,
    to: number,
    at: number,
  ): void {
    const { words } = this.rows;
    const otherSide = otherSideOf(side);
    for (let i = from; i < to; i++) {
      const e = rows[i]! * EXTENSION_WORDS;
      const isOther = otherSide !== undefined && (words[e + E_TTLS]! & E_EGRESS) === otherSide;
      target[at + i - from] = isOther ? 0 : (words[e + word]! >>> shift) & mask;
    }
  }

  private fillNanos(
    target: Uint32Array,
    { word, shift = 0, mask = -1 }: Place,
    time: number,
    rows: Int32Array,
    from: number,
    to: number,
    at: number,
  ): void {
    const { words, store } = this.rows;
    for (let i = from; i < to; i++) {
      const row = rows[i]!;
      const us = store.doubles[(row << ROW_DOUBLE_SHIFT) + time]!;
      target[at + i - from] = (us % 1000) * 1000 + ((words[row * EXTENSION_WORDS + word]! >>> shift) & mask);
    }
  }

  private fillAddress(
    target: Uint32Array,
    { word }: Place,
    rows: Int32Array,
    from: number,
    to: number,
    at: number,
  ): void {
    const { words } = this.rows;
    for (let i = from; i < to; i++) {
      const e = rows[i]! * EXTENSION_WORDS;
      const pair = (at + i - from) << 1;
      target[pair] = swapOctets(words[e + word + 1]!);
      target[pair + 1] = swapOctets(words[e + word]!);
    }
  }

  private fillWide(
    target: Uint32Array,
    { word, side }: Place,
    rows: Int32Array,
    from: number,
    to: number,
    at: number,
  ): void {
    const { words } = this.rows;
    const otherSide = otherSideOf(side);
    for (let i = from; i < to; i++) {
      const e = rows[i]! * EXTENSION_WORDS;
      const isOther = otherSide !== undefined && (words[e + E_TTLS]! & E_EGRESS) === otherSide;
      const pair = (at + i - from) << 1;
      target[pair] = isOther ? 0 : words[e + word]!;
      target[pair + 1] = isOther ? 0 : words[e + word + 1]!;
    }
  }
}

/** E_EGRESS as it is in the rows that have a column of this side empty. */
function otherSideOf(side: Place['side']): number | undefined {
  if (side === undefined) return undefined;
  return side === 'in' ? E_EGRESS : 0;
}
