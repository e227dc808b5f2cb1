import { randomInt } from 'node:crypto';
import { addon } from '../addon/addon.ts';
import { EXTENSION_WORDS } from '../addon/packet-extension-layout.ts';
import { P_TIME, PACKET_WORDS } from '../addon/packet-layout.ts';
import { cacheNeedsExtensions, FlowCache } from '../cache/flow-cache.ts';
import { timeoutOptions } from '../cache/timeout-presets.ts';
import { END_FORCED } from '../cache/timeouts.ts';
import { DuplicateFilter } from '../capture/duplicates.ts';
import type { PacketSlot } from '../capture/source.ts';
import type { FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { UserError } from '../flow/user-error.ts';
import { FlowPrinter } from '../query/flow-printer.ts';
import { FlowStore } from '../store/flow-store.ts';
import { CaptureStatistics } from './capture-statistics.ts';
import { Enrichment } from './enrichment.ts';
import { expireAll } from './expire-all.ts';
import { ExportOperations } from './export-operations.ts';
import type { ExportOptions } from './export-options.ts';
import { type ReloadActions, reloadExport } from './export-reload.ts';
import { describeExported } from './export-report.ts';
import type { ExportRuntime } from './export-runtime.ts';
import { FlowOutput } from './flow-output.ts';
import type { Log } from './log.ts';
import { LogOutput } from './log-output.ts';
import { meteredColumns } from './metered-columns.ts';
import { Pacer } from './pacer.ts';
import { openPacketInputs, type PacketInputs } from './packet-inputs.ts';
import { becomeIdentity } from './privileges.ts';
import { ProgressLine } from './progress.ts';
import { Reloader } from './reload.ts';
import { SenderSwitch } from './sender-switch.ts';
import { abortLinks, openLinks, Senders } from './senders.ts';
import { ServiceManager } from './service-manager.ts';
import { StopSignal } from './stop-signal.ts';

/** How often a live exporter looks at the clock: timeouts are a second exact, datagrams wait a second at most. */
const TICK_MS = 250;

/** Packets reach the cache so long after their time at most; its clock must not run ahead of them. */
const CAPTURE_DELAY_MS = 300;

/** A capture may be out of order by so much, in packet time, without the clock of a paced replay running ahead of it. */
const DISORDER_MS = 1000;

/**
 * Packets in, flows out, until the files end or a signal comes; then every flow leaves. SIGUSR1 prints statistics, SIGHUP
 * opens the log anew and puts into force what `reread` gives. Returns the exit status: 0, or 1 when a capture was cut or
 * flows were lost.
 */
export async function runExport(
  options: ExportOptions,
  reread: () => Promise<ExportOptions | undefined>,
): Promise<number> {
  const { configFile, logFile, logFormat, quiet } = options;
  const live = options.interfaces.length > 0;
  const log = new LogOutput({
    command: 'export',
    format: logFormat,
    ...(logFile === undefined ? {} : { file: logFile }),
    inBackground: false,
    timed: live,
    quiet,
  });
  const runsOn = live || options.speed > 0;
  const signals = new StopSignal(runsOn && (configFile ?? logFile) !== undefined);
  // From the start: without a listener, Node.js opens its debugger on this signal.
  let printStatistics = () => {};
  const onStatistics = () => printStatistics();
  process.on('SIGUSR1', onStatistics);
  try {
    return await meter(options, log, signals, reread, (print) => {
      printStatistics = print;
    });
  } catch (error) {
    // The terminal, or the manager, has what goes to standard error at the end.
    if (!log.isStandardError) log.warn(`weir export: ${(error as Error).message}`);
    throw error;
  } finally {
    process.off('SIGUSR1', onStatistics);
    log.close();
    signals.release();
  }
}

async function meter(
  options: ExportOptions,
  logs: LogOutput,
  signals: StopSignal,
  reread: () => Promise<ExportOptions | undefined>,
  onStatistics: (print: () => void) => void,
): Promise<number> {
  const live = options.interfaces.length > 0;
  let progress: ProgressLine | undefined;
  const clearing =
    (write: Log): Log =>
    (line) => {
      progress?.clear();
      write(line);
    };
  const [log, warn] = [clearing(logs.info), clearing(logs.warn)];
  const { key } = options;
  const columns = meteredColumns(options);
  const { dedupMs } = options;
  const isExtended = dedupMs !== undefined || cacheNeedsExtensions({ key, columns });
  const enrichment = await Enrichment.open(options, warn);
  const inputs = await openPacketInputs(options, isExtended, warn);
  const { reader } = inputs;
  // Boot time counts from the first packet in replay, from now in live capture: read when the first flow leaves.
  let firstPacketMs = Date.now();
  const outlets = await openOutlets(options, inputs, () => firstPacketMs, warn);
  const { senders, store, operations } = outlets;

  const output = new FlowOutput({ consumers: outlets.consumers, dropWhenFull: live });
  const { rate } = options.sampling;
  const cache = new FlowCache({
    ...timeoutOptions(options.timeouts),
    key,
    hashSeed: randomInt(2 ** 32),
    columns,
    maxFlows: options.maxFlows,
    whenFull: options.whenFull,
    sink: (batch) => output.write(enrichment.fill(rate > 1 ? markSampled(batch, rate) : batch)),
    acquire: output.acquire,
    allocate: (bytes) => addon().allocateHuge(bytes),
  });
  const duplicates = dedupMs === undefined ? undefined : new DuplicateFilter({ mode: 'same', windowMs: dedupMs });
  const duplicatePackets = () => duplicates?.duplicates ?? 0;
  const pacer = options.speed > 0 ? new Pacer(options.speed) : undefined;
  const tick = () => {
    const nowMs = pacer === undefined ? Date.now() : pacer.clockUs() / 1000;
    if (Number.isNaN(nowMs)) return;
    cache.advance((nowMs - (pacer === undefined ? CAPTURE_DELAY_MS : DISORDER_MS)) * 1000);
    senders.tick(nowMs);
  };
  const timer = live || pacer !== undefined ? setInterval(tick, TICK_MS) : undefined;
  const statistics = new CaptureStatistics(inputs.parts, () => cache.stats(), duplicatePackets);
  onStatistics(() => {
    for (const { text } of statistics.lines()) warn(text);
  });
  let statisticsTimer: NodeJS.Timeout | undefined;
  const startStatistics = (everySec: number) => {
    clearInterval(statisticsTimer);
    statisticsTimer = everySeconds(live ? everySec : 0, () => {
      for (const { text, isLoss } of statistics.lines()) (isLoss ? warn : log)(text);
    });
  };
  startStatistics(options.statsSec);
  const manager = new ServiceManager();
  const stop = (why: string) => {
    log(`${why}: sending the flows at hand`);
    manager.stopping();
    reader.stop();
    pacer?.stop();
  };
  const runtime: ExportRuntime = {
    startedMs: Date.now(),
    options,
    inputs,
    cache,
    duplicates: duplicatePackets,
    output,
    senders,
    store,
    setTimeouts(timeouts) {
      cache.setTimeouts(timeoutOptions(timeouts));
      runtime.options = { ...runtime.options, timeouts };
    },
    expireAll: () => expireAll(cache, output),
    stop,
  };
  const actions: ReloadActions = {
    async openSenders(next) {
      const links = await openLinks(next, warn);
      const replacement =
        links.length > 0 ? new Senders(next, links, () => firstPacketMs, inputs.namedInFiles) : undefined;
      return () => senders.replace(replacement);
    },
    startStatistics,
    setQuiet: (quiet) => {
      logs.quiet = quiet;
    },
  };
  const what = live
    ? `capturing on ${options.interfaces.map(({ device }) => device).join(', ')}`
    : `reading ${options.files.join(', ')}`;
  const reloader = new Reloader(logs, manager, what, async () => {
    const next = await reread();
    if (next === undefined) throw new UserError('these options ask for help alone');
    return reloadExport(runtime, next, actions);
  });
  operations.serve(runtime);
  signals.stops(stop);
  if (live) log(what);
  else if (!options.quiet) {
    progress = new ProgressLine(process.stderr, () => ({ ...reader.stats(), flows: output.flows }));
  }

  signals.reloads(reloader.request);
  manager.ready(what);

  const startMs = performance.now();
  let isFirst = true;
  try {
    for (;;) {
      const slot = reader.tryRead() ?? (await reader.read());
      if (slot === undefined) break;
      duplicates?.filter(slot);
      if (isFirst && slot.count > 0 && !live) {
        firstPacketMs = earliestMs(slot);
        isFirst = false;
      }
      if (pacer === undefined) cache.addPackets(slot.words, slot.doubles, slot.count, slot.extensions);
      else await pacer.play(slot, (from, to) => addRun(cache, slot, from, to));
      reader.release(slot);
      if (output.isFull && !live) await output.ready();
    }
    if (live) await expireAll(cache, output);
    cache.flush(END_FORCED);
  } finally {
    clearInterval(timer);
    enrichment.close();
    clearInterval(statisticsTimer);
    reader.stop();
    operations.close();
    await reloader.idle();
    await output.close();
    manager.close();
    progress?.stop();
  }

  const seconds = (performance.now() - startMs) / 1000;
  const report = {
    packets: reader.stats(),
    notAccounted: inputs.notAccounted(),
    countedBefore: inputs.countedBefore(),
    duplicates: duplicatePackets(),
    cache: cache.stats(),
    output,
    senders,
    store,
    seconds,
  };
  for (const line of describeExported(report)) log(line);
  const failure = reader.failure();
  if (failure !== null) warn(`weir export: ${failure}`);
  return failure !== null || output.droppedFlows > 0 || (store?.lostFlows ?? 0) > 0 ? 1 : 0;
}

interface Outlets {
  readonly consumers: FlowConsumer[];
  readonly senders: SenderSwitch;
  readonly store: FlowStore | undefined;
  readonly operations: ExportOperations;
}

/** Opens what needs privileges, gives them up, and opens the rest; on failure nothing stays open. */
async function openOutlets(
  options: ExportOptions,
  { reader, namedInFiles }: PacketInputs,
  firstPacketMs: () => number,
  warn: Log,
): Promise<Outlets> {
  let links: Awaited<ReturnType<typeof openLinks>> = [];
  let operations: ExportOperations | undefined;
  try {
    links = await openLinks(options, warn);
    operations = await ExportOperations.listen(options, warn);
    becomeIdentity(options.identity);
    const senders = new SenderSwitch(
      links.length > 0 ? new Senders(options, links, firstPacketMs, namedInFiles) : undefined,
    );
    const store =
      options.directory === undefined
        ? undefined
        : await FlowStore.open({
            directory: options.directory,
            mode: options.interfaces.length > 0 ? 'live' : 'replay',
            ident: options.ident,
            intervalSeconds: options.intervalSec,
            layout: options.layout,
            log: warn,
          });
    // Without a reader there is nothing left to do for a run that only prints.
    const onReaderGone = () => links.length === 0 && store === undefined && reader.stop();
    const consumers: FlowConsumer[] = store === undefined ? [senders] : [senders, store];
    if (options.print !== undefined) {
      consumers.push(await FlowPrinter.open(options.print, process.stdout, meteredColumns(options), onReaderGone));
    }
    return { consumers, senders, store, operations };
  } catch (error) {
    reader.stop();
    operations?.close();
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
  const extensions = slot.extensions?.subarray(from * EXTENSION_WORDS);
  cache.addPackets(slot.words.subarray(firstWord), slot.doubles.subarray(firstDouble), to - from, extensions);
}

/** Captures of several interfaces are rarely in order from the first packet on. */
function earliestMs(slot: PacketSlot): number {
  let earliestUs = Number.POSITIVE_INFINITY;
  for (let i = 0; i < slot.count; i++)
    earliestUs = Math.min(earliestUs, slot.doubles[(i * PACKET_WORDS + P_TIME) >>> 1]!);
  return earliestUs / 1000;
}
