import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What differs from run to run, or tells of files rather than of flows. */
const VARYING: Replacements = [
  [/^Sys: .*\n?/gm, ''],
  [/Bytes read: \d+/g, 'Bytes read: size'],
  // Decision 0072: nfdump tells the matches of whole blocks here.
  [/, passed: \d+/g, ''],
];

type Replacements = readonly (readonly [pattern: RegExp, text: string])[];

/** A member of json or ndjson with what stands before it. */
const member = (key: string, value: string) => new RegExp(`,\\s*"${key}" ?: ?${value}`, 'g');
const lines = (...names: string[]) => new RegExp(`^  (${names.join('|')}) *=.*\\n`, 'gm');
/** Members, or lines, that stand together, without a value in any. */
const members = (pairs: readonly (readonly [key: string, value: string])[]) =>
  new RegExp(pairs.map(([key, value]) => member(key, value).source).join(''), 'g');
const emptyLines = (pairs: readonly (readonly [name: string, value: string])[]) =>
  new RegExp(pairs.map(([name, value]) => `^  ${name} *= *${value}\\n`).join(''), 'gm');

/**
 * What cannot be equal of flows in json, ndjson and raw, each taken out of both texts. Everything else is compared byte by
 * byte.
 */
const FLOWS_JSON: Replacements = [
  // The clock of the collector.
  [member('received', '"[^"]*"'), ''],
  // Of the file of nfcapd, not of the flow.
  [member('ident', '"[^"]*"'), ''],
  [member('export_sysid', '\\d+'), ''],
  // nfdump leaves out the zone, and zeros of the fraction of an event.
  [/(T\d\d:\d\d:\d\d\.\d{3})Z"/g, '$1"'],
  [/("t_event" ?: ?"[^".]*\.)(\d)"/g, '$100$2"'],
  [/("t_event" ?: ?"[^".]*\.)(\d\d)"/g, '$10$2"'],
  // Faults of nfdump: networks of IPv6, and a text without its end.
  [member('(src|dst)_net', '"[^"]*:[^"]*"'), ''],
  [/("ip_fragment" ?: ?"..MF)[^"]*"/g, '$1"'],
  // nfcapd does not keep elements 128 and 129; nfdump has no names of extended events and no elements of its own choice.
  [member('(next|prev)_as', '\\d+'), ''],
  [member('xevent', '"[^"]*"'), ''],
  [member('extra', '\\{[^}]*\\}'), ''],
  // nfdump takes flows that do not say their direction for ingress.
  [member('direction', '0'), ''],
  // nfdump prints zeros if the template has the element, weir does not know the template any more.
  [members(Array.from({ length: 10 }, (_, i) => [`mpls_${i + 1}`, '"0-0-0"'])), ''],
  [
    members([
      ['out_packets', '0'],
      ['out_bytes', '0'],
      ['aggr_flows', '1'],
    ]),
    '',
  ],
  [
    members([
      ['src_vlan', '0'],
      ['dst_vlan', '0'],
    ]),
    '',
  ],
  [
    members([
      ['src_as', '0'],
      ['dst_as', '0'],
    ]),
    '',
  ],
  [
    members([
      ['ingress_vrf', '0'],
      ['egress_vrf', '0'],
    ]),
    '',
  ],
];

/** The same, as FLOWS_JSON, of `-o raw`. */
const FLOWS_RAW: Replacements = [
  // nfdump counts the records of its file, which tell of exporters, too.
  [lines('received at', 'Ident', 'Elements', 'size', 'export sysid', 'RecordCount'), ''],
  // nfdump calls both minTTL.
  [/^ {2}ip maxTTL /gm, '  ip minTTL '],
  [lines('bgp (next|prev) as'), ''],
  [lines('observ domain'), ''],
  [
    emptyLines([
      ['out packets', '0'],
      ['out bytes', '0'],
      ['aggr flows', '1'],
    ]),
    '',
  ],
  [
    emptyLines([
      ['src vlan', '0'],
      ['dst vlan', '0'],
    ]),
    '',
  ],
  [
    emptyLines([
      ['src as', '0'],
      ['dst as', '0'],
    ]),
    '',
  ],
  [
    emptyLines([
      ['ingress VRF', '0'],
      ['egress VRF', '0'],
    ]),
    '',
  ],
];

function applied(replacements: Replacements, text: string): string {
  return replacements.reduce((result, [pattern, replacement]) => result.replaceAll(pattern, replacement), text);
}

/** An answer without what differs from run to run; of flows by name, also without what cannot be equal. */
export function normal(text: string, args: readonly string[]): string {
  const result = applied(VARYING, text);
  const format = args[args.indexOf('-o') + 1] ?? '';
  if (/^(nd)?json$/.test(format)) return applied(FLOWS_JSON, result);
  return format === 'raw' ? applied(FLOWS_RAW, result) : result;
}

/**
 * Whether two answers are the same text. Rows that are equal in the order asked for have none among themselves, so sorted
 * answers may have the same lines in another order. `sorting` are the options that make them so.
 */
export function isSame(a: string, b: string, args: readonly string[], sorting = ['-s', '-O']): boolean {
  if (a === b) return true;
  const isSorted = args.some((arg) => sorting.includes(arg));
  return isSorted && sortedLines(a) === sortedLines(b);
}

function sortedLines(text: string): string {
  return text.split('\n').sort().join('\n');
}

export interface Exceptions {
  /** The reason why this command is one. */
  reasonOf(args: readonly string[]): string | undefined;
  /** Rows of the table that no command of `asked` meets. */
  unmet(asked: readonly (readonly string[])[]): string[];
}

/** The table of exceptions in a file of this directory. */
export function readExceptions(name: string): Exceptions {
  const rows = readFileSync(join(import.meta.dirname, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const bar = line.lastIndexOf('|');
      return [new RegExp(line.slice(0, bar)), line.slice(bar + 1)] as const;
    });
  const line = (args: readonly string[]) => args.join(' ');
  return {
    reasonOf: (args) => rows.find(([pattern]) => pattern.test(line(args)))?.[1],
    unmet: (asked) =>
      rows.filter(([pattern]) => !asked.some((args) => pattern.test(line(args)))).map(([pattern]) => pattern.source),
  };
}

/** The first line in which two texts differ, for messages. */
export function firstDifference(theirs: string, ours: string): string {
  const [a, b] = [theirs.split('\n'), ours.split('\n')];
  const at = a.findIndex((line, i) => line !== b[i]);
  return `\n  nfdump ${JSON.stringify(a[at])}\n  weir   ${JSON.stringify(b[at])}`;
}
