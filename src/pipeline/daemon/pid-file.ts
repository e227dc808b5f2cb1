import { closeSync, constants, ftruncateSync, openSync, readFileSync, unlinkSync, writeSync } from 'node:fs';
import { isMissing } from '../../flow/missing.ts';
import { UserError } from '../../flow/user-error.ts';

/** No link is followed: the directory may be another user's, who is not to choose which file root overwrites. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;

/** A file with the id of this process, for whoever is to signal it. */
export class PidFile {
  private readonly path: string;
  /** Kept open: who this process becomes (-u) may not be allowed to open it again. */
  private readonly file: number;

  private constructor(path: string, file: number) {
    this.path = path;
    this.file = file;
  }

  /** Throws UserError while the process that the file names runs; a file that a crash left is replaced. */
  static take(path: string): PidFile {
    const running = runningProcess(path);
    if (running !== undefined) {
      throw new UserError(`process ${running} runs already, as ${path} says: stop it first, or give another -P`);
    }
    let file: number | undefined;
    try {
      file = openSync(path, OPEN_FLAGS, 0o644);
      writeSync(file, `${process.pid}\n`);
      return new PidFile(path, file);
    } catch (cause) {
      if (file !== undefined) closeSync(file);
      throw new UserError(`cannot write the process id to ${path} (-P): ${(cause as Error).message}`, { cause });
    }
  }

  /** Removes what process `pid` left behind that could not start, and that may have become somebody else by then. */
  static clear(path: string, pid: number | undefined): void {
    try {
      const text = readFileSync(path, 'utf8').trim();
      if (text === '' || text === String(pid)) unlinkSync(path);
    } catch {
      // There is none, or it is as little ours.
    }
  }

  /** Removes the file, or empties it where the directory is no longer ours to change. To be called once. */
  release(): void {
    try {
      if (readPid(this.path) !== process.pid) return;
      unlinkSync(this.path);
    } catch {
      try {
        ftruncateSync(this.file);
      } catch {
        // Left behind, it names no running process and is replaced by the next start.
      }
    } finally {
      closeSync(this.file);
    }
  }
}

function runningProcess(path: string): number | undefined {
  const pid = readPid(path);
  if (pid === undefined || pid === process.pid) return undefined;
  try {
    process.kill(pid, 0);
    return pid;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? pid : undefined;
  }
}

function readPid(path: string): number | undefined {
  try {
    const text = readFileSync(path, 'utf8').trim();
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new UserError(`cannot read ${path} (-P): ${(error as Error).message}`, { cause: error });
  }
}
