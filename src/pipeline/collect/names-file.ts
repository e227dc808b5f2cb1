import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ExporterNames } from '../../flow/exporter-names.ts';
import { directoriesAbove } from '../../store/directories-above.ts';

/** Name of the file, in the directory of a store, with the names that exporters gave to their numbers. */
export const NAMES_FILE = '.weir.names.json';

/** The names that stand beside flow files, or in the stores that they are in. What cannot be read counts as none. */
export async function namesBeside(files: readonly string[]): Promise<ExporterNames> {
  const names = new ExporterNames();
  const looked = new Set<string>();
  for (const file of files) {
    for (const directory of directoriesAbove([file])) {
      if (looked.has(directory)) break;
      looked.add(directory);
      if (await readInto(names, join(directory, NAMES_FILE))) break;
    }
  }
  return names;
}

async function readInto(names: ExporterNames, path: string): Promise<boolean> {
  try {
    names.restore(await readFile(path, 'utf8'));
    return true;
  } catch {
    return false;
  }
}
