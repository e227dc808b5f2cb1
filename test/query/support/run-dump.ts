import { Writable } from 'node:stream';
import { dumpSurroundings } from '../../../src/pipeline/query/dump.ts';
import { parseDumpArguments } from '../../../src/query/arguments.ts';
import { runDump } from '../../../src/query/dump.ts';

/** Collects what is written. */
export class Collector extends Writable {
  private readonly chunks: Buffer[] = [];

  // The writer uses its block again once the callback has run.
  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.chunks.push(Buffer.from(chunk));
    callback();
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString('utf8');
  }
}

/** What `weir dump` prints with these arguments. */
export async function dumpStreams(args: readonly string[]): Promise<{ stdout: string; stderr: string }> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  await runDump(parseDumpArguments(args), dumpSurroundings({ stdout, stderr }));
  return { stdout: stdout.text, stderr: stderr.text };
}

/** Standard output of `weir dump` with these arguments. */
export async function dumpText(args: readonly string[]): Promise<string> {
  return (await dumpStreams(args)).stdout;
}

/** Runs something with the process in another time zone. */
export async function inZone<T>(zone: string, run: () => Promise<T>): Promise<T> {
  const before = process.env.TZ;
  process.env.TZ = zone;
  try {
    return await run();
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
  }
}

/** Words of a line as a shell splits them: blanks separate, single quotes keep together. */
export function splitWords(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|\S)+/g)].map(([word]) => word.replaceAll("'", ''));
}

/** Runs something with questions going to one engine (WEIR_QUERY_ENGINE). */
export async function withEngine<T>(engine: 'native' | 'duckdb' | 'auto', run: () => Promise<T>): Promise<T> {
  const before = process.env.WEIR_QUERY_ENGINE;
  process.env.WEIR_QUERY_ENGINE = engine;
  try {
    return await run();
  } finally {
    if (before === undefined) delete process.env.WEIR_QUERY_ENGINE;
    else process.env.WEIR_QUERY_ENGINE = before;
  }
}
