import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../flow/missing.ts';

/**
 * The directory and everything below it that a layout of slots made. Other sub-directories may be stores of their own,
 * with an owner of their own. A sub-directory that goes meanwhile, because its last file has expired, is passed over.
 */
export async function* slotDirectories(
  directory: string,
  isTop = true,
): AsyncGenerator<{ path: string; entries: Dirent[] }, void, undefined> {
  const entries = await readdir(directory, { withFileTypes: true }).catch((cause) => {
    if (isTop || !isMissing(cause)) throw cause;
    return [];
  });
  yield { path: directory, entries };
  const pattern = isTop ? /^\d{4}(-\d\d-\d\d)?$/ : /^\d{1,3}$/;
  for (const entry of entries) {
    if (entry.isDirectory() && pattern.test(entry.name)) yield* slotDirectories(join(directory, entry.name), false);
  }
}
