import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { storedFiles } from '../../store/expire.ts';
import { LOCK_NAME } from '../../store/take-directory.ts';

/** The directory itself, or those below it that a collector has taken when it has no flow files of its own. */
export async function storesBelow(directory: string): Promise<string[]> {
  if ((await storedFiles(directory)).length > 0) return [directory];
  const entries = await readdir(directory, { withFileTypes: true });
  const stores = entries
    .filter((entry) => entry.isDirectory() && existsSync(join(directory, entry.name, LOCK_NAME)))
    .map(({ name }) => join(directory, name));
  return stores.length > 0 ? stores.sort() : [directory];
}
