import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { UserError } from '../flow/user-error.ts';
import { checkPages, type Damage, type DamagedFiles } from './flow-files.ts';

/** Files that are read together to find which of them cannot be read. */
const READ_AT_ONCE = 64;
/** What the general engine says of content that it cannot read, often without a name. */
const OF_CONTENT = /^Invalid Error: |corrupt/i;

/**
 * The damaged files that a question goes on without. Damage in the middle of a file is only met while it is read, when
 * flows of it may be in sums already: the question is then asked anew without the file, so that nothing of it counts.
 */
export class LeftOut implements DamagedFiles {
  private readonly tell: (message: string) => void;
  /** Whole paths. */
  private readonly damaged = new Set<string>();
  /** What the question at hand reads. */
  private asked: (() => readonly string[])[] = [];

  /** `tell` gets one line a file. */
  constructor(tell: (message: string) => void) {
    this.tell = tell;
  }

  get count(): number {
    return this.damaged.size;
  }

  add({ path, message }: Damage): void {
    if (this.damaged.has(resolve(path))) return;
    this.damaged.add(resolve(path));
    this.tell(`${message}; the file is left out`);
  }

  rest(paths: readonly string[]): readonly string[] {
    const rest = this.damaged.size === 0 ? paths : paths.filter((path) => !this.damaged.has(resolve(path)));
    this.reads(() => rest);
    return rest;
  }

  /** Notes files without a look at them, where their names may never be needed. */
  reads(paths: () => readonly string[]): void {
    this.asked.push(paths);
  }

  /**
   * Asks a question that gets its files from `rest`, until none of them turns out damaged. `takeBack` undoes what a
   * question has given before it failed: false when that cannot be.
   *
   * @throws what the question threw, for damage a UserError with the file's name, when it cannot be asked anew
   */
  ask<T>(question: () => Promise<T>, takeBack: () => boolean): Promise<T> {
    return this.untilRead(question, takeBack, (found, error) => {
      throw named(found, error);
    });
  }

  /** Like `ask`, but undefined when all files are damaged, each of them told. */
  askOfAny<T>(question: () => Promise<T>, takeBack: () => boolean): Promise<T | undefined> {
    return this.untilRead<T | undefined>(question, takeBack, (found) => {
      for (const damage of found) this.add(damage);
      return undefined;
    });
  }

  private async untilRead<T>(
    question: () => Promise<T>,
    takeBack: () => boolean,
    ofNone: (found: readonly Damage[], error: unknown) => T,
  ): Promise<T> {
    for (let isFirst = true; ; isFirst = false) {
      this.asked = [];
      try {
        return await question();
      } catch (error) {
        const asked = new Set(this.asked.flatMap((paths) => paths()));
        const { found, mayPass } = await damageBehind(error, [...asked]);
        // A file that was merged or replaced meanwhile has its flows elsewhere by now.
        const isAnswerable = found.length > 0 || (isFirst && mayPass);
        if (!isAnswerable || !takeBack()) throw named(found, error);
        if (found.length === asked.size) return ofNone(found, error);
        for (const damage of found) this.add(damage);
      }
    }
  }
}

/** What the user is told of a question that damage ends: with the names of the files. */
function named(found: readonly Damage[], error: unknown): unknown {
  const isTold = error instanceof UserError && found.every(({ path }) => error.message.includes(path));
  return found.length === 0 || isTold
    ? error
    : new UserError(found.map(({ message }) => message).join('\n'), { cause: error });
}

/** Which of the files a failure comes from; `mayPass` when it is of files, but all of them can be read now. */
async function damageBehind(
  error: unknown,
  asked: readonly string[],
): Promise<{ found: readonly Damage[]; mayPass: boolean }> {
  const none = { found: [], mayPass: false };
  // Without a cause it is about what was asked, not about what was read.
  if (!(error instanceof Error) || (error instanceof UserError && error.cause === undefined)) return none;
  const { message } = error.cause instanceof Error ? error.cause : error;
  // The addon looks after it that a file is the one that it began to read.
  const isOf = (path: string) => message.startsWith(`${path}: `) || message.startsWith(`${resolve(path)}: `);
  const sure = message.includes(' is damaged: ') ? asked.find(isOf) : undefined;
  if (sure !== undefined) return { found: [damageOf(sure, message)], mayPass: true };
  const named = asked.filter((path) => message.includes(path));
  if (named.length > 0) return { found: await unreadable(named), mayPass: true };
  return OF_CONTENT.test(message) ? { found: await unreadable(asked), mayPass: true } : none;
}

/** Those of the files of which some cell cannot be read. One that has gone is none of them. */
async function unreadable(paths: readonly string[]): Promise<Damage[]> {
  const damages: Damage[] = [];
  for (let from = 0; from < paths.length; from += READ_AT_ONCE) {
    const some = paths.slice(from, from + READ_AT_ONCE);
    if ((await readingFails(some)) === undefined) continue;
    for (const path of some) {
      const message = await readingFails([path]);
      if (message !== undefined && existsSync(path)) damages.push(damageOf(path, message));
    }
  }
  return damages;
}

/** Reads every cell; why that fails. */
async function readingFails(paths: readonly string[]): Promise<string | undefined> {
  try {
    await checkPages(paths);
    const { readAll } = await import('./duckdb-engine.ts');
    await readAll(paths);
    return undefined;
  } catch (error) {
    return (error instanceof UserError && error.cause instanceof Error ? error.cause : (error as Error)).message;
  }
}

function damageOf(path: string, message: string): Damage {
  const why = message
    .split('\n')[0]!
    .replace(/^[\w ]+ Error: /, '')
    .replace(`Failed to read file "${path}": `, '')
    .replace(`${resolve(path)}: `, '')
    .replace(`${path}: `, '');
  return { path, message: `cannot read segment ${path}: ${why}` };
}
