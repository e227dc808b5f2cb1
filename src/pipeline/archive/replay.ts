import { statSync } from 'node:fs';
import { basename } from 'node:path';
import type { ColumnName } from '../../flow/fields.ts';
import { wide } from '../../flow/u64.ts';
import { UserError } from '../../flow/user-error.ts';
import type { Chunk } from '../../query/chunk.ts';
import { ChunkCopier } from '../../query/chunk-batch.ts';
import { readAll } from '../../query/duckdb-engine.ts';
import { FlowReader } from '../../query/flow-reader.ts';
import { LeftOut } from '../../query/left-out.ts';
import type { Selection } from '../../query/plan.ts';
import { planSelection, type SelectionOptions } from '../../query/planner.ts';
import { chooseSegments, compareNames, type FileSelection } from '../../store/segment-files.ts';
import { type Log, plural, scaled } from '../daemon/log.ts';
import type { StopSignal } from '../daemon/stop-signal.ts';
import { sendingFaults } from '../export/report.ts';
import { abortLinks, openLinks, Senders, type SendOptions } from '../export/senders.ts';
import { FlowOutput } from '../flow-output.ts';
import { FlowRate, RecordedSpeed, type ReplayPace, unpaced } from './replay-pace.ts';

export interface ReplayOptions extends FileSelection, SendOptions {
  selection: SelectionOptions;
  /** Flows sent a second, 0: as fast as they are taken. */
  flowsPerSecond: number;
  /** Times the speed at which they were received, 0: as fast as they are taken. */
  speed: number;
}

/** v5 and v9 tell times as milliseconds since the exporter's start, in 32 bits: so far back that may lie. */
const MOST_UPTIME_MS = 40 * 86_400_000;

/** Files that are read together, and of how many octets: they are checked before their first flow goes out. */
const MOST_FILES = 256;
const MOST_OCTETS = 256 << 20;

/**
 * Sends stored flows again, in the order in which they were received, with the times they have. Returns the exit
 * status: 0, or 1 when something did not go out, a file is damaged or a signal came.
 */
export async function runReplay(options: ReplayOptions, signal: StopSignal, log: Log): Promise<number> {
  const startedMs = performance.now();
  const files = (await chooseSegments(options)).map(({ path }) => path);
  if (files.length === 0) throw new UserError(`no flow files in ${options.read ?? options.range}`);
  // Of several sources the same slots follow one another.
  if (options.sources !== undefined) files.sort((a, b) => compareNames(basename(a), basename(b)));
  const selection = await planSelection(options.selection, 'scaledInFilter');
  const leftOut = new LeftOut(log);
  const { columns, first } = await leftOut.ask(
    () => lookAtAll(files, selection, leftOut),
    () => true,
  );
  let firstExportMs: number | undefined;
  const links = await openLinks(options, log);
  let senders: Senders;
  try {
    const firstPacketMs = () => Math.max(first, (firstExportMs ?? 0) - MOST_UPTIME_MS);
    senders = new Senders(options, links, { firstPacketMs, namedInFiles: () => [] });
  } catch (error) {
    abortLinks(links);
    throw error;
  }
  const output = new FlowOutput({ destinations: senders.destinations, dropWhenFull: false });
  const stop = new AbortController();
  signal.stops(() => {
    stop.abort();
    output.hurry();
  });
  const pace = paceOf(options, stop.signal);
  try {
    const begins = (ms: number) => {
      firstExportMs ??= ms;
    };
    const sending: Sending = { selection, columns, leftOut, output, pace, stop: stop.signal, begins };
    for (const paths of runsOf(files, selection)) {
      await sendRun(paths, sending);
      if (stop.signal.aborted) break;
    }
  } finally {
    await output.close();
  }
  const faults = sendingFaults(senders.stats(), senders.transportStats()).filter(([count]) => count > 0);
  const seconds = (performance.now() - startedMs) / 1000;
  for (const line of describeReplayed(senders, seconds)) log(line);
  for (const [count, what] of faults) log(`  ${count} ${what}`);
  const lost = senders.transportStats().some(({ stats }) => stats.failed + stats.tooLong > 0);
  const missing = leftOut.count + senders.stats().skippedIpv6Flows + output.lostFlows;
  return lost || stop.signal.aborted || missing > 0 ? 1 : 0;
}

