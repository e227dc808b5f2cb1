import { readFileSync } from 'node:fs';
import { UserError } from '../flow/user-error.ts';

/** Reads the file that an option names; throws a UserError that names both. */
export function readPem(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new UserError(`--${option} ${path}: cannot read: ${(cause as Error).message}`, { cause });
  }
}
