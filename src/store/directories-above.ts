import { dirname, resolve } from 'node:path';

/** Directories between a store and its files, by the deepest layout, and one for the source (-M of the collector). */
const MOST_LEVELS = 6;

/** Whole paths of the directories that may be the store of one of these files, each once; of one file the nearest first. */
export function directoriesAbove(paths: readonly string[]): string[] {
  const found = new Set<string>();
  let last: string | undefined;
  for (const path of paths) {
    // Of thousands of files in a row most stand in the directory of the one before.
    const above = path.slice(0, path.lastIndexOf('/') + 1);
    if (above === last) continue;
    last = above;
    let directory = resolve(above);
    for (let level = 0; level < MOST_LEVELS && !found.has(directory); level++) {
      found.add(directory);
      directory = dirname(directory);
    }
  }
  return [...found];
}
