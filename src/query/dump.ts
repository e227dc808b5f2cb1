import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import type { FlowScan } from '../addon/scan.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import type { ExporterNames } from '../flow/exporter-names.ts';
import { UserError } from '../flow/user-error.ts';
import { USAGE } from './arguments.ts';
import type { QueryEngine } from './engine.ts';
import type { FileIdentity } from './file-report.ts';
import { checkPages, type FlowFiles, filesOfScan, lookAtFiles, type RateCorrection, spanOf } from './flow-files.ts';
import { writtenSchema } from './group-columns.ts';
import { bindIdents, tellIdents } from './ident-files.ts';
import { LeftOut } from './left-out.ts';
import { EngineOpener } from './open-engine.ts';
import type { DumpOptions } from './options.ts';
import type { HostNames, PlaceNames, Style } from './output/cells.ts';
import { Clock, zoneNote } from './output/clock.ts';
import { type Format, printsIdent } from './output/format.ts';
import { OutputSink, ReaderGone } from './output/sink.ts';
import { NO_MATCH, type ReadFiles, writeLegacySummary, writeSummary } from './output/summary.ts';
import { openPlaces, placesOfFilter, printsNames } from './places-and-names.ts';
import { engineJobs, type Plan, type Selection } from './plan.ts';
import { planDump, questionOf } from './planner.ts';
import { relativeSeconds, withRelativeWindow } from './relative-window.ts';
import { rowLimitText } from './row-limits.ts';
import { Runner } from './runner.ts';

export interface DumpSurroundings {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** The segments that -r, -R and -M name, in name order. */
  chooseFiles(selection: Pick<DumpOptions, 'read' | 'range' | 'sources'>): Promise<readonly string[]>;
  /**
   * A scan of all files that -r or -R name, where these are all below a directory, chosen by their names alone, and whole.
   */
  lookBelow(selection: Pick<DumpOptions, 'read' | 'range' | 'sources'>): Promise<FlowScan | undefined>;
  identify(path: string): Promise<FileIdentity>;
  /** What the operator knows better about the sampling rates in these files. */
  corrections(paths: readonly string[]): Promise<readonly RateCorrection[]>;
  /** Files in the MaxMind format, as -G names them. */
  openPlaces(paths: readonly string[]): Promise<PlaceNames>;
  /** --resolve: names from reverse DNS. */
  openHostNames(): Promise<HostNames>;
  /** Shows how much of the work is done, 0 to 1, until it is told to stop. */
  watch(share: () => number): { stop(): void };
  /** The names that exporters told to the collectors of these files. */
  namesBeside(files: readonly string[]): Promise<ExporterNames>;
  /** -w: what takes the flows of the answer. */
  openFlowFile(options: Pick<DumpOptions, 'write' | 'compression' | 'ident'>): Promise<FlowFileWriter>;
  /** -J and -i. */
  rewriteFlowFile(path: string, options: Pick<DumpOptions, 'compression' | 'ident'>): Promise<void>;
}

/** A file in the making: `close` makes it whole, `abort` leaves nothing of it behind. */
export interface FlowFileWriter extends FlowConsumer {
  abort(): Promise<void>;
}

const ADDRESS_MARKER = '\x01';

/**
 * Answers one `weir dump`: reads segments, prints to `stdout`. Resolves to the exit status; a reader of `stdout` that
 * goes away ends it quietly. It is 1 when a damaged file was left out of the answer.
 *
 * @throws UserError for everything that the user can mend.
 */
export async function runDump(options: DumpOptions, surroundings: DumpSurroundings): Promise<number> {
  const engines = new EngineOpener(options.memoryOctets);
  const shown = surroundings.watch(() => engines.progress());
  const sink = new OutputSink(surroundings.stdout, () => shown.stop());
  const leftOut = new LeftOut((message) => surroundings.stderr.write(`${message}\n`));
  const run: DumpRun = { options, surroundings, engines, sink, leftOut };
  try {
    if (options.action === 'help') sink.block.ascii(USAGE);
    else if (options.action === 'check') questionOf(options);
    else if (options.action === 'dump') await dump(run);
    else await act(run);
    await sink.end();
    return leftOut.count === 0 ? 0 : 1;
  } catch (error) {
    if (error instanceof ReaderGone) return 0;
    throw error;
  } finally {
    shown.stop();
  }
}

