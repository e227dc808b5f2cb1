import { UserError } from '../flow/user-error.ts';

/** Command line as the parser of `weir collect` takes it, and what is to be said about options that do nothing here. */
export interface CollectArguments {
  readonly argv: readonly string[];
  readonly notes: readonly string[];
}

/** Short options that take a value, attached or as the next word. */
const WITH_VALUE = 'bBdfgIJlMnpPRsStTuwWx';

const COMPRESSED = 'flow files are always compressed';
const ALL_FIELDS = 'all fields are stored';

/** Options of nfcapd that start lines have and that change nothing here. */
const WITHOUT_EFFECT: Readonly<Record<string, string>> = {
  z: COMPRESSED,
  j: COMPRESSED,
  y: COMPRESSED,
  W: 'files are written by as many threads as there are cores, up to four',
  X: ALL_FIELDS,
  T: ALL_FIELDS,
  E: 'records are not printed; ask weir dump',
  v: 'there is one level of logging; -q is less',
  Z: 'file names are in UTC, which no clock change repeats',
};

/** Options of nfcapd that would be missed if they did nothing. */
const REFUSED: Readonly<Record<string, string>> = {
  C: 'the configuration file of nfcapd is another one: give --config FILE',
  i: 'counters are served by HTTP: give --metrics HOST:PORT',
  m: 'counters are served by HTTP: give --metrics HOST:PORT',
  o: 'of sampled packets in tunnels the outer addresses are stored; leave it out',
  Y: 'yaf files are not read',
};

/**
 * Reads short options by the rules of getopt, as nfcapd does (`-p9995`, `-Iname`, `-DE`), and spells them so that one
 * parser takes all (`-p=9995`). `-w` without a directory is nfcapd 1.6's flag "align to the clock", which is always so.
 */
export function readCollectArguments(argv: readonly string[]): CollectArguments {
  const out: string[] = [];
  const notes: string[] = [];
  let at = 0;
  while (at < argv.length) {
    const word = argv[at++]!;
    if (word === '--') {
      out.push(word, ...argv.slice(at));
      break;
    }
    if (!/^-[^-]/.test(word)) {
      out.push(word);
      continue;
    }
    for (let i = 1; i < word.length; i++) {
      const option = word[i]!;
      const rest = word.slice(i + 1);
      const next = argv[at];
      const taken = valuePlace(option, rest, next);
      if (taken === 'next') at++;
      const value = taken === 'next' ? next : taken === 'rest' ? rest.replace(/^=/, '') : undefined;
      take(option, value);
      if (taken === 'rest') break;
    }
  }
  return { argv: out, notes };

  function take(option: string, value: string | undefined): void {
    const refusal = REFUSED[option];
    if (refusal !== undefined && !(option === 'C' && value === 'none')) throw new UserError(`-${option}: ${refusal}`);
    const excuse = WITHOUT_EFFECT[option];
    if (excuse !== undefined) notes.push(`-${option} has no effect: ${excuse}`);
    else if (option === 'w' && value === undefined) notes.push('-w without a directory has no effect: see -l');
    else if (option !== 'C') out.push(value === undefined ? `-${option}` : `-${option}=${value}`);
  }
}

/** Where the value of an option stands: in the rest of its word, in the next word, or nowhere. */
function valuePlace(option: string, rest: string, next: string | undefined): 'rest' | 'next' | undefined {
  switch (option) {
    case 'w':
      // An option in the place of the directory: the flag of 1.6.
      return rest !== '' ? 'rest' : next === undefined || next.startsWith('-') ? undefined : 'next';
    case 'z':
      return rest === '' ? undefined : 'rest';
    case 'v':
    case 'X':
      // Without a value in some versions.
      return rest !== '' ? 'rest' : next !== undefined && /^\d[\d,]*$/.test(next) ? 'next' : undefined;
    case 'C':
      return rest !== '' ? 'rest' : 'next';
  }
  if (!WITH_VALUE.includes(option)) return rest.startsWith('=') ? 'rest' : undefined;
  if (rest !== '') return 'rest';
  if (next === undefined) throw new UserError(`-${option} needs a value; see weir collect --help`);
  return 'next';
}
