import { DatagramReader, receiveBufferAdvice } from '../collect/listener.ts';
import type { SamplingSetting } from '../collect/sampling.ts';
import type { Destination } from '../export/destination.ts';
import { reportReady } from './background.ts';
import { describeCollected, describeSlot } from './collect-report.ts';
import type { FlowSourceOptions } from './flow-source.ts';
import { type Log, plainLog, quietLog } from './log.ts';
import { fileLog, type LogOutput, standardError, systemLog } from './log-output.ts';
import { renderMetrics } from './metrics.ts';
import { MetricsServer } from './metrics-server.ts';
import { PidFile } from './pid-file.ts';
import { becomeIdentity, type Identity } from './privileges.ts';
import { Repeater } from './repeater.ts';
import { SlotCommand } from './slot-command.ts';
import { SlotExpiry } from './slot-expiry.ts';
import type { SourcePlan } from './source-plan.ts';
import { SourceRouter } from './source-router.ts';
import { StopSignal } from './stop-signal.ts';

export interface CollectOptions {
  plan: SourcePlan;
  /** Captures to read datagrams from instead of the network; empty: listen. */
  files: string[];
  /** Ports to listen on; of files, ports whose datagrams are taken, empty for all. */
  ports: number[];
  /** Address to listen on, `*` for all of both families. */
  host: string;
  intervalSec: number;
  /** Sub-directories of the store, 0 to 8. */
  layout: number;
  /** What the operator says about sampling. */
  sampling?: SamplingSetting;
  receiveBufferBytes: number;
  flushMs: number;
  /** Delete old files after each slot, by the limits that are kept for the store. */
  expires: boolean;
  /** Collectors that get the same datagrams. */
  repeatTo: readonly Destination[];
  /** Where counters are served by HTTP. */
  metrics?: Destination;
  /** Run after each slot. */
  command?: string;
  pidFile?: string;
  identity: Identity;
  logFile?: string;
  /** This process was started to run in the background: no terminal, somebody waits for `reportReady`. */
  isBackground: boolean;
  quiet: boolean;
  /** Lines about options that have no effect. */
  notes: readonly string[];
}

/** A file waits for its reader, so there is no burst to make room for, and few slots stay in the processor's cache. */
const FILE_SLOTS = 4;
/** How long a new template waits to be written down. */
const STATE_MS = 2000;
/** How old the account of the exporters may be. */
const ACCOUNT_MS = 5000;
/** Port that exporters send to unless told otherwise; nfcapd's. */
const DEFAULT_PORT = 9995;

/**
 * Datagrams in, flow files out, until the files end or a signal comes. Returns the exit status: 0, or 1 when a capture
 * was cut or flows could not be stored.
 */
export async function runCollect(options: CollectOptions): Promise<number> {
  const signals = new StopSignal();
  const logOutput = openLog(options);
  let isReady = false;
  try {
    return await collect(options, signals, logOutput.write, () => {
      isReady = true;
      if (options.isBackground) reportReady();
    });
  } catch (error) {
    // Nobody reads standard error of a process in the background.
    if (isReady && logOutput !== standardError) logOutput.write(`weir collect: ${(error as Error).message}`);
    throw error;
  } finally {
    logOutput.close();
    signals.release();
  }
}

