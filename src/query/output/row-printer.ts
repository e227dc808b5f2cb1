import type { ColumnName } from '../../flow/fields.ts';
import type { Chunk } from '../chunk.ts';
import { flagsText } from '../names.ts';
import { addressWriter } from './address-cells.ts';
import type { Cell, Style } from './cells.ts';
import { type Format, header } from './format.ts';
import { writeWide } from './numbers.ts';
import type { TextBlock } from './text.ts';

/** Prints flows, or groups of flows, in one format. */
export interface RowPrinter {
  /** Columns that it reads. */
  readonly needs: readonly ColumnName[];
  /** Before the first row; `quiet` leaves out what is only for people. */
  readonly open: (out: TextBlock, quiet: boolean) => void;
  /** The writer for the rows of one chunk, of which the first is the `firstRow`th of the answer. */
  readonly bind: (chunk: Chunk, firstRow: number) => (out: TextBlock, row: number) => void;
  readonly close: (out: TextBlock) => void;
}

const NONE: ReadonlySet<ColumnName> = new Set();
const NEWLINE = 0x0a;
const encoder = new TextEncoder();

/**
 * `stored` tells which columns the files have: formats that name what they print leave the others out. `ofChains`: the
 * rows have the columns `chain` and `step`, which formats of named members print. `ofKey`: the rows are groups, of which
 * those formats print no more than the columns that `stored` tells. `hidden`: columns that print as if they were not there,
 * though ports of ICMP are written by them in lists of tags.
 */
