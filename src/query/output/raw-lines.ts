import type { ColumnName, FieldName } from '../../flow/fields.ts';
import type { Chunk } from '../chunk.ts';
import { formatMac } from '../filter/values.ts';
import { address, network } from './address-cells.ts';
import { type Style, writeMpls } from './cells.ts';
import type { Clock } from './clock.ts';
import { ExtraReader } from './exporter-name.ts';
import { accessList, latencyMs, wholeOf } from './extra-cells.ts';
import { wide } from './numbers.ts';
import { presence } from './presence.ts';
import { TextBlock } from './text.ts';

export interface RawContext {
  readonly style: Style;
  readonly stored: (name: ColumnName) => boolean;
  /** The rows are groups: lines only of columns that are `stored`. */
  readonly ofKey: boolean;
}

/** What a row has behind the name of a line; undefined: no line. */
type RawValue = (row: number) => string | undefined;

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

/** A number that `text` makes the value of. */
export function described(name: string, column: ColumnName, text: (value: number) => string): Line {
  return line(name, [column], (chunk) => {
    const cells = chunk.narrow(column);
    return (row) => text(cells[row]!);
  });
}

export function plain(name: string, column: ColumnName, width = 5): Line {
  return described(name, column, (value) => right(String(value), width));
}

/** A number in hexadecimal with its name. */
export function hexNamed(name: string, column: ColumnName, names: readonly string[]): Line {
  return described(name, column, (value) => `${hexByte(value)} ${names[value] ?? 'undef'}`);
}

export function hexByte(value: number): string {
  return right(`0x${value.toString(16).padStart(2, '0')}`, 4);
}

export function counter(name: string, column: ColumnName, least = 0n): Line {
  return line(name, [column], (chunk) => {
    const words = chunk.words(column);
    return (row) => {
      const value = (BigInt(words[row * 2 + 1]!) << 32n) | BigInt(words[row * 2]!);
      return right(String(value < least ? least : value), 10);
    };
  });
}

/** A point in time: milliseconds, and as a date. */
function instant(clock: Clock): (ms: number) => string {
  const scratch = new TextBlock(64);
  return (ms) => {
    scratch.length = 0;
    clock.write(scratch, ms);
    return `${right(String(ms), 13)} [${written(scratch)}]`;
  };
}

function written({ bytes, length }: TextBlock): string {
  return Buffer.from(bytes.subarray(0, length)).toString('latin1');
}

/** A time; with `isWanted` only in rows that it holds for. */
export function time(
  name: string,
  column: ColumnName,
  isWanted?: (chunk: Chunk, context: RawContext) => (row: number) => boolean,
): Line {
  return line(name, [column], (chunk, context) => {
    const words = chunk.words(column);
    const text = instant(context.style.clock);
    const wanted = isWanted?.(chunk, context) ?? (() => true);
    return (row) => (wanted(row) ? text(wide(words, row)) : undefined);
  });
}

/** Reads cells of text output as they are in csv. */
function cellText(cell: ReturnType<typeof address>, chunk: Chunk, style: Style): (row: number) => string {
  const scratch = new TextBlock(64);
  const write = cell({
    ...style,
    csv: true,
    marker: '',
  }).bind(chunk, 0);
  return (row) => {
    scratch.length = 0;
    write(scratch, row);
    return written(scratch);
  };
}

/** An address; no line for a flow without, unless `always`. */
export function addressLine(name: string, field: FieldName, always = false): Line {
  const keys = [`${field}Hi`, `${field}Lo`] as ColumnName[];
  return line(name, keys, (chunk, { style, stored }) => {
    const isThere = presence(chunk, keys, stored);
    const text = cellText(address(field), chunk, style);
    return (row) => (always || isThere(row) ? right(text(row), 16) : undefined);
  });
}

/** A prefix length, and the network that it makes of an address; none where it is 0. */
export function mask(name: string, column: 'srcMask' | 'dstMask', field: 'srcAddr' | 'dstAddr'): Line {
  return line(name, [column, `${field}Hi`, `${field}Lo`], (chunk, { style }) => {
    const lengths = chunk.narrow(column);
    const text = cellText(network(field, column), chunk, style);
    return (row) => `${right(String(lengths[row]), 5)} ${lengths[row] === 0 ? '/0' : text(row)}`;
  });
}

export function mac(name: string, column: ColumnName): Line {
  return line(name, [column], (chunk) => {
    const words = chunk.words(column);
    return (row) => ` ${formatMac(wide(words, row))}`;
  });
}

export function mplsLine(index: number): Line {
  const column = `mpls${index}` as ColumnName;
  return line(`MPLS Lbl ${String(index).padStart(2)}`, [column], (chunk) => {
    const cells = chunk.narrow(column);
    const scratch = new TextBlock(64);
    return (row) => {
      if (cells[row] === 0) return undefined;
      scratch.length = 0;
      writeMpls(scratch, cells[row]!, 14);
      return written(scratch);
    };
  });
}

/** A line of flows that have a transport header with ports. */
export function withPorts(name: string, column: ColumnName, width: number): Line {
  return line(name, ['proto', column], (chunk) => {
    const [proto, cells] = [chunk.narrow('proto'), chunk.narrow(column)];
    return (row) => (isIcmp(proto[row]!) ? undefined : right(String(cells[row]), width));
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
      line(name, ['extra'], (chunk, { stored }) => {
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
  return line(name, ['sampling', 'extra'], (chunk) => {
    const rates = chunk.narrow('sampling');
    const extras = new ExtraReader(chunk);
    return (row) => {
      if (rates[row] === 0 || (extras.member(row, 'samplerId') || extras.member(row, 'selectorId')) === '')
        return undefined;
      return number(String(packets(rates[row]!)));
    };
  });
}
