import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writeFailure } from '../../query/output/sink.ts';
import { endsWithout } from './ends-without.ts';

/** A directory that nobody else can enter, and that goes with the process, however it ends. */
export class TemporaryDirectory {
  readonly path: string;
  private readonly release: () => void;

  private constructor(path: string) {
    this.path = path;
    this.release = endsWithout(path);
  }

  /** `weir-FOR-...` where the system has such directories. */
  static async make(use: string): Promise<TemporaryDirectory> {
    return new TemporaryDirectory(await mkdtemp(join(tmpdir(), `weir-${use}-`)));
  }

  async remove(): Promise<void> {
    this.release();
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Writes a whole file to a stream, which stays open; throws `ReaderGone` when nobody reads it any more. */
export async function writeFileTo(stream: Writable, path: string): Promise<void> {
  await pipeline(createReadStream(path), stream, { end: false }).catch((error: Error) => {
    throw writeFailure(error);
  });
}