export async function rowPrinter(
  format: Format,
  style: Style,
  stored: (name: ColumnName) => boolean,
  { ofChains = false, ofKey = false, hidden = NONE } = {},
): Promise<RowPrinter> {
  switch (format.kind) {
    case 'text':
    case 'csv':
      return listPrinter(format, style, hidden);
    case 'json':
    case 'ndjson': {
      const { bindJson, chainMembers, jsonMembers } = await import('./json.ts');
      const members = [...(ofChains ? chainMembers : []), ...jsonMembers(stored)];
      const { kind } = format;
      return {
        needs: unique(members.flatMap(({ needs }) => needs)),
        open: (out) => kind === 'json' && out.ascii('[\n'),
        bind: (chunk, firstRow) => bindJson(kind, members, chunk, { ...style, firstRow, stored, ofKey }),
        close: (out) => kind === 'json' && out.ascii('\n]\n'),
      };
    }
    case 'csv-legacy':
      return hiding(hidden, (await import('./legacy.ts')).legacyCsvPrinter(style));
    case 'pipe':
      return hiding(hidden, (await import('./legacy.ts')).pipePrinter);
    case 'raw': {
      const { bindRaw, rawNeeds, rawSections } = await import('./raw.ts');
      const sections = rawSections(stored);
      return {
        needs: unique(rawNeeds(sections)),
        open: () => undefined,
        bind: (chunk, firstRow) => bindRaw(sections, chunk, { style, stored, ofKey }, firstRow),
        close: () => undefined,
      };
    }
    case 'csv-fast':
      return hiding(hidden, fastPrinter);
    case 'null':
      return { needs: [], open: () => undefined, bind: () => () => undefined, close: () => undefined };
  }
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

function hiding(hidden: ReadonlySet<ColumnName>, printer: RowPrinter): RowPrinter {
  if (hidden.size === 0) return printer;
  return { ...printer, bind: (chunk, firstRow) => printer.bind(without(hidden, chunk), firstRow) };
}

/** A chunk whose narrow columns of these names are 0. */
function without(hidden: ReadonlySet<string>, chunk: Chunk): Chunk {
  const zeros = new Uint8Array(chunk.rows);
  return {
    rows: chunk.rows,
    narrow: (name) => (hidden.has(name) ? zeros : chunk.narrow(name)),
    words: (name) => chunk.words(name),
    text: (name, row) => chunk.text(name, row),
  };
}

/** Tags that show a column that may be hidden. */
const TAG_COLUMNS: ReadonlyMap<string, ColumnName> = new Map([
  ['%pr', 'proto'],
  ['%flg', 'tcpFlags'],
]);

type ListFormat = Extract<Format, { parts: unknown }>;

function listPrinter(format: ListFormat, style: Style, hidden: ReadonlySet<ColumnName>): RowPrinter {
  const csv = format.kind === 'csv';
  const cells: Cell[] = [];
  /** Text before each cell, and after the last. */
  const gaps: Uint8Array[] = [];
  let gap = '';
  for (const part of format.parts) {
    if (typeof part === 'string') gap += part;
    else {
      gaps.push(encoder.encode(csv && cells.length > 0 ? ',' : gap));
      gap = '';
      const cell = part.cell(style);
      const shown = TAG_COLUMNS.get(part.name);
      const isHidden = shown !== undefined && hidden.has(shown);
      cells.push(isHidden ? { ...cell, bind: (chunk, row) => cell.bind(without(hidden, chunk), row) } : cell);
    }
  }
  const tail = encoder.encode(gap);
  return {
    needs: unique(cells.flatMap(({ needs }) => needs)),
    open: (out, quiet) => {
      if (!quiet || csv) out.text(`${header(format, style.longV6)}\n`);
    },
    bind: (chunk, firstRow) => {
      const writers = cells.map((cell) => cell.bind(chunk, firstRow));
      const count = writers.length;
      return (out, row) => {
        for (let i = 0; i < count; i++) {
          const before = gaps[i]!;
          if (before.length === 1) out.byte(before[0]!);
          else if (before.length > 0) out.copy(before);
          writers[i]!(out, row);
        }
        if (tail.length > 0) out.copy(tail);
        out.byte(NEWLINE);
      };
    },
    close: () => undefined,
  };
}

/** csv-fast: fixed columns, numbers as they are. */
const fastPrinter: RowPrinter = {
  needs: unique<ColumnName>([
    ...([
      'firstMs',
      'lastMs',
      'proto',
      'srcAddrHi',
      'srcAddrLo',
      'srcPort',
      'dstAddrHi',
      'dstAddrLo',
      'dstPort',
    ] as const),
    ...(['srcAs', 'dstAs', 'inIf', 'outIf', 'tcpFlags', 'tos', 'packets', 'octets'] as const),
  ]),
  open: (out) =>
    out.ascii(
      'cnt,af,firstSeen,lastSeen,proto,srcAddr,srcPort,dstAddr,dstPort,srcAS,dstAS,input,output,flags,srcTos,packets,bytes\n',
    ),
  bind: (chunk, firstRow) => {
    const hi = chunk.words('srcAddrHi');
    const lo = chunk.words('srcAddrLo');
    const times = [chunk.words('firstMs'), chunk.words('lastMs')];
    const proto = chunk.narrow('proto');
    const srcAddr = addressWriter(chunk, 'srcAddr');
    const srcPort = chunk.narrow('srcPort');
    const dstAddr = addressWriter(chunk, 'dstAddr');
    const dstPort = chunk.narrow('dstPort');
    const numbers = (['srcAs', 'dstAs', 'inIf', 'outIf'] as const).map((name) => chunk.narrow(name));
    const flags = chunk.narrow('tcpFlags');
    const tos = chunk.narrow('tos');
    const counters = [chunk.words('packets'), chunk.words('octets')];
    return (out, row) => {
      const at = row * 2;
      const mapped = (hi[at]! | hi[at + 1]!) === 0 && lo[at + 1] === 0xffff;
      const absent = (hi[at]! | hi[at + 1]! | lo[at]! | lo[at + 1]!) === 0;
      out.uint(firstRow + row + 1);
      out.ascii(mapped ? ',2' : absent ? ',0' : ',10');
      for (const words of times) {
        out.byte(0x2c);
        writeWide(out, words, row);
      }
      out.byte(0x2c);
      out.uint(proto[row]!);
      out.byte(0x2c);
      srcAddr(out, row, 0, false);
      out.byte(0x2c);
      out.uint(srcPort[row]!);
      out.byte(0x2c);
      dstAddr(out, row, 0, false);
      out.byte(0x2c);
      out.uint(dstPort[row]!);
      for (const cells of numbers) {
        out.byte(0x2c);
        out.uint(cells[row]!);
      }
      out.byte(0x2c);
      out.ascii(flagsText(flags[row]!));
      out.byte(0x2c);
      out.uint(tos[row]!);
      for (const words of counters) {
        out.byte(0x2c);
        writeWide(out, words, row);
      }
      out.byte(NEWLINE);
    };
  },
  close: () => undefined,
};
