import { flagOption, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import { layoutOf, subDirectoriesOption } from './sub-directories.ts';

/** Where a command that reads flow files writes others. */
export const storeOutputOptions: OptionTable = {
  w: valueOption('write flow files below this directory; with -M below one of the name of each source'),
  S: subDirectoriesOption,
  force: flagOption('make slots anew that are there already'),
};

/** Of a command that takes no operands; throws a UserError when there is one, or no directory. */
export function parseStoreOutput(
  values: OptionValues,
  operands: readonly string[],
  command: string,
): { directory: string; layout: number; force: boolean } {
  if (operands.length > 0) throw new UserError(`weir ${command} takes no "${operands[0]}"; see weir ${command} --help`);
  const directory = values.text('w');
  if (directory === undefined) throw new UserError(`where to? give -w DIR; see weir ${command} --help`);
  return { directory, layout: layoutOf(values), force: values.flag('force') };
}
