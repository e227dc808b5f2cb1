import { type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import type { FileSelection } from '../store/segment-files.ts';

/** Which flow files: as in weir dump. */
export const selectionOptions: OptionTable = {
  r: valueOption('a file, or all files below a directory'),
  R: valueOption('a range of files: DIR, DIR/FIRST, DIR/FIRST:LAST'),
  M: valueOption('the same -r or -R below several directories: DIR/A:B, or DIR@ for all below'),
};

export function parseSelection(values: OptionValues, command: string): FileSelection {
  const [read, range, sources] = [values.text('r'), values.text('R'), values.text('M')];
  if (read === undefined && range === undefined) {
    throw new UserError(`which files? give -r or -R; see weir ${command} --help`);
  }
  if (read !== undefined && range !== undefined) throw new UserError('-r and -R exclude each other; give one of them');
  return { read, range, sources };
}
