import { receiveBufferAdvice } from '../../collect/listener.ts';
import { SenderGate } from '../../collect/sender-gate.ts';
import { UserError } from '../../flow/user-error.ts';
import { reportReady } from '../daemon/background.ts';
import type { Log } from '../daemon/log.ts';
import { LogOutput } from '../daemon/log-output.ts';
import type { MetricsServer } from '../daemon/metrics-server.ts';
import { PidFile } from '../daemon/pid-file.ts';
import { becomeIdentity, explainIdentity } from '../daemon/privileges.ts';
import { Reloader } from '../daemon/reload.ts';
import { ServiceManager } from '../daemon/service-manager.ts';
import { StopSignal } from '../daemon/stop-signal.ts';
import { AfterSlot } from './after-slot.ts';
import type { FlowSourceOptions } from './flow-source.ts';
import { CollectInputs } from './inputs.ts';
import { formatEndpoint } from './listen-endpoint.ts';
import { renderMetrics } from './metrics.ts';
import type { CollectOptions } from './options.ts';
import { reloadCollect } from './reload.ts';
import { RepeaterSwitch } from './repeater.ts';
import { describeCollected, describeSlot, ReceptionReport } from './report.ts';
import type { SourcePlan } from './source-plan.ts';
import { SourceRouter } from './source-router.ts';

/** How long a new template waits to be written down. */
const STATE_MS = 2000;
/** How old the account of the exporters may be. */
const ACCOUNT_MS = 5000;

/**
 * Datagrams in, flow files out, until the files end or a signal comes; SIGHUP opens the log anew and puts into force what
 * `reread` gives. Returns the exit status: 0, or 1 when a capture was cut or flows could not be stored.
 */
export async function runCollect(
  options: CollectOptions,
  reread: () => Promise<CollectOptions | undefined>,
): Promise<number> {
  const { configFile, logFile, logFormat, isBackground, quiet } = options;
  const live = options.files.length === 0;
  const logs = new LogOutput({
    command: 'collect',
    format: logFormat,
    ...(logFile === undefined ? {} : { file: logFile }),
    inBackground: isBackground && live,
    timed: live,
    quiet,
  });
  const signals = new StopSignal(live && (configFile ?? logFile) !== undefined);
  let isReady = false;
  try {
    return await collect(options, signals, logs, reread, () => {
      isReady = true;
      if (isBackground) reportReady();
    });
  } catch (error) {
    // Nobody reads standard error of a process in the background.
    if (isReady && !logs.isStandardError) logs.warn(`weir collect: ${(error as Error).message}`);
    throw error;
  } finally {
    logs.close();
    signals.release();
  }
}

async function collect(
  options: CollectOptions,
  signals: StopSignal,
  logs: LogOutput,
  reread: () => Promise<CollectOptions | undefined>,
  ready: () => void,
): Promise<number> {
  const live = options.files.length === 0;
  const { info: log, warn } = logs;
  for (const note of options.notes) log(note);
  const gate = new SenderGate({ allowed: options.allowed, datagramsPerSecond: options.exporterRate, log });
  const inputs = await CollectInputs.open(options, gate, log);
  const after = new AfterSlot(options, log, warn);
  let pidFile: PidFile | undefined;
  const repeater = new RepeaterSwitch({ mayWait: !live, keepsSource: options.keepsSource, log: warn });
  let metrics: MetricsServer | undefined;
  const reception = new ReceptionReport();
  let router: SourceRouter;
  try {
    repeater.replace(options.repeatTo);
    if (options.metrics !== undefined) {
      metrics = await (await import('../daemon/metrics-server.ts')).MetricsServer.listen(options.metrics, warn);
    }
    pidFile = options.pidFile === undefined ? undefined : PidFile.take(options.pidFile);
    becomeIdentity(options.identity);
    router = await openSources(options, log, warn, (slot, source) => {
      log(describeSlot(slot, source.takeFaults()));
      const total = live ? reception.describe(slot, inputs.stats(), router?.ignoredDatagrams ?? 0) : undefined;
      if (total !== undefined) log(total);
      after.run(slot);
    });
  } catch (error) {
    inputs.stop();
    repeater.abort();
    metrics?.close();
    pidFile?.release();
    throw explainIdentity(error, options.identity);
  }
  // A part holds what came in `flushMs`; the collector hands on half-filled batches a little more often than that.
  const timer = live ? setInterval(() => router.flush(), Math.max(50, options.flushMs / 4)) : undefined;
  const stateTimer = live ? setInterval(() => void router.saveState(), STATE_MS) : undefined;
  const accountTimer = live ? setInterval(() => void router.writeAccounts(inputs.stats()), ACCOUNT_MS) : undefined;
  const startedMs = Date.now();
  metrics?.serve({
    metrics: () =>
      renderMetrics({
        startedMs,
        received: inputs.stats(),
        ignoredDatagrams: router.ignoredDatagrams,
        sources: router.counters(),
        repeated: repeater.stats(),
      }),
    troubles: () =>
      router.sources
        .filter(({ store }) => !store.isStoring)
        .map(({ directory }) => `flows cannot be written to ${directory}`),
  });
  const manager = new ServiceManager();
  signals.stops((signal) => {
    log(`${signal}: storing what has been received`);
    manager.stopping();
    inputs.stop();
  });
  if (live) announce(inputs, options, log);
  const status = live ? `listening, flows go to ${describePlan(options.plan)}` : `reading ${options.files.join(', ')}`;
  let inForce = options;
  const reloader = new Reloader(logs, manager, status, async () => {
    const next = await reread();
    if (next === undefined) throw new UserError('these options ask for help alone');
    const reloaded = reloadCollect(inForce, next, { repeater, after, setQuiet: (quiet) => (logs.quiet = quiet) });
    inForce = reloaded.options;
    return reloaded;
  });
  signals.reloads(reloader.request);
  ready();
  manager.ready(status);

  const startMs = performance.now();
  try {
    await inputs.readAll((slot, count) => {
      const repeated = repeater.addSlot(slot, count);
      const delivered = router.deliver(slot, count);
      if (repeated === undefined || delivered === undefined) return repeated ?? delivered;
      return Promise.all([repeated, delivered]).then(() => undefined);
    });
  } finally {
    clearInterval(timer);
    clearInterval(stateTimer);
    clearInterval(accountTimer);
    inputs.stop();
    metrics?.close();
    await reloader.end();
    try {
      await router.close();
      await router.writeAccounts(inputs.stats(), true);
      await repeater.close();
      await after.close();
    } finally {
      pidFile?.release();
      manager.close();
    }
  }

  const seconds = (performance.now() - startMs) / 1000;
  for (const line of describeCollected(router, inputs.stats(), repeater.stats(), seconds)) log(line);
  const failure = inputs.failure();
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

function announce(inputs: CollectInputs, options: CollectOptions, log: Log): void {
  if (options.device !== undefined) {
    const ports = options.ports.join(', ');
    log(`reading datagrams to port ${ports} on ${options.device}, flows go to ${describePlan(options.plan)}`);
  }
  for (const { endpoint, receiveBufferBytes } of inputs.bound) {
    const place = formatEndpoint(endpoint);
    log(`listening on ${place}, flows go to ${describePlan(options.plan)}`);
    if (receiveBufferBytes === undefined) continue;
    const advice = receiveBufferAdvice(place, options.receiveBufferBytes, receiveBufferBytes);
    if (advice !== undefined) log(advice);
  }
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
