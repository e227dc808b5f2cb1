import { resolve } from 'node:path';
import { keyed, listOption, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { parsePrefix } from '../flow/prefix.ts';
import { UserError } from '../flow/user-error.ts';
import type { ListedSource, SourcePlan } from '../pipeline/collect/source-plan.ts';

/** Whose flows go where. */
export const sourceOptions: OptionTable = {
  w: keyed('directory', valueOption('write flow files below this directory')),
  l: valueOption('the same, as old start lines have it'),
  n: keyed(
    'sources',
    listOption('IDENT,IP[;IP...],DIR: flows of these addresses or blocks go there, others are ignored'),
  ),
  M: keyed('directory-by-exporter', valueOption('a sub-directory of this one for each exporter')),
  I: keyed('ident', valueOption('ident stored in flow files [default: none]')),
};

/** Checks that exactly one of the ways to name directories was chosen, and reads it. */
export function parseSources(values: OptionValues): SourcePlan {
  const listed = values.list('n');
  const dynamic = values.text('M');
  const [directory, other] = new Set([...values.list('w'), ...values.list('l')]);
  if (other !== undefined)
    throw new UserError(`-w and -l mean the same: give one directory, not ${directory} and ${other}`);
  const ways = [directory, listed[0], dynamic].filter((way) => way !== undefined).length;
  if (ways === 0) {
    throw new UserError('nowhere to put flows: give -w DIR, -n IDENT,IP,DIR or -M DIR; see weir collect --help');
  }
  if (ways > 1) throw new UserError('-w, -n and -M exclude each other: each says for all exporters where flows go');
  if (dynamic !== undefined) return { kind: 'dynamic', directory: dynamic };
  if (directory !== undefined) return { kind: 'one', directory, ident: checkIdent('-I', values.text('I') ?? 'none') };
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
