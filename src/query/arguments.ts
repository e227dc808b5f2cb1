import { parseSize } from '../flow/size.ts';
import { UserError } from '../flow/user-error.ts';
import type { DumpAction, DumpOptions, FileCompression } from './options.ts';
import { parseRowLimit } from './row-limits.ts';

/** Options with a value (W has no meaning here, but must not hurt), and without one. */
const WITH_VALUE = 'rRMfstcnoOAPlLWGHCDwJivE';
const WITHOUT_VALUE = 'aNq6mTZhbBIgXjyV';
const OF_FILES = 'rRMfwGCvE';
const LONG: Readonly<Record<string, string>> = {
  help: 'h',
  version: 'V',
  sql: 'sql',
  overlap: 'overlap',
  unscaled: 'unscaled',
  resolve: 'resolve',
};
/** And what the value is. */
const LONG_WITH_VALUE: Readonly<Record<string, string>> = {
  baseline: 'a directory or a range of files',
  memory: 'a size such as 2G',
};
const REFUSED: Readonly<Record<string, string>> = {
  K: 'addresses are not anonymised while reading: use weir anonymize',
  x: 'use any Parquet tool to look into a segment, or -v to verify one',
  p: 'there is no such option any more in nfdump either',
  S: 'statistics are -s',
};

