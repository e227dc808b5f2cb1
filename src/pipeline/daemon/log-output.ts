import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { escapeControls } from '../../flow/json.ts';
import { oneLine } from '../../flow/one-line.ts';
import { UserError } from '../../flow/user-error.ts';
import type { Log } from './log.ts';

export type LogFormat = 'text' | 'json';
export const logFormats: readonly LogFormat[] = ['text', 'json'];

const OUTPUT = 1;
const ERROR = 2;
/** Names of standard output and error, which are links: nothing is opened for them. */
const STANDARD: ReadonlyMap<string, number> = new Map([
  ['/dev/stdout', OUTPUT],
  ['/dev/fd/1', OUTPUT],
  ['/proc/self/fd/1', OUTPUT],
  ['/dev/stderr', ERROR],
  ['/dev/fd/2', ERROR],
  ['/proc/self/fd/2', ERROR],
]);

/** No link is followed: the directory may be another user's, who is not to choose which file root's lines go to. */
const OPEN_FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

type Level = 'info' | 'warning';

export interface LogOptions {
  readonly command: 'export' | 'collect';
  readonly format: LogFormat;
  /** Instead of standard error. */
  readonly file?: string;
  /** Instead of standard error where there is no file: syslog, for a process that has no terminal. */
  readonly inBackground: boolean;
  /** Text has the time in front: of daemons, whose lines stay. */
  readonly timed: boolean;
  /** Warnings alone. */
  readonly quiet: boolean;
}

/** Where the lines of a command go: `info` for what is well, `warn` for what is lost or wrong. */
export class LogOutput {
  quiet: boolean;
  private readonly options: LogOptions;
  private readonly style: (level: Level, line: string) => string;
  private target: Target;
  /** The latest attempt to open the file again failed, which has been told. */
  private isStuck = false;

  /** Throws UserError for a file that cannot be written. */
  constructor(options: LogOptions) {
    this.options = options;
    this.quiet = options.quiet;
    const { file, inBackground } = options;
    if (file !== undefined) this.target = standardTarget(file, inBackground) ?? fileTarget(file);
    else this.target = inBackground ? systemTarget() : standardError;
    const timed = options.timed || (file !== undefined && this.target !== standardError);
    const toJournal = this.target === standardError && isJournal();
    if (options.format === 'json') this.style = (level, line) => jsonLine(options.command, level, line);
    // The journal knows the time and takes the level in front of a line.
    else if (toJournal) this.style = (level, line) => `<${level === 'info' ? 6 : 4}>${oneLine(line)}`;
    else
      this.style = (_, line) => (timed && !this.target.addsTime ? `${new Date().toISOString()} ` : '') + oneLine(line);
  }

  readonly info: Log = (line) => {
    if (!this.quiet) this.target.write(this.style('info', line));
  };

  readonly warn: Log = (line) => this.target.write(this.style('warning', line));

  get isStandardError(): boolean {
    return this.target === standardError;
  }

  /**
   * Opens the file by its name again, for who has moved it away. Where that fails, as it may once privileges are gone, the
   * one at hand stays in use; that is said once, until it works again.
   */
  reopen(): void {
    const { file } = this.options;
    if (file === undefined || STANDARD.has(file)) return;
    try {
      const target = fileTarget(file);
      this.target.close();
      this.target = target;
      this.isStuck = false;
    } catch (error) {
      if (!this.isStuck) this.warn(`${(error as Error).message}; lines still go to the file opened before`);
      this.isStuck = true;
    }
  }

  close(): void {
    this.target.close();
  }
}

interface Target {
  /** A line without its end. */
  readonly write: (line: string) => void;
  readonly close: () => void;
  readonly addsTime?: true;
}

const standardError: Target = { write: (line) => process.stderr.write(`${line}\n`), close: () => {} };

/**
 * What `path` names if that is standard output or error. It is written to as it is, so a pipe or a socket will do, and whoever
 * weir becomes may go on.
 */
function standardTarget(path: string, inBackground: boolean): Target | undefined {
  const number = STANDARD.get(path);
  if (number === undefined) return undefined;
  if (inBackground) {
    throw new UserError(
      `cannot write the log to ${path} (--log): a process in the background (-D) has none of that: give a file`,
    );
  }
  return number === ERROR ? standardError : { write: (line) => writeLine(number, line), close: () => {} };
}

/** A line that cannot be written is given up: the command goes on. */
function writeLine(file: number, line: string): void {
  try {
    writeSync(file, `${line}\n`);
  } catch {
    // A full disk has its own line once there is room; see FlowStore.
  }
}

/** Appends to a file. */
function fileTarget(path: string): Target {
  let file: number;
  try {
    file = openSync(path, OPEN_FLAGS, 0o644);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why = code === 'ELOOP' ? 'it is a symbolic link, give the file that it leads to' : message;
    throw new UserError(`cannot write the log to ${path} (--log): ${why}`, { cause });
  }
  return { write: (line) => writeLine(file, line), close: () => closeSync(file) };
}

/** Facility daemon of syslog, through `logger`; where that is missing, lines are lost. */
function systemTarget(): Target {
  const child: ChildProcess = spawn('logger', ['-p', 'daemon.info', '-t', `weir[${process.pid}]`], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => {});
  child.stdin?.on('error', () => {});
  return {
    write: (line) => {
      if (child.stdin?.writable === true) child.stdin.write(`${line}\n`);
    },
    close: () => child.stdin?.end(),
    addsTime: true,
  };
}

function jsonLine(command: string, level: Level, message: string): string {
  return escapeControls(JSON.stringify({ time: new Date().toISOString(), level, command, message }));
}

/** Whether standard error leads to systemd's journal: it says in JOURNAL_STREAM which file that is. */
function isJournal(): boolean {
  const stream = process.env['JOURNAL_STREAM'];
  if (stream === undefined) return false;
  try {
    const { dev, ino } = fstatSync(2);
    return stream === `${dev}:${ino}`;
  } catch {
    return false;
  }
}
