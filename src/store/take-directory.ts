import { join, resolve } from 'node:path';
import { addon } from '../addon/addon.ts';
import type { NativeDirectoryLock } from '../addon/segments.ts';
import { UserError } from '../flow/user-error.ts';
import { makeDirectory } from './make-directory.ts';

/** Who has a store; its presence also says that a directory is one. */
export const LOCK_NAME = '.weir.lock';

/** Takes a directory for flows, made if need be. Throws a UserError when it cannot be used or somebody else has it. */
export function takeDirectory(directory: string): NativeDirectoryLock {
  try {
    makeDirectory(resolve(directory));
    const lock = new (addon().DirectoryLock)(join(directory, LOCK_NAME));
    if (lock.held()) return lock;
  } catch (cause) {
    throw new UserError(`cannot use ${directory} for flows: ${(cause as Error).message}`, { cause });
  }
  throw new UserError(`${directory} is in use by another weir process; give each its own directory`);
}
