import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing } from '../../flow/missing.ts';
import { replaceFile } from '../../store/replace-file.ts';
import type { Log } from '../daemon/log.ts';

/**
 * A small file of the collector's beside the flow files, replaced as a whole: a reader finds the text before or the text
 * after, also when the process is killed. Trouble is logged once and ends with the next good write.
 */
export class StateFile {
  readonly path: string;
  private readonly log: Log;
  private troubled = false;
  private writing: Promise<void> = Promise.resolve();

  /** `name` begins with `.weir.`, so that readers of flow files pass it over. */
  constructor(directory: string, name: string, log: Log) {
    this.path = join(directory, name);
    this.log = log;
  }

  /** The text, or undefined when there is none. */
  async read(): Promise<string | undefined> {
    try {
      return await readFile(this.path, 'utf8');
    } catch (error) {
      if (!isMissing(error)) this.log(`cannot read ${this.path}: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Replaces the text; never rejects. */
  write(text: string): Promise<void> {
    this.writing = this.writing.then(() => this.replace(text));
    return this.writing;
  }

  private async replace(text: string): Promise<void> {
    try {
      await replaceFile(this.path, text, { sync: false });
      this.troubled = false;
    } catch (error) {
      if (!this.troubled) this.log(`cannot write ${this.path}: ${(error as Error).message}`);
      this.troubled = true;
    }
  }
}
