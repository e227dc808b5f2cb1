import { addon } from '../addon/addon.ts';
import { P_TIME, PACKET_WORDS } from '../addon/packet-layout.ts';
import { FlowCache } from '../cache/flow-cache.ts';
import { END_FORCED } from '../cache/timeouts.ts';
import type { PacketSlot } from '../capture/source.ts';
import type { ProcessCounts } from '../export/options.ts';
import type { FlowBatch } from '../flow/batch.ts';
import { FlowPrinter } from '../query/flow-printer.ts';
import { FlowStore } from '../store/flow-store.ts';
import { CaptureStatistics } from './capture-statistics.ts';
import type { ExportOptions } from './export-options.ts';
import { describeExported } from './export-report.ts';
import { FlowOutput, type FlowOutputOptions } from './flow-output.ts';
import { type Log, plainLog, quietLog, timedLog } from './log.ts';
import { Pacer } from './pacer.ts';
import { openPacketInputs, type PacketInputs } from './packet-inputs.ts';
import { becomeIdentity } from './privileges.ts';
import { processCounts } from './process-counts.ts';
import { ProgressLine } from './progress.ts';
import { abortLinks, openLinks, Senders } from './senders.ts';
import { StopSignal } from './stop-signal.ts';

/** How often a live exporter looks at the clock: timeouts are a second exact, datagrams wait a second at most. */
const TICK_MS = 250;

/** Packets reach the cache so long after their time at most; its clock must not run ahead of them. */
const CAPTURE_DELAY_MS = 300;

/** A capture may be out of order by so much, in packet time, without the clock of a paced replay running ahead of it. */
const DISORDER_MS = 1000;

/**
 * Packets in, flows out, until the files end or a signal comes; then every flow leaves. SIGUSR1 prints statistics.
 * Returns the exit status: 0, or 1 when a capture was cut or flows were lost.
 */
export async function runExport(options: ExportOptions): Promise<number> {
  const signals = new StopSignal();
  // From the start: without a listener, Node.js opens its debugger on this signal.
  let printStatistics = () => {};
  const onStatistics = () => printStatistics();
  process.on('SIGUSR1', onStatistics);
  try {
    return await meter(options, signals, (print) => {
      printStatistics = print;
    });
  } finally {
    process.off('SIGUSR1', onStatistics);
    signals.release();
  }
}

async function meter(
  options: ExportOptions,
  signals: StopSignal,
  onStatistics: (print: () => void) => void,
): Promise<number> {
  const live = options.devices.length > 0;
  let progress: ProgressLine | undefined;
  const print = live ? timedLog : plainLog;
  const warn: Log = (line) => {
    progress?.clear();
    print(line);
  };
  const log = options.quiet ? quietLog : warn;
  const inputs = await openPacketInputs(options, warn);
  const { reader } = inputs;
  // Boot time counts from the first packet in replay, from now in live capture: read when the first flow leaves.
  let firstPacketMs = Date.now();
  const run: RunFacts = {
    firstPacketMs: () => firstPacketMs,
    counts: (stream) =>
      processCounts(
        reader.stats(),
        cache.stats(),
        output.losses().find(({ name }) => name === stream),
      ),
  };
  const { destinations, senders, store } = await openOutlets(options, inputs, run, warn);

  const output = new FlowOutput({ destinations, dropWhenFull: live });
  const { rate } = options.sampling;
  const cache = new FlowCache({
    activeMs: options.activeSec * 1000,
    inactiveMs: options.inactiveSec * 1000,
    maxFlows: options.maxFlows,
    sink: rate > 1 ? (batch) => output.write(markSampled(batch, rate)) : output.write,
    acquire: output.acquire,
    allocate: (bytes) => addon().allocateHuge(bytes),
  });
  const pacer = options.speed > 0 ? new Pacer(options.speed) : undefined;
  const tick = () => {
    const nowMs = pacer === undefined ? Date.now() : pacer.clockUs() / 1000;
    if (Number.isNaN(nowMs)) return;
    cache.advance((nowMs - (pacer === undefined ? CAPTURE_DELAY_MS : DISORDER_MS)) * 1000);
    senders?.tick(nowMs);
  };
  const timer = live || pacer !== undefined ? setInterval(tick, TICK_MS) : undefined;
  const statistics = new CaptureStatistics(
    inputs.parts,
    () => cache.stats(),
    () => output.losses(),
  );
  onStatistics(() => {
    for (const { text } of statistics.lines()) warn(text);
  });
  const statisticsTimer = everySeconds(live ? options.statsSec : 0, () => {
    for (const { text, isLoss } of statistics.lines()) (isLoss ? warn : log)(text);
  });
  signals.stops((signal) => {
    log(`${signal}: sending the flows at hand`);
    reader.stop();
    pacer?.stop();
    output.hurry();
  });
  if (live) log(`capturing on ${options.devices.join(', ')}`);
  else if (!options.quiet) {
    progress = new ProgressLine(process.stderr, () => ({ ...reader.stats(), flows: output.flows }));
  }

  const startMs = performance.now();
  let isFirst = true;
  try {
    for (;;) {
      const slot = reader.tryRead() ?? (await reader.read());
      if (slot === undefined) break;
      if (isFirst && slot.count > 0 && !live) {
        firstPacketMs = earliestMs(slot);
        isFirst = false;
      }
      if (pacer === undefined) cache.addPackets(slot.words, slot.doubles, slot.count);
      else await pacer.play(slot, (from, to) => addRun(cache, slot, from, to));
      reader.release(slot);
      if (output.isFull && !live) await output.ready();
    }
    cache.flush(END_FORCED);
  } finally {
    clearInterval(timer);
    clearInterval(statisticsTimer);
    reader.stop();
    await output.close();
    progress?.stop();
  }

  const seconds = (performance.now() - startMs) / 1000;
  const report = { packets: reader.stats(), cache: cache.stats(), output, senders, store, seconds };
  for (const line of describeExported(report)) log(line);
  const failure = reader.failure();
  if (failure !== null) warn(`weir export: ${failure}`);
  const lost = output.lostFlows + (store?.lostFlows ?? 0) + (senders?.lostMessages() ?? 0);
  return failure !== null || lost > 0 ? 1 : 0;
}