async function dump(run: DumpRun): Promise<void> {
  const { options, surroundings, sink, leftOut } = run;
  const startedAt = performance.now();
  const places = await openPlaces(options, surroundings);
  const seconds = relativeSeconds(options.window);
  const { format, warnings, ...planned } = await planDump(
    {
      ...options,
      ...(places === undefined ? { places: [] } : {}),
      ...(seconds === undefined ? {} : { window: undefined }),
    },
    placesOfFilter(places),
  );
  const zone = zoneNote();
  const notes = [...options.notes, ...warnings, ...(zone === undefined ? [] : [zone])];
  for (const note of notes) surroundings.stderr.write(`${note}\n`);
  // JSON must stay JSON.
  const limits = format.kind === 'json' || format.kind === 'ndjson' ? [] : options.rowLimits;
  const question: Question = { format, plan: planned.plan, seconds, places, startedAt };
  await leftOut.ask(
    () => {
      for (const limit of limits) sink.block.ascii(rowLimitText(limit));
      return answer(question, run);
    },
    () => sink.takeBack(),
  );
}

/** What all of one `weir dump` has in hand. */
interface DumpRun {
  readonly options: DumpOptions;
  readonly surroundings: DumpSurroundings;
  readonly engines: EngineOpener;
  readonly sink: OutputSink;
  readonly leftOut: LeftOut;
}

/** A question that has been understood. */
interface Question {
  readonly format: Format;
  readonly plan: Plan;
  /** Of a window that is told from the first or the last flow. */
  readonly seconds: number | undefined;
  readonly places: PlaceNames | undefined;
  /** By `performance.now()`. */
  readonly startedAt: number;
}

async function answer({ format, plan: planned, seconds, places, startedAt }: Question, run: DumpRun): Promise<void> {
  const { options, surroundings, engines, sink } = run;
  const chosen = await choose(run);
  const style: Style = {
    csv: format.kind === 'csv',
    plain: options.plainNumbers,
    longV6: options.longV6 || format.longV6,
    // Front ends look for it in lines of text; nfdump leaves csv to programs.
    marker: options.markAddresses && !format.kind.startsWith('csv') ? ADDRESS_MARKER : '',
    clock: new Clock(),
    ...(places === undefined ? {} : { places }),
    ...(options.resolve ? { hosts: await surroundings.openHostNames() } : {}),
    ...(printsNames(format) ? { names: await surroundings.namesBeside(chosen.places) } : {}),
  };
  try {
    const looked = await chosen.look(await correctionsFor(chosen.places, options, surroundings));
    const asked =
      seconds === undefined ? planned : await withRelativeWindow(planned, seconds, options.overlap, looked, engines);
    const { files, plan, ident } = printsIdent(format)
      ? await tellIdents(looked, asked)
      : { files: looked, plan: asked, ident: undefined };
    const engine = await engines.open(files, plan, format.kind === 'null');
    try {
      if (options.write !== undefined) {
        // What is wrong must not get into a file where it has a checksum that is right.
        await checkPages(engine.unchecked);
        const written = await writeFlows(engine, plan, () => surroundings.openFlowFile(options));
        if (written === 0 && options.write !== '-') sink.block.ascii(NO_MATCH);
        return;
      }
      const baseline = await baselineFiles(looked, run);
      const totals = await new Runner({
        engine,
        plan,
        format,
        style: { ...style, ...(ident && { ident }) },
        sink,
        quiet: options.quiet,
        baseline,
      }).run();
      if (!options.quiet && (format.kind === 'text' || format.kind === 'null')) {
        const read = await describeRead(engine, looked, plan.selection.window);
        writeSummary(sink.block, totals, read, timing(startedAt), style);
      } else if (!options.quiet && format.kind === 'csv-legacy') writeLegacySummary(sink.block, totals);
      const warning = style.hosts?.warning();
      if (warning !== undefined) surroundings.stderr.write(`${warning}\n`);
    } finally {
      engine.close();
    }
  } catch (error) {
    throw explain(error);
  }
}

