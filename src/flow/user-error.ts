/**
 * Something the user can mend. The command line prints `message` alone, on one line, and exits with `exitCode`; so the
 * message names what, where and what to do.
 */
export class UserError extends Error {
  readonly exitCode: number;

  constructor(message: string, options: { exitCode?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'UserError';
    this.exitCode = options.exitCode ?? 1;
  }
}

/** Whether this is a UserError: of whatever bundle, for each command brings a class of its own (scripts/build.mjs). */
export function isUserError(error: unknown): error is UserError {
  return error instanceof Error && error.name === 'UserError';
}

/** What the user is told of a directory that cannot be read. */
export function unreadableDirectory(directory: string, cause: unknown): UserError {
  const { code, message } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') return new UserError(`no such directory: ${directory}`, { cause });
  if (code === 'ENOTDIR') return new UserError(`${directory} is no directory`, { cause });
  return new UserError(`cannot read ${directory}: ${message}`, { cause });
}