/** What streams of messages ask the run for. */
interface RunFacts {
  readonly firstPacketMs: () => number;
  readonly counts: (stream: string) => ProcessCounts;
}

interface Outlets {
  readonly destinations: FlowOutputOptions['destinations'];
  readonly senders: Senders | undefined;
  readonly store: FlowStore | undefined;
}

/** Opens what needs privileges, gives them up, and opens the rest; on failure nothing stays open. */
async function openOutlets(
  options: ExportOptions,
  { reader }: PacketInputs,
  { firstPacketMs, counts }: RunFacts,
  warn: Log,
): Promise<Outlets> {
  let links: Awaited<ReturnType<typeof openLinks>> = [];
  try {
    links = await openLinks(options, warn);
    becomeIdentity(options.identity);
    const senders = links.length > 0 ? new Senders(options, links, firstPacketMs, counts) : undefined;
    const store =
      options.directory === undefined
        ? undefined
        : await FlowStore.open({
            directory: options.directory,
            mode: options.devices.length > 0 ? 'live' : 'replay',
            ident: options.ident,
            intervalSeconds: options.intervalSec,
            layout: options.layout,
            log: warn,
          });
    const destinations: Outlets['destinations'][number][] = [...(senders?.destinations ?? [])];
    if (store !== undefined) destinations.push({ name: options.directory!, consumer: store });
    if (options.print !== undefined) {
      // Without a reader there is nothing left to do for a run that only prints.
      const onReaderGone = () => destinations.length === 1 && reader.stop();
      const printer = await FlowPrinter.open(options.print, process.stdout, onReaderGone);
      destinations.push({ name: 'standard output', consumer: printer });
    }
    return { destinations, senders, store };
  } catch (error) {
    reader.stop();
    abortLinks(links);
    throw error;
  }
}

function everySeconds(seconds: number, run: () => void): NodeJS.Timeout | undefined {
  return seconds > 0 ? setInterval(run, seconds * 1000) : undefined;
}

/** The sampling rate of flows that a sampled meter made. */
function markSampled(batch: FlowBatch, rate: number): FlowBatch {
  batch.use('sampling').fill(rate, 0, batch.rows);
  return batch;
}

function addRun(cache: FlowCache, slot: PacketSlot, from: number, to: number): void {
  const [firstWord, firstDouble] = [from * PACKET_WORDS, (from * PACKET_WORDS) >>> 1];
  cache.addPackets(slot.words.subarray(firstWord), slot.doubles.subarray(firstDouble), to - from);
}

/** Captures of several interfaces are rarely in order from the first packet on. */
function earliestMs(slot: PacketSlot): number {
  let earliestUs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < slot.count; i++)
    earliestUs = Math.min(earliestUs, slot.doubles[(i * PACKET_WORDS + P_TIME) >>> 1]!);
  return earliestUs / 1000;
}
