import { basename, dirname } from 'node:path';
import { addon } from '../addon/addon.ts';
import { UserError } from '../flow/user-error.ts';
import { slotDirectories } from './slot-directories.ts';
import { segmentTime } from './slots.ts';

/** Name of the index in each directory of slots: see docs/format.md. */
export const INDEX_NAME = '.weir.index';

/** What became of the flow files of a store. */
export interface StoreIndexing {
  /** Files that were entered, and those that were in the index before. */
  indexed: number;
  known: number;
  /** Files without an entry, each with the reason. */
  refused: string[];
}

/**
 * Enters the file of a slot that has just ended into the index of its directory. The index only saves work to questions,
 * so a failure is for the log: rejects with it.
 */
export async function indexSlot(path: string): Promise<void> {
  const { refused } = await addon().indexFiles(dirname(path), [basename(path)], false);
  if (refused[0] !== undefined) throw new Error(refused[0]);
}

/**
 * Enters every finished slot of a store that is not in the index of its directory, and drops what is gone.
 *
 * @throws UserError when a directory cannot be read or an index cannot be written.
 */
export async function indexStore(directory: string): Promise<StoreIndexing> {
  const found: StoreIndexing = { indexed: 0, known: 0, refused: [] };
  try {
    for await (const { path, entries } of slotDirectories(directory)) {
      const names = entries.filter((entry) => entry.isFile() && segmentTime(entry.name) !== undefined);
      if (names.length > 0) {
        const { indexed, known, refused } = await addon().indexFiles(
          path,
          names.map(({ name }) => name),
          true,
        );
        found.indexed += indexed;
        found.known += known;
        found.refused.push(...refused);
      }
      await addon().tidyIndex(path);
    }
  } catch (cause) {
    throw new UserError(`cannot index ${directory}: ${(cause as Error).message}`, { cause });
  }
  return found;
}

/** Drops from the index of a directory what it has of files that were deleted; the index goes with the last of them. */
export async function forgetDeleted(directory: string): Promise<void> {
  // What is left over does no harm: it is of files that no question reads.
  await addon()
    .tidyIndex(directory)
    .catch(() => undefined);
}
