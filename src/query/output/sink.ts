import type { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { UserError } from '../../flow/user-error.ts';
import { TextBlock } from './text.ts';

/** Whoever reads the output has gone (a closed pipe): not an error, but the end of the work. */
export class ReaderGone extends Error {}

/** What a failed write to a stream means. */
export function writeFailure(error: Error): ReaderGone | UserError {
  const isGone = 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED');
  return isGone ? new ReaderGone() : new UserError(`cannot write the output: ${error.message}`, { cause: error });
}

/**
 * Output in large blocks with backpressure: one block is filled while the other is written. A reader that goes away
 * ends the work by `ReaderGone`.
 */
export class OutputSink {
  private readonly stream: Writable;
  private filling = new TextBlock();
  private spare = new TextBlock();
  private writing: Promise<void> = Promise.resolve();
  private hasWritten = false;
  private readonly beforeWrite: () => void;

  /** `beforeWrite` is called before each block: what else is on a terminal must go. */
  constructor(stream: Writable, beforeWrite: () => void = () => undefined) {
    this.stream = stream;
    this.beforeWrite = beforeWrite;
    // Errors reach `write` by its callback; without a listener they would end the process as well.
    stream.on('error', () => undefined);
  }

  /** The block to write into. */
  get block(): TextBlock {
    return this.filling;
  }

  /** To be awaited whenever the block is full, and at the end. */
  async flush(): Promise<void> {
    await this.writing;
    const full = this.filling;
    this.filling = this.spare;
    this.spare = full;
    this.filling.length = 0;
    this.writing = full.length === 0 ? Promise.resolve() : this.write(full.bytes.subarray(0, full.length));
    this.writing.catch(() => undefined);
    // Writes to files and terminals end at once: without a turn of the event loop no signal would be seen.
    await setImmediate();
  }

  /** Forgets what was filled in, if nothing of it has been written yet since the last `end`; false if some has. */
  takeBack(): boolean {
    if (this.hasWritten) return false;
    this.filling.length = 0;
    return true;
  }

  /** Resolves when everything has been handed to the system. */
  async end(): Promise<void> {
    await this.flush();
    await this.writing;
    this.hasWritten = false;
  }

  private write(bytes: Uint8Array): Promise<void> {
    this.beforeWrite();
    this.hasWritten = true;
    return new Promise((resolve, reject) => {
      this.stream.write(bytes, (error) => {
        if (error === null || error === undefined) resolve();
        else reject(writeFailure(error));
      });
    });
  }
}
