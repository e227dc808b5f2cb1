import { UserError } from '../flow/user-error.ts';
import type { DumpOptions } from './options.ts';

/** Options with a value (W, G, H and C have no meaning here, but must not hurt), and without one (D likewise). */
const WITH_VALUE = 'rRMfstcnoOAPlLWGHC';
const WITHOUT_VALUE = 'aNq6mTZhD';
const REFUSED: Readonly<Record<string, string>> = {
  w: 'flow files are written by weir collect; select rows into a file with weir sql',
  z: 'it belongs to -w, which weir dump does not have',
  j: 'it belongs to -w, which weir dump does not have',
  y: 'it belongs to -w, which weir dump does not have',
  J: 'Parquet segments carry their own compression',
  K: 'addresses are not anonymised while reading: use weir anonymize',
  b: 'directions are not merged; aggregate with -a',
  B: 'directions are not merged; aggregate with -a',
  i: 'segments have no ident; their source is their directory',
  I: 'use weir dump -o null for the sums of files',
  g: 'use weir dump -o null for the sums of files',
  v: 'use any Parquet tool to look into a segment',
  x: 'use any Parquet tool to look into a segment',
  E: 'use -s router for the exporters in a file',
  V: 'use weir --version',
  X: 'use -Z to check a filter',
  p: 'there is no such option any more in nfdump either',
};

/** Help of `weir dump -h`. */
export const USAGE = `usage: weir dump [options] [filter]
  -r FILE|DIR   read a file (also one of nfcapd), or all files below a directory
  -R RANGE      read a range of files: DIR, DIR/FIRST, DIR/FIRST:LAST
  -M DIR/A:B    read the same -r or -R below several directories (DIR@: below all)
  -t TIME       time window yyyy/MM/dd.hh:mm:ss[-yyyy/MM/dd.hh:mm:ss]
  -f FILE       read the filter from a file
  -c NUMBER     stop after so many matching flows
  -n NUMBER     rows of a statistic or a sorted list, 0 for all
  -s STAT[:p][/ORDER...]  statistic of an element, or of record; may be repeated
  -a            aggregate flows by protocol, addresses and ports
  -A LIST       aggregate flows by the fields of the list: srcip,dstport,srcip4/24,...
  -O ORDER[:a|:d]  sort: flows packets bytes pps bps bpp tstart tend duration
  -P FILTER     filter the aggregated rows
  -o FORMAT     line long extended biline csv json ndjson raw null csv-fast fmt:... csv:...
  -6 -N -q      whole IPv6 addresses; plain numbers; no header and summary
  -Z            check the filter only
  -h            this text
`;

/**
 * Parses the arguments of `weir dump` as GNU getopt does: options and words in any order, options with their value in
 * the same word or the next, `--` before words only. The words together are the filter.
 *
 * @throws UserError naming an option that is unknown or lacks its value.
 */
export function parseDumpArguments(argv: readonly string[]): DumpOptions {
  const values = new Map<string, string[]>();
  const words: string[] = [];
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i]!;
    if (argument === '--') {
      words.push(...argv.slice(i + 1));
      break;
    }
    if (argument === '--help') values.set('h', ['']);
    else if (argument.startsWith('--')) throw unknownOption(argument);
    else if (!argument.startsWith('-') || argument === '-') words.push(argument);
    else if (takeLetters(argument.slice(1), argv[i + 1], values)) i++;
  }
  return toOptions(values, words);
}

/** Takes one word of option letters; true if the last of them took the next word as its value. */
function takeLetters(letters: string, next: string | undefined, values: Map<string, string[]>): boolean {
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at]!;
    const refused = Object.hasOwn(REFUSED, letter) ? REFUSED[letter] : undefined;
    if (refused !== undefined) throw new UserError(`option -${letter}: ${refused}`);
    if (WITHOUT_VALUE.includes(letter)) {
      add(values, letter, '');
      continue;
    }
    if (!WITH_VALUE.includes(letter)) throw unknownOption(`-${letter}`);
    const rest = letters.slice(at + 1);
    if (rest !== '') {
      add(values, letter, rest);
      return false;
    }
    if (next === undefined) throw new UserError(`option -${letter} needs a value; weir dump -h lists the options`);
    add(values, letter, next);
    return true;
  }
  return false;
}

function add(values: Map<string, string[]>, letter: string, value: string): void {
  const known = values.get(letter);
  if (known === undefined) values.set(letter, [value]);
  else known.push(value);
}

function unknownOption(option: string): UserError {
  return new UserError(`unknown option ${option}; weir dump -h lists the options`);
}

function toOptions(values: ReadonlyMap<string, readonly string[]>, words: readonly string[]): DumpOptions {
  const last = (letter: string) => values.get(letter)?.at(-1);
  const has = (letter: string) => values.has(letter);
  if (has('r') && has('R')) throw new UserError('options -r and -R exclude each other');
  if (has('M') && !has('r') && !has('R')) throw new UserError('option -M needs -r or -R');
  if ((values.get('A')?.length ?? 0) > 1) throw new UserError('option -A can be given once');
  const resultFilters = [last('P'), limitFilter('packets', last('l')), limitFilter('bytes', last('L'))];
  const filters = resultFilters.filter((one) => one !== undefined);
  return {
    read: last('r'),
    range: last('R'),
    sources: last('M'),
    filter: words.join(' '),
    filterFile: last('f'),
    resultFilter: filters.length === 0 ? undefined : filters.map((one) => `(${one})`).join(' and '),
    statistics: values.get('s') ?? [],
    aggregate: has('a'),
    aggregateBy: last('A'),
    order: last('O') ?? (has('m') ? 'tstart' : undefined),
    top: parseCount('n', last('n'), 0),
    limit: parseCount('c', last('c'), 1),
    window: last('t'),
    format: last('o'),
    longV6: has('6'),
    plainNumbers: has('N'),
    quiet: has('q'),
    markAddresses: has('T'),
    action: has('h') ? 'help' : has('Z') ? 'check' : 'dump',
  };
}

function parseCount(letter: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= least)) throw new UserError(`option -${letter}: '${text}' is not a number from ${least} on`);
  return count;
}

/** -l and -L of older versions: `+10k` or `10k` for more than, `-10k` for less than. */
function limitFilter(term: 'packets' | 'bytes', text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const match = /^([+-]?)(\d+[kmgt]?)$/i.exec(text);
  if (match === null)
    throw new UserError(`option -${term === 'packets' ? 'l' : 'L'}: '${text}' is not [+|-]NUMBER[K|M|G]`);
  return `${term} ${match[1] === '-' ? '<' : '>'} ${match[2]}`;
}
