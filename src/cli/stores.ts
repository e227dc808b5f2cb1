import { statSync } from 'node:fs';
import { listOption, type OptionTable } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';

/** Which running stores are looked at. */
export const storeOptions: OptionTable = {
  r: listOption('directory that a weir collect or weir export writes to'),
};

/** @throws UserError without one, and for one that is not there */
export function parseStores(values: OptionValues, command: string): string[] {
  const stores = values.list('r');
  if (stores.length === 0) throw new UserError(`which store? give -r DIR; see weir ${command} --help`);
  for (const store of stores) {
    if (statSync(store, { throwIfNoEntry: false })?.isDirectory() !== true) {
      throw new UserError(`no such directory: ${store} (-r)`);
    }
  }
  return stores;
}
