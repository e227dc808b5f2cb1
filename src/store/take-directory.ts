import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { addon, type NativeDirectoryLock } from '../addon/addon.ts';
import { UserError } from '../flow/user-error.ts';

/** Takes a directory for flows, made if need be. Throws a UserError when it cannot be used or somebody else has it. */
export function takeDirectory(directory: string): NativeDirectoryLock {
  try {
    mkdirSync(directory, { recursive: true });
    const lock = new (addon().DirectoryLock)(join(directory, '.weir.lock'));
    if (lock.held()) return lock;
  } catch (cause) {
    throw new UserError(`cannot use ${directory} for flows: ${(cause as Error).message}`, { cause });
  }
  throw new UserError(`${directory} is in use by another weir process; give each its own directory`);
}