/** Help of `weir dump -h`. */
export const USAGE = `usage: weir dump [options] [filter]
  -r FILE|DIR   read a file (also one of nfcapd), or all files below a directory
  -R RANGE      read a range of files: DIR, DIR/FIRST, DIR/FIRST:LAST
  -M DIR/A:B    read the same -r or -R below several directories (DIR@: below all)
  -t TIME       time window yyyy/MM/dd.hh:mm:ss[-yyyy/MM/dd.hh:mm:ss]; +N or -N: the first or the last N seconds
  -f FILE       read the filter from a file
  -c NUMBER     stop after so many matching flows
  -n NUMBER     rows of a statistic or a sorted list, 0 for all
  -s STAT[:p][/ORDER...]  statistic of an element, or of record; may be repeated
  -s scan|roles|behaviour|new[:NUMBER]  who scans; classes of hosts, and over time; who was
                not there in the files of --baseline RANGE
  -a            aggregate flows by protocol, addresses and ports
  -b, -B        as -a, both directions in one; -B also finds out who the client is
  -A LIST       aggregate flows by the fields of the list: srcip,dstport,srcip4/24,...
  -O ORDER[:a|:d]  sort: flows packets bytes pps bps bpp tstart tend duration
  -P FILTER     filter the aggregated rows
  -l, -L [+|-]NUMBER  rows of tables with more (-: less) packets, bytes; before -n cuts
  -o FORMAT     line long extended biline bilong csv csv-fast csv-legacy pipe json ndjson raw null
                fmt:... csv:..., or a name from the configuration file; WEIR_CSV=legacy makes
                csv the 48 columns of nfdump up to 1.7.4 (csv-legacy)
  -C FILE       configuration file with formats (else NFCONF; none for no file)
  -6 -N -q -T   whole IPv6 addresses; plain numbers; no header and summary; addresses marked
  -w FILE       write the flows to a flow file instead (- for standard output)
  -z[=ALG[:LEVEL]], -y, -j  compression of -w: zstd, lz4 (lzo and bz2 stand for zstd)
  -i IDENT      ident of the file that -w writes, or a new one for the files of -r or -R
  -J ALG        compress the files of -r or -R anew: 0 none, 3 lz4, 4 zstd
  -I, -g        statistics of the files; a line a file for gnuplot
  -E FILE       exporters that sent the flows of a file
  -v FILE       read a file to its end to verify it
  --overlap     -t also takes flows that reach over the window's ends
  --unscaled    counters as exported, not multiplied by the sampling rate
  -G FILE,...   MaxMind databases (.mmdb): countries beside addresses, %sc %dc, %sloc %dloc (cities), %sasn %dasn
                (organisations), AS numbers of flows that have none (%sas, -s srcas), -s srcgeo, -s srcasn, src geo CH
  --resolve     names of addresses from reverse DNS, at most 10000 in 20 s
  --memory SIZE memory for the work, such as 2G (from 300M on); beyond, files are read again or the disk is used
  -X, --sql     show how the question is understood; as SQL
  -Z            check the filter only
  -h, -V        this text; the version
Filters are nfdump's, with !=, ranges (port 1000-2000), lists from files (ip in @FILE), service names, any
element (ie NAME = VALUE), and sequences: first { dst ip A port 445 } then { src ip A port 80 } within 10m
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
    if (argument.startsWith('--')) {
      const [name = '', ...rest] = argument.slice(2).split('=');
      if (Object.hasOwn(LONG_WITH_VALUE, name)) {
        const value = rest.length > 0 ? rest.join('=') : argv[++i];
        if (value === undefined || value === '') throw new UserError(`option --${name} needs ${LONG_WITH_VALUE[name]}`);
        add(values, name, value);
      } else if (Object.hasOwn(LONG, name) && rest.length === 0) add(values, LONG[name]!, '');
      else throw unknownOption(argument);
    } else if (!argument.startsWith('-') || argument === '-') words.push(argument);
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
    if (letter === 'z') {
      // The algorithm of -z stands in the same word or not at all.
      add(values, letter, letters.slice(at + 1));
      return false;
    }
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
    if (OF_FILES.includes(letter) && isOption(next)) {
      throw new UserError(
        `option -${letter} needs a file: '${next}' is an option (write ./${next} for a file of that name)`,
      );
    }
    add(values, letter, next);
    return true;
  }
  return false;
}

function isOption(word: string): boolean {
  const letter = word[1] ?? '';
  return word.startsWith('-') && letter !== '' && (WITH_VALUE + WITHOUT_VALUE).includes(letter);
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
  const bidirectional = has('B') ? 'guess' : has('b') ? 'merge' : undefined;
  if (bidirectional !== undefined && has('A')) throw new UserError('options -b and -B exclude -A');
  const memory = last('memory');
  const top = last('n');
  const resultFilter = last('P');
  return {
    read: last('r') ?? last('v') ?? last('E'),
    range: last('R'),
    sources: last('M'),
    filter: words.join(' '),
    filterFile: last('f'),
    resultFilter: resultFilter?.trim() === '' ? undefined : resultFilter,
    statistics: values.get('s') ?? [],
    aggregate: has('a'),
    bidirectional,
    aggregateBy: last('A'),
    order: last('O') ?? (has('m') ? 'tstart' : undefined),
    top: top !== undefined && isNoNumber(top) ? 0 : parseCount('n', top, 0),
    limit: parseCount('c', last('c'), 1),
    window: last('t'),
    format: last('o'),
    longV6: has('6'),
    plainNumbers: has('N'),
    quiet: has('q'),
    markAddresses: has('T'),
    overlap: has('overlap'),
    unscaled: has('unscaled'),
    resolve: has('resolve'),
    places: (last('G') ?? 'none').split(',').filter((path) => path !== '' && path !== 'none'),
    memoryOctets: memory === undefined ? undefined : parseSize(memory) || undefined,
    baseline: last('baseline'),
    write: last('w'),
    compression: compressionOf(values),
    ident: last('i'),
    configuration: last('C'),
    action: actionOf(has),
    notes: notesOf(last),
    rowLimits: [...parseRowLimit('bytes', last('L')), ...parseRowLimit('packets', last('l'))],
  };
}

/** Scripts have such values of -n by mistake (`-n -N`), and get all rows from nfdump. */
function isNoNumber(text: string): boolean {
  return !/\d/.test(text);
}

/** What is said of options that have no effect, or another one than may be meant. */
function notesOf(last: (letter: string) => string | undefined): string[] {
  const top = last('n');
  const torDatabase = last('H') ?? 'none';
  return [
    ...(top !== undefined && isNoNumber(top) ? [`option -n: '${top}' is no number; all rows are shown`] : []),
    ...(last('D') === undefined ? [] : ['option -D has no effect: names are looked up as the system does']),
    ...(torDatabase === 'none' ? [] : [`option -H: no Tor database is read, ${torDatabase} has no effect`]),
  ];
}

/** Options that do something else than answer, the strongest first. */
const ACTIONS: readonly (readonly [option: string, action: DumpAction])[] = [
  ['V', 'version'],
  ['h', 'help'],
  ['Z', 'check'],
  ['v', 'verify'],
  ['E', 'exporters'],
  ['X', 'plan'],
  ['sql', 'sql'],
  ['J', 'rewrite'],
  ['I', 'statistics'],
  ['g', 'gnuplot'],
];

function actionOf(has: (option: string) => boolean): DumpAction {
  for (const [option, action] of ACTIONS) if (has(option)) return action;
  return has('i') && !has('w') ? 'rewrite' : 'dump';
}

/** Names and numbers of nfdump's compressions, and the codec that stands for each in Parquet. */
const CODECS: Readonly<Record<string, FileCompression['codec']>> = {
  '0': 'none',
  none: 'none',
  '1': 'zstd',
  lzo: 'zstd',
  '2': 'zstd',
  bz2: 'zstd',
  bzip2: 'zstd',
  '3': 'lz4',
  lz4: 'lz4',
  '4': 'zstd',
  zstd: 'zstd',
};

function compressionOf(values: ReadonlyMap<string, readonly string[]>): FileCompression | undefined {
  const [option, text] =
    (['J', 'z'] as const)
      .map((letter) => [letter, values.get(letter)?.at(-1)] as const)
      .find((one) => one[1] !== undefined) ?? (values.has('y') ? ['y', 'lz4'] : values.has('j') ? ['j', 'bz2'] : []);
  if (text === undefined) return undefined;
  const [name = '', levelText, ...more] = text.replace(/^=/, '').toLowerCase().split(':');
  const codec = name === '' ? 'zstd' : Object.hasOwn(CODECS, name) ? CODECS[name] : undefined;
  const level = levelText === undefined ? undefined : /^\d{1,2}$/.test(levelText) ? Number(levelText) : Number.NaN;
  const most = codec === 'lz4' ? 12 : 22;
  if (codec === undefined || more.length > 0 || (level !== undefined && !(level >= 1 && level <= most))) {
    throw new UserError(`option -${option}: '${text}' is not none, lz4[:1-12] or zstd[:1-22] (lzo and bz2 mean zstd)`);
  }
  return { codec, level };
}

function parseCount(letter: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined;
  const count = /^\s*\+?\d{1,15}\s*$/.test(text) ? Number(text) : Number.NaN;
  if (!(count >= least)) throw new UserError(`option -${letter}: '${text}' is not a number from ${least} on`);
  return count;
}
