import { basename } from 'node:path';
import { wide } from '../../flow/u64.ts';
import { UserError } from '../../flow/user-error.ts';
import type { Chunk } from '../../query/chunk.ts';
import { ChunkCopier } from '../../query/chunk-batch.ts';
import { FlowReader } from '../../query/flow-reader.ts';
import { LeftOut } from '../../query/left-out.ts';
import type { SelectionOptions } from '../../query/planner.ts';
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

/**
 * Sends stored flows again, in the order in which they were received, with the times they have. Returns the exit
 * status: 0, or 1 when something did not go out or a signal came.
 */
export async function runReplay(options: ReplayOptions, signal: StopSignal, log: Log): Promise<number> {
  const files = (await chooseSegments(options)).map(({ path }) => path);
  if (files.length === 0) throw new UserError(`no flow files in ${options.read ?? options.range}`);
  // Of several sources the same slots follow one another.
  if (options.sources !== undefined) files.sort((a, b) => compareNames(basename(a), basename(b)));
  const leftOut = new LeftOut(log);
  // What has been sent cannot be taken back: a file that turns out damaged later is the end.
  return leftOut.ask(
    () => replay(files, options, signal, log, leftOut),
    () => false,
  );
}

async function replay(
  files: readonly string[],
  options: ReplayOptions,
  signal: StopSignal,
  log: Log,
  leftOut: LeftOut,
): Promise<number> {
  const startedMs = performance.now();
  const reader = await FlowReader.open(files, options.selection, leftOut);
  try {
    const { first } = await reader.span();
    let firstExportMs = 0;
    const links = await openLinks(options, log);
    let senders: Senders;
    try {
      const firstPacketMs = () => Math.max(first, firstExportMs - MOST_UPTIME_MS);
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
    try {
      await sendFlows(reader, output, paceOf(options, stop.signal), stop.signal, (ms) => {
        firstExportMs = ms;
      });
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
  } finally {
    reader.close();
  }
}

/** Reads flows and hands them on when they are due; `begins` is told the time of the first. */
async function sendFlows(
  reader: FlowReader,
  output: FlowOutput,
  pace: ReplayPace,
  stop: AbortSignal,
  begins: (firstMs: number) => void,
): Promise<void> {
  const copier = new ChunkCopier(reader.columns);
  let begun = false;
  for await (const chunk of reader.flows()) {
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
