import type { ColumnName, FieldName } from '../../flow/fields.ts';
import { wide } from '../../flow/u64.ts';
import type { Chunk } from '../chunk.ts';
import { formatMac } from '../filter/values.ts';
import { address, network } from './address-cells.ts';
import { type Style, writeMpls } from './cells.ts';
import { ExtraReader } from './exporter-name.ts';
import { accessList, latencyMs, wholeOf } from './extra-cells.ts';
import { writeWide } from './numbers.ts';
import { presence } from './presence.ts';
import type { TextBlock } from './text.ts';

export interface RawContext {
  readonly style: Style;
  readonly stored: (name: ColumnName) => boolean;
  /** The rows are groups: lines only of columns that are `stored`. */
  readonly ofKey: boolean;
}

/** Writes what a row has behind the name of a line; false: the row has no such line. */
type RawValue = (out: TextBlock, row: number) => boolean;

export interface Line {
  readonly name: string;
  readonly needs: readonly ColumnName[];
  readonly bind: (chunk: Chunk, context: RawContext) => RawValue;
}

/** Lines that stand together, in flows that have one of the columns `keys`; without: in all. */
export interface Section {
  readonly keys?: readonly ColumnName[];
  readonly lines: readonly Line[];
}

export const VALUE_WIDTH = 18;
export const END_REASONS = [
  '',
  'idle timeout',
  'active timeout',
  'end of Flow detected',
  'forced end',
  'lack of resources',
];
export const BIFLOW_DIRECTIONS = ['', 'initiator', 'reverseInitiator', 'perimeter'];
export const TCP = 6;
export const isIcmp = (proto: number) => proto === 1 || proto === 58;

/** Right-aligned in a field of `width` at the end of the place of values; longer text goes beyond. */
export function right(text: string, width: number): string {
  return ' '.repeat(VALUE_WIDTH - width) + text.padStart(width);
}

export function line(name: string, needs: readonly ColumnName[], bind: Line['bind']): Line {
  return { name, needs, bind };
}

/** A line of a text, for what few flows have; undefined: no line. */
export function textLine(
  name: string,
  needs: readonly ColumnName[],
  bind: (chunk: Chunk, context: RawContext) => (row: number) => string | undefined,
): Line {
  return line(name, needs, (chunk, context) => {
    const value = bind(chunk, context);
    return (out, row) => {
      const text = value(row);
      if (text === undefined) return false;
      out.text(text);
      return true;
    };
  });
}

/** A number that `text` makes the value of: ASCII, made once for each number of up to 16 bits. */
export function described(name: string, column: ColumnName, text: (value: number) => string): Line {
  const known = new Map<number, string>();
  return line(name, [column], (chunk) => {
    const cells = chunk.narrow(column);
    return (out, row) => {
      out.ascii(remembered(known, cells[row]!, text));
      return true;
    };
  });
}

export function remembered(known: Map<number, string>, value: number, make: (value: number) => string): string {
  let text = known.get(value);
  if (text === undefined) {
    text = make(value);
    known.set(value, text);
  }
  return text;
}

/** A number as `right` has it. */
export function writeNumber(out: TextBlock, value: number, width: number): true {
  out.blanks(VALUE_WIDTH - width);
  out.uint(value, width);
  return true;
}

export function plain(name: string, column: ColumnName, width = 5): Line {
  return line(name, [column], (chunk) => {
    const cells = chunk.narrow(column);
    return (out, row) => writeNumber(out, cells[row]!, width);
  });
}

/** A number in hexadecimal with its name. */
export function hexNamed(name: string, column: ColumnName, names: readonly string[]): Line {
  return described(name, column, (value) => `${hexByte(value)} ${names[value] ?? 'undef'}`);
}

export function hexByte(value: number): string {
  return right(`0x${value.toString(16).padStart(2, '0')}`, 4);
}

/** `isOneLeast`: a flow that says 0 is one. */
export function counter(name: string, column: ColumnName, isOneLeast = false): Line {
  return line(name, [column], (chunk) => {
    const words = chunk.words(column);
    return (out, row) => {
      if (isOneLeast && (words[row * 2]! | words[row * 2 + 1]!) === 0) return writeNumber(out, 1, 10);
      out.blanks(VALUE_WIDTH - 10);
      writeWide(out, words, row, 10);
      return true;
    };
  });
}

