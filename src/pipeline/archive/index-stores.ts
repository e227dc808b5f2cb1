import { resolve } from 'node:path';
import { storeDirectory } from '../../store/sampling-rates.ts';
import { indexStore } from '../../store/slot-index.ts';
import { type Log, plural } from '../daemon/log.ts';
import { storesBelow } from './stores-below.ts';

/**
 * Brings the indexes of stores up to date, those of a directory of stores (`weir collect -M`) one by one. Returns the exit
 * status: 1 when a file cannot be read.
 *
 * @throws UserError when a directory cannot be read or an index cannot be written.
 */
export async function runIndex(directories: readonly string[], write: Log): Promise<number> {
  let status = 0;
  for (const directory of directories) {
    for (const store of await storesBelow(await storeDirectory(resolve(directory)))) {
      const startedMs = performance.now();
      const { indexed, known, refused } = await indexStore(store);
      for (const reason of refused) write(`not indexed: ${reason}`);
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(2);
      write(`${store}: ${plural(indexed, 'file')} indexed in ${seconds} s, ${known} were before`);
      if (refused.length > 0) status = 1;
    }
  }
  return status;
}