async function collect(options: CollectOptions, signals: StopSignal, write: Log, ready: () => void): Promise<number> {
  const live = options.files.length === 0;
  const warn = live ? write : plainLog;
  const log = options.quiet ? quietLog : warn;
  for (const note of options.notes) log(note);
  const reader = openReader(options);
  const expiry = options.expires ? new SlotExpiry(options.plan, log, warn) : undefined;
  const command = options.command === undefined ? undefined : new SlotCommand(options.command, warn);
  let pidFile: PidFile | undefined;
  let repeater: Repeater | undefined;
  let metrics: MetricsServer | undefined;
  let router: SourceRouter;
  try {
    if (options.repeatTo.length > 0) repeater = new Repeater(options.repeatTo, !live);
    if (options.metrics !== undefined) metrics = await MetricsServer.listen(options.metrics);
    pidFile = options.pidFile === undefined ? undefined : PidFile.take(options.pidFile);
    becomeIdentity(options.identity);
    router = await openSources(options, log, warn, (slot, source) => {
      log(describeSlot(slot, source.takeFaults()));
      command?.run(slot);
      expiry?.run(slot);
    });
  } catch (error) {
    reader.stop();
    repeater?.abort();
    metrics?.close();
    pidFile?.release();
    throw error;
  }
  // A part holds what came in `flushMs`; the collector hands on half-filled batches a little more often than that.
  const timer = live ? setInterval(() => router.flush(), Math.max(50, options.flushMs / 4)) : undefined;
  const stateTimer = live ? setInterval(() => void router.saveState(), STATE_MS) : undefined;
  const accountTimer = live ? setInterval(() => void router.writeAccounts(reader.stats()), ACCOUNT_MS) : undefined;
  const startedMs = Date.now();
  metrics?.serve({
    metrics: () =>
      renderMetrics({
        startedMs,
        received: reader.stats(),
        ignoredDatagrams: router.ignoredDatagrams,
        sources: router.counters(),
        repeated: repeater?.stats() ?? [],
      }),
    troubles: () =>
      router.sources
        .filter(({ store }) => !store.isStoring)
        .map(({ directory }) => `flows cannot be written to ${directory}`),
  });
  signals.stops((signal) => {
    log(`${signal}: storing what has been received`);
    reader.stop();
  });
  if (live) announce(reader, options, log);
  ready();

  const startMs = performance.now();
  try {
    for (;;) {
      const slot = reader.tryRead() ?? (await reader.read());
      if (slot === undefined) break;
      const [datagrams, count] = [reader.slots[slot]!, reader.count(slot)];
      const repeated = repeater?.addSlot(datagrams, count);
      const delivered = router.deliver(datagrams, count);
      if (delivered !== undefined) await delivered;
      if (repeated !== undefined) await repeated;
      reader.release(slot);
    }
  } finally {
    clearInterval(timer);
    clearInterval(stateTimer);
    clearInterval(accountTimer);
    reader.stop();
    metrics?.close();
    try {
      await router.close();
      await router.writeAccounts(reader.stats(), true);
      await repeater?.close();
      await command?.close();
      await expiry?.close();
    } finally {
      pidFile?.release();
    }
  }

  const seconds = (performance.now() - startMs) / 1000;
  for (const line of describeCollected(router, reader.stats(), repeater?.stats() ?? [], seconds)) log(line);
  const failure = reader.failure();
  if (failure !== null) warn(`weir collect: ${failure}`);
  return failure !== null || router.sources.some(({ store }) => store.lostFlows > 0) ? 1 : 0;
}

function openSources(
  options: CollectOptions,
  log: Log,
  warn: Log,
  onSlotEnd: FlowSourceOptions['onSlotEnd'],
): Promise<SourceRouter> {
  const { sampling } = options;
  const store = {
    mode: options.files.length === 0 ? ('live' as const) : ('replay' as const),
    intervalSeconds: options.intervalSec,
    layout: options.layout,
    flushMs: options.flushMs,
    log: warn,
  };
  return SourceRouter.open(
    options.plan,
    sampling === undefined ? { store, onSlotEnd } : { store, onSlotEnd, samplingOf: () => sampling },
    log,
  );
}

function openReader(options: CollectOptions): DatagramReader {
  const { files, ports, host, receiveBufferBytes } = options;
  if (files.length > 0) return new DatagramReader({ files, ports, slotCount: FILE_SLOTS });
  const listened = ports.length > 0 ? ports : [DEFAULT_PORT];
  return new DatagramReader({ listeners: listened.map((port) => ({ host, port, receiveBufferBytes })) });
}

function openLog(options: CollectOptions): LogOutput {
  if (options.logFile !== undefined) return fileLog(options.logFile);
  return options.isBackground ? systemLog() : standardError;
}

function announce(reader: DatagramReader, options: CollectOptions, log: Log): void {
  const { ports, receiveBufferBytes } = reader.stats();
  ports.forEach((port, i) => {
    const place = `${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
    log(`listening on ${place}, flows go to ${describePlan(options.plan)}`);
    const advice = receiveBufferAdvice(place, options.receiveBufferBytes, receiveBufferBytes[i] ?? 0);
    if (advice !== undefined) log(advice);
  });
}

function describePlan(plan: SourcePlan): string {
  switch (plan.kind) {
    case 'one':
      return plan.directory;
    case 'listed':
      return plan.sources.map(({ ident, directory }) => `${directory} (${ident})`).join(', ');
    case 'dynamic':
      return `${plan.directory}/EXPORTER`;
  }
}
