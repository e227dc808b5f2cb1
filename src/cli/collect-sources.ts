import { resolve } from 'node:path';
import { parsePrefix } from '../flow/prefix.ts';
import { UserError } from '../flow/user-error.ts';
import type { ListedSource, SourcePlan } from '../pipeline/source-plan.ts';

/** What of a command line says whose flows go where. */
export interface SourceArguments {
  /** `-w` and `-l`. */
  readonly directories: readonly string[];
  /** `-I` */
  readonly ident: string | undefined;
  /** `-n` */
  readonly listed: readonly string[];
  /** `-M` */
  readonly dynamic: string | undefined;
}

/** Checks that exactly one of the ways to name directories was chosen, and reads it. */
export function parseSources(args: SourceArguments): SourcePlan {
  const { directories, listed, dynamic } = args;
  const [directory, other] = new Set(directories);
  if (other !== undefined)
    throw new UserError(`-w and -l mean the same: give one directory, not ${directory} and ${other}`);
  const ways = [directory, listed[0], dynamic].filter((way) => way !== undefined).length;
  if (ways === 0) {
    throw new UserError('nowhere to put flows: give -w DIR, -n IDENT,IP,DIR or -M DIR; see weir collect --help');
  }
  if (ways > 1) throw new UserError('-w, -n and -M exclude each other: each says for all exporters where flows go');
  if (dynamic !== undefined) return { kind: 'dynamic', directory: dynamic };
  if (directory !== undefined) return { kind: 'one', directory, ident: checkIdent('-I', args.ident ?? 'none') };
  const sources = listed.map(parseListedSource);
  for (const key of ['ident', 'directory'] as const) {
    const seen = new Set<string>();
    for (const source of sources) {
      const value = key === 'directory' ? resolve(source.directory) : source.ident;
      if (seen.has(value)) {
        throw new UserError(
          `-n names the ${key} ${source[key]} twice: put the addresses of a source into one -n, with ; between`,
        );
      }
      seen.add(value);
    }
  }
  return { kind: 'listed', sources };
}

/** Reads `IDENT,IP[;IP...],DIR`, each IP an address or a block. */
function parseListedSource(text: string): ListedSource {
  const [ident, addresses, ...path] = text.split(',');
  // A directory may have commas in its name.
  const directory = path.join(',');
  if (ident === undefined || addresses === undefined || directory === '') {
    throw new UserError(`-n takes IDENT,IP[;IP...],DIR, not "${text}"`);
  }
  const prefixes = addresses
    .split(';')
    .map((address) => address.trim())
    .filter((address) => address !== '')
    .map((address) => {
      const prefix = parsePrefix(address);
      if (prefix === undefined)
        throw new UserError(`-n ${ident}: "${address}" is neither an address nor a block such as 192.0.2.0/24`);
      return prefix;
    });
  if (prefixes.length === 0) throw new UserError(`-n ${ident}: no address is given`);
  return { ident: checkIdent('-n', ident), prefixes, directory };
}

function checkIdent(option: string, ident: string): string {
  if (ident !== '' && ident.length <= 128 && !/\s/.test(ident)) return ident;
  throw new UserError(`${option} takes a name without blanks, at most 128 characters, not "${ident}"`);
}
