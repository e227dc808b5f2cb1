import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';
import { UserError } from '../flow/user-error.ts';
import { type Log, timedLog, withTime } from './log.ts';

/** Where the lines of a daemon go. */
export interface LogOutput {
  readonly write: Log;
  close(): void;
}

export const standardError: LogOutput = { write: timedLog, close: () => {} };

/** Appends to a file. A line that cannot be written is given up: the collector goes on. */
export function fileLog(path: string): LogOutput {
  let file: number;
  try {
    file = openSync(path, 'a', 0o644);
  } catch (cause) {
    throw new UserError(`cannot write the log to ${path} (--log): ${(cause as Error).message}`, { cause });
  }
  return {
    write: (line) => {
      try {
        writeSync(file, `${withTime(line)}\n`);
      } catch {
        // A full disk has its own line once there is room; see FlowStore.
      }
    },
    close: () => closeSync(file),
  };
}

/** Facility daemon of syslog, through `logger`; where that is missing, lines are lost. */
export function systemLog(): LogOutput {
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
  };
}