/** The files of a question, before they are looked at or while that is done. */
interface Chosen {
  /** Paths in each of their directories. */
  readonly places: readonly string[];
  look(corrections: readonly RateCorrection[]): Promise<FlowFiles>;
}

async function choose({ options, surroundings, leftOut }: DumpRun): Promise<Chosen> {
  // A directory is looked at as a whole: without one of its files the others have to be named.
  const scan = leftOut.count === 0 ? await surroundings.lookBelow(options) : undefined;
  if (scan !== undefined) {
    leftOut.reads(() => scan.paths());
    const places = scan.directories().map((directory) => `${directory || '.'}/.`);
    return { places, look: async (corrections) => filesOfScan(scan, corrections) };
  }
  const paths = await chooseFiles(options, surroundings);
  return { places: paths, look: (corrections) => lookAtFiles(paths, corrections, leftOut) };
}

async function correctionsFor(
  places: readonly string[],
  { unscaled }: DumpOptions,
  { corrections }: DumpSurroundings,
): Promise<readonly RateCorrection[]> {
  return unscaled ? [] : corrections(places);
}

async function lookAt(paths: readonly string[], { options, surroundings, leftOut }: DumpRun): Promise<FlowFiles> {
  return lookAtFiles(paths, await correctionsFor(paths, options, surroundings), leftOut);
}

async function chooseFiles(options: DumpOptions, surroundings: DumpSurroundings): Promise<readonly string[]> {
  const files = await surroundings.chooseFiles(options);
  if (files.length === 0) throw new UserError(`no flow files in ${options.read ?? options.range}`);
  return files;
}

/** The files of --baseline but those that are asked about. */
async function baselineFiles(
  files: Pick<FlowFiles, 'paths'>,
  { options: { baseline, sources }, surroundings, leftOut }: DumpRun,
): Promise<readonly string[]> {
  if (baseline === undefined) return [];
  const asked = new Set(files.paths.map((path) => resolve(path)));
  const found = await surroundings.chooseFiles({ read: undefined, range: baseline, sources });
  const others = leftOut.rest(found.filter((path) => !asked.has(resolve(path))));
  if (others.length === 0) throw new UserError(`--baseline ${baseline}: no other flow files there`);
  return others;
}

/** -w: the flows, or the groups of the first table, go to a file. Resolves to how many. */
async function writeFlows(engine: QueryEngine, plan: Plan, open: () => Promise<FlowFileWriter>): Promise<number> {
  const { writeRows, writtenColumns } = await import('./flow-writer.ts');
  const job = plan.jobs.find((one) => one.kind === 'flows' || one.kind === 'groups');
  if (job === undefined) throw new UserError('-w writes flows: statistics of elements are no flows');
  const schema = job.kind === 'flows' ? engine.schema : writtenSchema(job.grouping, engine.schema);
  // Counters of groups are multiplied; the rate of one of their flows would multiply them once more.
  const keepsRates = job.kind === 'flows' || plan.selection.counters === 'stored';
  const of = writtenColumns(schema).filter(({ name }) => keepsRates || name !== 'sampling');
  const names = of.map(({ name }) => name);
  const rows = job.kind === 'flows' ? engine.flows(job, names) : (await engine.groups(job, names)).rows(job.orders[0]);
  const to = await open();
  try {
    const written = await writeRows(rows, of, to);
    await to.close();
    return written;
  } catch (error) {
    await to.abort();
    throw error;
  }
}

