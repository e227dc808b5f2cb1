import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { UserError } from '../../flow/user-error.ts';
import type { CollectOptions } from './options.ts';
import type { SourcePlan } from './source-plan.ts';

/**
 * Throws a `UserError` for what is wrong with the options and can be found without listening or writing anything: files
 * that cannot be read, directories that cannot be written or made.
 */
export function checkCollectOptions({ files, plan }: CollectOptions): void {
  for (const file of files) {
    try {
      accessSync(file, constants.R_OK);
    } catch (cause) {
      throw new UserError(`-f "${file}" cannot be read: ${(cause as Error).message}`, { cause });
    }
  }
  for (const directory of directoriesOf(plan)) checkDirectory(directory);
}

function directoriesOf(plan: SourcePlan): readonly string[] {
  return plan.kind === 'listed' ? plan.sources.map(({ directory }) => directory) : [plan.directory];
}

/** The directory, or the one above it that is there, must take files. */
function checkDirectory(directory: string): void {
  try {
    let path = resolve(directory);
    while (!existsSync(path)) path = dirname(path);
    if (!statSync(path).isDirectory()) throw new Error(`${path} is not a directory`);
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new UserError(`flows cannot be written to "${directory}": ${(cause as Error).message}`, { cause });
  }
}
