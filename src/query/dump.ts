import { stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { UserError } from '../flow/user-error.ts';
import { USAGE } from './arguments.ts';
import type { QueryEngine } from './engine.ts';
import { NativeEngine } from './native/engine.ts';
import type { DumpOptions } from './options.ts';
import type { Style } from './output/cells.ts';
import { Clock } from './output/clock.ts';
import { OutputSink, ReaderGone } from './output/sink.ts';
import { type ReadFiles, writeSummary } from './output/summary.ts';
import type { Plan, Selection } from './plan.ts';
import { filterOf, planDump } from './planner.ts';
import { Runner } from './runner.ts';

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
  try {
    const engine = await openEngine(files, plan, format.kind === 'null');
    try {
      const totals = await new Runner({ engine, plan, format, style, sink, quiet: options.quiet }).run();
      if (!options.quiet && (format.kind === 'text' || format.kind === 'null')) {
        const read = await describeRead(engine, sizes, plan.selection.window);
        writeSummary(sink.block, totals, read, timing(startedAt), style);
      }
    } finally {
      engine.close();
    }
  } catch (error) {
    throw explain(error);
  }
}

/**
 * The addon answers what people ask all day, DuckDB everything: a large library, loaded only when it is needed.
 * WEIR_QUERY_ENGINE (native, duckdb) insists on one of them.
 */
async function openEngine(files: readonly string[], plan: Plan, printsNothing: boolean): Promise<QueryEngine> {
  const wanted = process.env['WEIR_QUERY_ENGINE'] ?? 'auto';
  if (!['auto', 'native', 'duckdb'].includes(wanted)) {
    throw new UserError(`WEIR_QUERY_ENGINE=${wanted}: the engines are native, duckdb and auto`);
  }
  const engine = wanted === 'duckdb' ? undefined : await NativeEngine.open(files, plan, printsNothing);
  if (engine !== undefined) return engine;
  if (wanted === 'native') throw new UserError('WEIR_QUERY_ENGINE=native: the addon does not answer this question');
  const { DuckDbEngine } = await import('./duckdb-engine.ts');
  return DuckDbEngine.open(files, plan.selection);
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    throw new UserError(`cannot read ${path}: no such file`, { cause });
  }
}

/** Span of the files cut to the window. */
async function describeRead(
  engine: QueryEngine,
  sizes: readonly number[],
  window: Selection['window'],
): Promise<ReadFiles> {
  const { first, last } = await engine.span();
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
