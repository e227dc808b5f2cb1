import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../flow/user-error.ts';

/** Standard input, as an argument of `-r`. */
export const STANDARD_INPUT = '-';

/**
 * The capture files that `-r` arguments name, in order: files as they are, `-` for standard input (once at most), and of a
 * directory its files in the order of their names, without hidden ones and without its sub-directories. What does not
 * exist stays in the list: whoever opens it says so. Throws a `UserError` for a directory with nothing to read.
 */
export function captureFiles(paths: readonly string[]): string[] {
  if (paths.filter((path) => path === STANDARD_INPUT).length > 1) {
    throw new UserError('-r -: standard input can be read once only');
  }
  return paths.flatMap((path) => (path !== STANDARD_INPUT && isDirectory(path) ? filesIn(path) : [path]));
}

function filesIn(directory: string): string[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch (cause) {
    throw new UserError(`${directory}: ${(cause as Error).message}`, { cause });
  }
  // By code units and not by locale: the order must not depend on who reads.
  const files = names
    .filter((name) => !name.startsWith('.'))
    .sort((a, b) => (a < b ? -1 : 1))
    .map((name) => join(directory, name))
    .filter((path) => !isDirectory(path));
  if (files.length === 0) throw new UserError(`${directory}: there is no file in this directory`);
  return files;
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