/** What has to be known of all files before the first flow goes out. */
function lookAtAll(
  files: readonly string[],
  selection: Selection,
  leftOut: LeftOut,
): Promise<{ columns: readonly ColumnName[]; first: number }> {
  return withReader(files, selection, leftOut, async (reader) => ({
    columns: reader.columns,
    first: (await reader.span()).first,
  }));
}

async function withReader<T>(
  files: readonly string[],
  selection: Selection,
  leftOut: LeftOut,
  use: (reader: FlowReader) => Promise<T>,
): Promise<T> {
  const reader = await FlowReader.open(files, selection, leftOut);
  try {
    return await use(reader);
  } finally {
    reader.close();
  }
}

/** The files in runs that are read one after the other. */
function runsOf(files: readonly string[], { sequence }: Selection): readonly (readonly string[])[] {
  // The flows of a chain may be in any of the files.
  if (sequence !== undefined) return [files];
  const runs: string[][] = [];
  let octets = MOST_OCTETS;
  for (const path of files) {
    const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    if (octets + size > MOST_OCTETS || runs.at(-1)!.length === MOST_FILES) {
      runs.push([]);
      octets = 0;
    }
    runs.at(-1)!.push(path);
    octets += size;
  }
  return runs;
}

/** What all runs of one replay have in hand. */
interface Sending {
  readonly selection: Selection;
  readonly columns: readonly ColumnName[];
  readonly leftOut: LeftOut;
  readonly output: FlowOutput;
  readonly pace: ReplayPace;
  readonly stop: AbortSignal;
  /** Is told the time of the first flow of a run before it goes out. */
  readonly begins: (firstMs: number) => void;
}

/** Sends the flows of files, but of damaged ones nothing. */
async function sendRun(paths: readonly string[], sending: Sending): Promise<void> {
  const { selection, leftOut } = sending;
  // Footers that are damaged were met before.
  if (leftOut.rest(paths).length === 0) return;
  let isBegun = false;
  const begins = (firstMs: number) => {
    isBegun = true;
    sending.begins(firstMs);
  };
  const send = () =>
    withReader(paths, selection, leftOut, async (reader) => {
      const unsure = await reader.check();
      if (unsure.length > 0) await readAll(unsure);
      await sendFlows(reader, { ...sending, begins });
    });
  // What has been sent cannot be taken back.
  await leftOut.askOfAny(send, () => !isBegun);
}

/** Reads flows and hands them on when they are due. */
async function sendFlows(reader: FlowReader, { columns, output, pace, stop, begins }: Sending): Promise<void> {
  const copier = new ChunkCopier(columns);
  let begun = false;
  for await (const chunk of reader.flows(columns)) {
    const timeMs = receivedTimes(chunk);
    if (!begun) begins(timeMs(0));
    begun = true;
    for (let from = 0; from < chunk.rows; ) {
      const batch = output.acquire();
      const to = await pace.due(timeMs, from, Math.min(chunk.rows, from + batch.capacity));
      if (stop.aborted) return;
      copier.append(batch, chunk, from, to);
      from = to;
      output.write(batch);
      if (output.isFull) await output.ready();
    }
  }
}

/** When each row was received; of flows without that time when they ended. */
function receivedTimes(chunk: Chunk): (row: number) => number {
  const [received, last] = [chunk.words('receivedMs'), chunk.words('lastMs')];
  return (row) => wide(received, row) || wide(last, row);
}

function paceOf({ flowsPerSecond, speed }: ReplayOptions, stop: AbortSignal): ReplayPace {
  if (flowsPerSecond > 0) return new FlowRate(flowsPerSecond, stop);
  return speed > 0 ? new RecordedSpeed(speed, stop) : unpaced;
}

function describeReplayed(senders: Senders, seconds: number): string[] {
  const { flows, records, datagrams, bytes } = senders.stats();
  const rate = scaled(flows / Math.max(seconds, 1e-3));
  return [
    `${plural(flows, 'flow')} read in ${seconds.toFixed(2)} s (${rate} flows/s)`,
    `${plural(records, 'record')} in ${plural(datagrams, 'datagram')} (${bytes} octets)`,
  ];
}