/** A time: milliseconds, and as a date; with `isWanted` only in rows that it holds for. */
export function time(
  name: string,
  column: ColumnName,
  isWanted?: (chunk: Chunk, context: RawContext) => (row: number) => boolean,
): Line {
  return line(name, [column], (chunk, context) => {
    const words = chunk.words(column);
    const { clock } = context.style;
    const wanted = isWanted?.(chunk, context) ?? (() => true);
    return (out, row) => {
      if (!wanted(row)) return false;
      const ms = wide(words, row);
      writeNumber(out, ms, 13);
      out.ascii(' [');
      clock.write(out, ms);
      out.byte(0x5d);
      return true;
    };
  });
}

/** Cells as they are in csv. */
const unpadded = (style: Style): Style => ({ ...style, csv: true, marker: '' });

/** An address; no line for a flow without, unless `always`. */
export function addressLine(name: string, field: FieldName, always = false): Line {
  const keys = [`${field}Hi`, `${field}Lo`] as ColumnName[];
  return line(name, keys, (chunk, { style, stored }) => {
    const isThere = presence(chunk, keys, stored);
    const write = address(field)(unpadded(style)).bind(chunk, 0);
    return (out, row) => {
      if (!always && !isThere(row)) return false;
      out.blanks(VALUE_WIDTH - 16);
      const start = out.length;
      write(out, row);
      out.alignFrom(start, 16);
      return true;
    };
  });
}

/** A prefix length, and the network that it makes of an address; none where it is 0. */
export function mask(name: string, column: 'srcMask' | 'dstMask', field: 'srcAddr' | 'dstAddr'): Line {
  return line(name, [column, `${field}Hi`, `${field}Lo`], (chunk, { style }) => {
    const lengths = chunk.narrow(column);
    const write = network(field, column)(unpadded(style)).bind(chunk, 0);
    return (out, row) => {
      writeNumber(out, lengths[row]!, 5);
      out.byte(0x20);
      if (lengths[row] === 0) out.ascii('/0');
      else write(out, row);
      return true;
    };
  });
}

export function mac(name: string, column: ColumnName): Line {
  return line(name, [column], (chunk) => {
    const words = chunk.words(column);
    return (out, row) => {
      out.byte(0x20);
      out.ascii(formatMac(wide(words, row)));
      return true;
    };
  });
}

export function mplsLine(index: number): Line {
  const column = `mpls${index}` as ColumnName;
  return line(`MPLS Lbl ${String(index).padStart(2)}`, [column], (chunk) => {
    const cells = chunk.narrow(column);
    return (out, row) => {
      if (cells[row] === 0) return false;
      writeMpls(out, cells[row]!, 14);
      return true;
    };
  });
}

/** A line of flows that have a transport header with ports. */
export function withPorts(name: string, column: ColumnName, width: number): Line {
  return line(name, ['proto', column], (chunk) => {
    const [proto, cells] = [chunk.narrow('proto'), chunk.narrow(column)];
    return (out, row) => !isIcmp(proto[row]!) && writeNumber(out, cells[row]!, width);
  });
}

/** Lines of members of `extra`; none in a flow that has none of `names`. */
export function ofExtra(
  names: readonly string[],
  lines: readonly (readonly [name: string, text: (member: (name: string) => string) => string])[],
): Section {
  return {
    keys: ['extra'],
    lines: lines.map(([name, text]) =>
      textLine(name, ['extra'], (chunk, { stored }) => {
        if (!stored('extra')) return () => undefined;
        const extras = new ExtraReader(chunk);
        return (row) => {
          const member = (of: string) => extras.member(row, of);
          return names.some((of) => member(of) !== '') ? text(member) : undefined;
        };
      }),
    ),
  };
}

export const number = (text: string, width = 5) => right(String(wholeOf(text)), width);

export function latency(name: string, ...elements: [string, string, string]): readonly [string, (m: Member) => string] {
  return [name, (member) => `${right(latencyMs(member, ...elements).toFixed(3), 9)} ms`];
}
type Member = (name: string) => string;

export function acl(name: string, element: string): readonly [string, (m: Member) => string] {
  return [
    name,
    (member) =>
      `       ${accessList(member(element))
        .map((id) => `0x${id.toString(16)}`)
        .join('/')}`,
  ];
}

export function interval(name: string, packets: (rate: number) => number): Line {
  return textLine(name, ['sampling', 'extra'], (chunk) => {
    const rates = chunk.narrow('sampling');
    const extras = new ExtraReader(chunk);
    return (row) => {
      if (rates[row] === 0 || (extras.member(row, 'samplerId') || extras.member(row, 'selectorId')) === '')
        return undefined;
      return number(String(packets(rates[row]!)));
    };
  });
}
