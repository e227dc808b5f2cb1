import { statSync } from 'node:fs';
import { join } from 'node:path';
import { listOption, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import { sourceDirectories } from '../store/segment-files.ts';

/** Which running stores are looked at. */
export const storeOptions: OptionTable = {
  r: listOption('directory that a weir collect or weir export writes to'),
  R: listOption('the same, as weir dump has it'),
  M: valueOption('several stores: DIR/A:B, or DIR@ for all below; -r and -R are then below each of them'),
};

/** @throws UserError without one, and for one that is not there */
export async function parseStores(values: OptionValues, command: string): Promise<string[]> {
  const named = (['r', 'R'] as const).flatMap((option) => values.list(option).map((path) => ({ option, path })));
  const sources = values.text('M');
  if (named.length === 0 && sources === undefined) {
    throw new UserError(`which store? give -r DIR; see weir ${command} --help`);
  }
  const above = sources === undefined ? [''] : await sourceDirectories(sources);
  const below = named.length === 0 ? [{ option: 'M', path: '.' }] : named;
  return above.flatMap((source) =>
    below.map(({ option, path }) => {
      const store = join(source, path);
      if (statSync(store, { throwIfNoEntry: false })?.isDirectory() !== true) {
        throw new UserError(`no such directory: ${store} (-${option})`);
      }
      return store;
    }),
  );
}
