import { readFileSync } from 'node:fs';
import { Reader } from 'mmdb-lib';
import { UserError } from '../flow/user-error.ts';

/** Opens a file in the MaxMind format (`.mmdb`) of so many bytes; throws a `UserError` that names it when it is none. */
export function openMmdb(path: string): { reader: Reader<never>; size: number } {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new UserError(`${path}: cannot read: ${(cause as Error).message}`, { cause });
  }
  try {
    return { reader: new Reader<never>(bytes), size: bytes.length };
  } catch (cause) {
    throw new UserError(`${path}: this is no MaxMind database (.mmdb)`, { cause });
  }
}
