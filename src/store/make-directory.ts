import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory, and those above it that are missing. As `recursive` of Node.js, which for ever tries again where the parent
 * is there and yet takes no directory (/proc).
 */
export function makeDirectory(path: string): void {
  const isThere = (at: string) => statSync(at, { throwIfNoEntry: false }) !== undefined;
  if (!isThere(path) && !isThere(dirname(path))) makeDirectory(dirname(path));
  try {
    mkdirSync(path);
  } catch (cause) {
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw cause;
  }
}