/** Everything but answers: see `DumpAction`. */
async function act(run: DumpRun): Promise<void> {
  const { options, surroundings, sink, leftOut } = run;
  const { action } = options;
  if (action === 'plan') {
    const { plan, format } = await planDump(options, placesOfFilter(await openPlaces(options, surroundings)));
    const { describePlan } = await import('./explain.ts');
    sink.block.text(describePlan(plan, format));
    return;
  }
  if (action === 'rewrite') {
    await eachFile(run, async (path) => {
      const { ident } = await surroundings.identify(path);
      await surroundings.rewriteFlowFile(path, options);
      if (options.ident !== undefined) sink.block.text(`${path} ident: ${ident} -> ${options.ident}\n`);
    });
    return;
  }
  if (action === 'verify') {
    const { verifyFile } = await import('./file-report.ts');
    await eachFile(run, (path) => verifyFile(path, surroundings, sink.block));
    return;
  }
  await leftOut.ask(
    () => actOnFiles(run),
    () => sink.takeBack(),
  );
}

/** Does something to one file after the other; one that is damaged is told and stays as it is. */
async function eachFile(
  { options, surroundings, leftOut }: DumpRun,
  act: (path: string) => Promise<void>,
): Promise<void> {
  for (const path of await chooseFiles(options, surroundings)) {
    const question = () => {
      leftOut.reads(() => [path]);
      return act(path).catch((error) => {
        throw explain(error);
      });
    };
    await leftOut.askOfAny(question, () => true);
  }
}

/** What is asked of the files themselves. */
async function actOnFiles(run: DumpRun): Promise<void> {
  const { options, surroundings, engines, sink, leftOut } = run;
  const { action } = options;
  const files = leftOut.rest(await chooseFiles(options, surroundings));
  try {
    if (action === 'sql') {
      const { plan } = await planDump(options, placesOfFilter(await openPlaces(options, surroundings)));
      const { DuckDbEngine } = await import('./duckdb-engine.ts');
      const { writtenColumns } = await import('./flow-writer.ts');
      const { chainsSql } = await import('./sql/sequence.ts');
      const looked = await lookAt(files, run);
      const { files: asked, selection } = await bindIdents(looked, plan.selection);
      const engine = await DuckDbEngine.open(asked, selection);
      const baseline = await baselineFiles(looked, run);
      const names = writtenColumns(engine.schema).map(({ name }) => name);
      const { sequence } = selection;
      if (sequence !== undefined) {
        sink.block.text(`${chainsSql(asked, selection, sequence, engine.schema)};\n`);
      }
      for (const job of engineJobs(plan.jobs))
        for (const sql of engine.sql(job, names, baseline)) sink.block.text(`${sql};\n`);
      engine.close();
      return;
    }
    const { reportOnFiles } = await import('./file-report.ts');
    await reportOnFiles(action, files, surroundings, sink.block, async (paths, plan) =>
      engines.open(await lookAt(paths, run), plan, false),
    );
  } catch (error) {
    throw explain(error);
  }
}

/** Size of the files, whose names are only made where a scan has not told it. */
function octetsOf(files: FlowFiles): number {
  const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  return files.scan?.summary().octets ?? files.paths.reduce((sum, path) => sum + sizeOf(path), 0);
}

/** Span of all files, whether or not idents leave some out, cut to the window. */
async function describeRead(engine: QueryEngine, looked: FlowFiles, window: Selection['window']): Promise<ReadFiles> {
  const octets = octetsOf(looked);
  const { first, last } = await spanOf(looked, () => engine.span());
  const from = Math.max(first, window?.afterMs ?? 0);
  const to = Math.min(last, window?.beforeMs ?? Number.POSITIVE_INFINITY);
  return from > to ? { first: 0, last: 0, octets } : { first: from, last: to, octets };
}

function timing(startedAt: number) {
  const { system, user } = process.cpuUsage();
  return { systemSeconds: system / 1e6, userSeconds: user / 1e6, wallSeconds: (performance.now() - startedAt) / 1000 };
}

/** Errors of the engine about files are the user's to mend; the first line says which file. */
function explain(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof UserError || error instanceof ReaderGone) return error;
  const message = error.message.split('\n')[0]!;
  return /^(IO|Invalid|Invalid Input|Out of Memory) Error/.test(message)
    ? new UserError(`cannot read the flows: ${message.replace(/^[\w ]+: /, '')}`, { cause: error })
    : error;
}
