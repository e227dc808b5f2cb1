import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What differs from run to run, or tells of files rather than of flows. */
const VARYING: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/^Sys: .*\n?/gm, ''],
  [/Bytes read: \d+/g, 'Bytes read: size'],
  // Decision 0072: nfdump tells the matches of whole blocks here.
  [/, passed: \d+/g, ''],
];

export function normal(text: string): string {
  return VARYING.reduce((result, [pattern, replacement]) => result.replaceAll(pattern, replacement), text);
}

/**
 * Whether two answers are the same text. Rows that are equal in the order asked for have none among themselves, so sorted
 * answers may have the same lines in another order. `sorting` are the options that make them so.
 */
export function isSame(a: string, b: string, args: readonly string[], sorting = ['-s', '-O']): boolean {
  if (a === b) return true;
  const isSorted = args.some((arg) => sorting.includes(arg));
  return isSorted && sortedLines(a) === sortedLines(b);
}

function sortedLines(text: string): string {
  return text.split('\n').sort().join('\n');
}

export interface Exceptions {
  /** The reason why this command is one. */
  reasonOf(args: readonly string[]): string | undefined;
  /** Rows of the table that no command of `asked` meets. */
  unmet(asked: readonly (readonly string[])[]): string[];
}

/** The table of exceptions in a file of this directory. */
export function readExceptions(name: string): Exceptions {
  const rows = readFileSync(join(import.meta.dirname, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const bar = line.lastIndexOf('|');
      return [new RegExp(line.slice(0, bar)), line.slice(bar + 1)] as const;
    });
  const line = (args: readonly string[]) => args.join(' ');
  return {
    reasonOf: (args) => rows.find(([pattern]) => pattern.test(line(args)))?.[1],
    unmet: (asked) =>
      rows.filter(([pattern]) => !asked.some((args) => pattern.test(line(args)))).map(([pattern]) => pattern.source),
  };
}

/** The first line in which two texts differ, for messages. */
export function firstDifference(theirs: string, ours: string): string {
  const [a, b] = [theirs.split('\n'), ours.split('\n')];
  const at = a.findIndex((line, i) => line !== b[i]);
  return `\n  nfdump ${JSON.stringify(a[at])}\n  weir   ${JSON.stringify(b[at])}`;
}
