import type { ColumnName, FieldName } from '../../flow/fields.ts';
import { wide } from '../../flow/u64.ts';
import type { Chunk } from '../chunk.ts';
import { protocolName } from '../names.ts';
import { type Cell, type CellMaker, constant, integer, label, type Style, writeMpls } from './cells.ts';
import { writeWide } from './numbers.ts';
import { tagByName } from './tags.ts';
import type { TextBlock } from './text.ts';

const COMMA = 0x2c;
const BAR = 0x7c;
const NEWLINE = 0x0a;

const seconds =
  (name: 'firstMs' | 'lastMs'): CellMaker =>
  ({ clock }) => ({
    needs: [name],
    bind: (chunk) => {
      const words = chunk.words(name);
      return (out, row) => clock.write(out, wide(words, row), 'seconds');
    },
  });

const tag = (name: string): CellMaker => tagByName.get(name)!.cell;

/** Groups have none: up to 1.7.4 that is the beginning of 1970, not a date of zeros. */
const received: CellMaker = (style) => {
  const cell = tag('%tr')(style);
  return {
    needs: cell.needs,
    bind: (chunk, firstRow) => {
      const words = chunk.words('receivedMs');
      const write = cell.bind(chunk, firstRow);
      return (out, row) => {
        if (wide(words, row) !== 0) return write(out, row);
        style.clock.write(out, 1, 'seconds');
        out.ascii('.000');
      };
    },
  };
};

const mplsEntry =
  (name: ColumnName): CellMaker =>
  () => ({
    needs: [name],
    bind: (chunk) => {
      const cells = chunk.narrow(name);
      return (out, row) => writeMpls(out, cells[row]!, 0);
    },
  });

const LATENCY = constant('', '    0.000');
const MPLS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];

/** Columns of `-o csv` up to nfdump 1.7.4. */
const COLUMNS: readonly (readonly [name: string, cell: CellMaker])[] = [
  ['ts', seconds('firstMs')],
  ['te', seconds('lastMs')],
  ['td', tag('%tds')],
  ['sa', tag('%sa')],
  ['da', tag('%da')],
  ['sp', tag('%sp')],
  // Type and code of ICMP as the number that they are stored as.
  ['dp', integer('dstPort', 0)],
  ['pr', label('proto', protocolName)],
  ['flg', tag('%flg')],
  ['fwd', tag('%fwd')],
  ['stos', tag('%stos')],
  ['ipkt', tag('%ipkt')],
  ['ibyt', tag('%ibyt')],
  ['opkt', tag('%opkt')],
  ['obyt', tag('%obyt')],
  ['in', tag('%in')],
  ['out', tag('%out')],
  ['sas', tag('%sas')],
  ['das', tag('%das')],
  ['smk', tag('%smk')],
  ['dmk', tag('%dmk')],
  ['dtos', tag('%dtos')],
  ['dir', label('direction', (direction) => (direction === 1 ? '1' : '0'))],
  ['nh', tag('%nh')],
  ['nhb', tag('%nhb')],
  ['svln', tag('%svln')],
  ['dvln', tag('%dvln')],
  ['ismc', tag('%ismc')],
  ['odmc', tag('%odmc')],
  ['idmc', tag('%idmc')],
  ['osmc', tag('%osmc')],
  ...MPLS.map((n) => [`mpls${n}`, mplsEntry(`mpls${n}` as ColumnName)] as const),
  ['cl', LATENCY],
  ['sl', LATENCY],
  ['al', LATENCY],
  ['ra', tag('%ra')],
  ['eng', tag('%eng')],
  ['exid', constant('', '0')],
  ['tr', received],
];

/** The 48 columns that scripts for nfdump up to 1.7.4 expect. */
export function legacyCsvPrinter(style: Style) {
  const csv: Style = { ...style, csv: true, plain: false };
  const cells: Cell[] = COLUMNS.map(([, make]) => make(csv));
  return {
    needs: [...new Set(cells.flatMap(({ needs }) => needs))],
    open: (out: TextBlock, quiet: boolean) => quiet || out.ascii(`${COLUMNS.map(([name]) => name).join(',')}\n`),
    bind: (chunk: Chunk, firstRow: number) => {
      const writers = cells.map((cell) => cell.bind(chunk, firstRow));
      return (out: TextBlock, row: number) => {
        for (let i = 0; i < writers.length; i++) {
          if (i > 0) out.byte(COMMA);
          writers[i]!(out, row);
        }
        out.byte(NEWLINE);
      };
    },
    close: () => undefined,
  };
}

/** An address as four numbers; those of IPv4 are in the last. */
export function writeAddressNumbers(out: TextBlock, hi: Uint32Array, lo: Uint32Array, row: number): void {
  const at = row * 2;
  const isV4 = (hi[at]! | hi[at + 1]!) === 0 && lo[at + 1] === 0xffff;
  for (const word of [hi[at + 1]!, hi[at]!, isV4 ? 0 : lo[at + 1]!, lo[at]!]) {
    out.uint(word);
    out.byte(BAR);
  }
}

/** Address family as numbered by the system that nfdump runs on: 2 or 10. */
export function addressFamily(hi: Uint32Array, lo: Uint32Array, row: number): number {
  const at = row * 2;
  const isV6 = (hi[at]! | hi[at + 1]!) !== 0 || (lo[at + 1] !== 0xffff && (lo[at]! | lo[at + 1]!) !== 0);
  return isV6 ? 10 : 2;
}

const addressColumns = (field: FieldName) => [`${field}Hi`, `${field}Lo`] as const as readonly ColumnName[];
const [SRC, DST] = [addressColumns('srcAddr'), addressColumns('dstAddr')];
const NUMBERS = ['srcAs', 'dstAs', 'inIf', 'outIf', 'tcpFlags', 'tos'] as const;

/** `-o pipe` up to nfdump 1.7.4: 22 numbers. */
export const pipePrinter = {
  needs: [
    ...SRC,
    ...DST,
    'firstMs',
    'lastMs',
    'proto',
    'srcPort',
    'dstPort',
    ...NUMBERS,
    'packets',
    'octets',
  ] satisfies ColumnName[],
  open: () => undefined,
  bind: (chunk: Chunk) => {
    const [srcHi, srcLo, dstHi, dstLo] = [...SRC, ...DST].map((name) => chunk.words(name));
    const times = [chunk.words('firstMs'), chunk.words('lastMs')];
    const [proto, srcPort, dstPort] = [chunk.narrow('proto'), chunk.narrow('srcPort'), chunk.narrow('dstPort')];
    const numbers = NUMBERS.map((name) => chunk.narrow(name));
    const [packets, octets] = [chunk.words('packets'), chunk.words('octets')];
    const number = (out: TextBlock, value: number) => {
      out.uint(value);
      out.byte(BAR);
    };
    return (out: TextBlock, row: number) => {
      number(out, addressFamily(srcHi!, srcLo!, row));
      for (const words of times) {
        writeWide(out, words, row);
        out.byte(BAR);
      }
      number(out, proto[row]!);
      writeAddressNumbers(out, srcHi!, srcLo!, row);
      number(out, srcPort[row]!);
      writeAddressNumbers(out, dstHi!, dstLo!, row);
      number(out, dstPort[row]!);
      for (const cells of numbers) number(out, cells[row]!);
      writeWide(out, packets!, row);
      out.byte(BAR);
      writeWide(out, octets!, row);
      out.byte(NEWLINE);
    };
  },
  close: () => undefined,
};
