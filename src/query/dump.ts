import { stat } from 'node:fs/promises';
import { performance } from 'node:perf_hooks';
import type { Writable } from 'node:stream';
import { columns } from '../flow/fields.ts';
import { UserError } from '../flow/user-error.ts';
import { USAGE } from './arguments.ts';
import type { Database } from './database.ts';
import type { DumpOptions } from './options.ts';
import type { Style } from './output/cells.ts';
import { Clock } from './output/clock.ts';
import { OutputSink, ReaderGone } from './output/sink.ts';
import { type ReadFiles, writeSummary } from './output/summary.ts';
import { filterOf, planDump } from './planner.ts';
import { Runner } from './runner.ts';
import { filesSql } from './sql/scan.ts';
import type { Schema } from './sql/schema.ts';

export interface DumpSurroundings {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The segments that -r, -R and -M name, in name order. */
  chooseFiles(selection: Pick<DumpOptions, 'read' | 'range' | 'sources'>): Promise<readonly string[]>;
}

const ADDRESS_MARKER = '\x01';

/**
 * Answers one `weir dump`: reads segments, prints to `stdout`. Resolves to the exit status; a reader of `stdout` that
 * goes away ends it quietly.
 *
 * @throws UserError for everything that the user can mend.
 */
export async function runDump(options: DumpOptions, surroundings: DumpSurroundings): Promise<number> {
  const sink = new OutputSink(surroundings.stdout);
  try {
    if (options.action === 'help') sink.block.ascii(USAGE);
    else if (options.action === 'check') filterOf(options);
    else await dump(options, surroundings, sink);
    await sink.end();
    return 0;
  } catch (error) {
    if (error instanceof ReaderGone) return 0;
    throw error;
  }
}

async function dump(options: DumpOptions, surroundings: DumpSurroundings, sink: OutputSink): Promise<void> {
  const startedAt = performance.now();
  const { plan, format, warnings } = await planDump(options);
  for (const warning of warnings) surroundings.stderr.write(`${warning}\n`);
  const files = await surroundings.chooseFiles(options);
  if (files.length === 0) throw new UserError(`no flow files in ${options.read ?? options.range}`);
  const sizes = await Promise.all(files.map(sizeOf));
  const style: Style = {
    csv: format.kind === 'csv',
    plain: options.plainNumbers,
    longV6: options.longV6 || format.longV6,
    marker: options.markAddresses ? ADDRESS_MARKER : '',
    clock: new Clock(),
  };
  // The engine is a large library: loaded only once it is certain that there is something to do.
  const { Database } = await import('./database.ts');
  const database = await Database.open();
  try {
    const schema = await describe(database, files);
    const runner = new Runner({ database, files, schema, plan, format, style, sink, quiet: options.quiet });
    const totals = await runner.run();
    if (!options.quiet && (format.kind === 'text' || format.kind === 'null')) {
      const read = await describeRead(database, files, schema, sizes, plan.selection.window);
      writeSummary(sink.block, totals, read, timing(startedAt), style);
    }
  } catch (error) {
    throw explain(error);
  } finally {
    database.close();
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw new UserError(`cannot read ${path}: no such file`, { cause });
  }
}

async function describe(database: Database, files: readonly string[]): Promise<Schema> {
  const mixed = files.length > 1;
  const names = new Set(await database.columnNames(`SELECT * FROM ${filesSql(files, mixed)}`));
  const missing = columns.find(({ core, sql }) => core && !names.has(sql));
  if (missing !== undefined) {
    throw new UserError(`${files[0]} is a Parquet file, but not of flows: it has no column "${missing.sql}"`);
  }
  return { columns: names, mixed };
}

/** Span of the files, from their footers, cut to the window. */
async function describeRead(
  database: Database,
  files: readonly string[],
  schema: Schema,
  sizes: readonly number[],
  window: { afterMs: number | undefined; beforeMs: number | undefined } | undefined,
): Promise<ReadFiles> {
  const sql = `SELECT coalesce(epoch_ms(min(first)), 0) AS first, coalesce(epoch_ms(max(last)), 0) AS last
    FROM ${filesSql(files, schema.mixed)}`;
  const { first, last } = await database.numbers(sql, ['first', 'last']);
  return {
    first: Math.max(first, window?.afterMs ?? 0),
    last: Math.min(last, window?.beforeMs ?? Number.POSITIVE_INFINITY),
    octets: sizes.reduce((sum, size) => sum + size, 0),
  };
}

function timing(startedAt: number) {
  const { system, user } = process.cpuUsage();
  return { systemSeconds: system / 1e6, userSeconds: user / 1e6, wallSeconds: (performance.now() - startedAt) / 1000 };
}

/** Errors of the engine about files are the user's to mend; the first line says which file. */
function explain(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UserError || error instanceof ReaderGone) return error;
  const message = error.message.split('\n')[0]!;
  return /^(IO|Invalid Input|Out of Memory) Error/.test(message)
    ? new UserError(`cannot read the flows: ${message.replace(/^[\w ]+: /, '')}`, { cause: error })
    : error;
}
