import { receiveBufferAdvice } from '../../collect/listener.ts';
import { SenderGate } from '../../collect/sender-gate.ts';
import { UserError } from '../../flow/user-error.ts';
import type { Log } from '../daemon/log.ts';
import type { LogOutput } from '../daemon/log-output.ts';
import type { MetricsServer } from '../daemon/metrics-server.ts';
import { PidFile } from '../daemon/pid-file.ts';
import { becomeIdentity, explainIdentity } from '../daemon/privileges.ts';
import { type Reloaded, Reloader } from '../daemon/reload.ts';
import { ServiceManager } from '../daemon/service-manager.ts';
import type { StopSignal } from '../daemon/stop-signal.ts';
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

/** What a run has open. */
interface Parts {
  readonly inputs: CollectInputs;
  readonly after: AfterSlot;
  readonly repeater: RepeaterSwitch;
  readonly router: SourceRouter;
  readonly metrics: MetricsServer | undefined;
  readonly pidFile: PidFile | undefined;
}

/** One run of `weir collect`, from the opening of inputs and stores to its report. */
export class CollectRun {
  /** Those in force. */
  private options: CollectOptions;
  private readonly parts: Parts;
  private readonly logs: LogOutput;
  private readonly manager = new ServiceManager();
  private readonly startedMs = Date.now();
  private timers: NodeJS.Timeout[] = [];

  /** Opens everything that the options name, and gives up privileges; throws UserError, and then nothing stays open. */
  static async open(options: CollectOptions, logs: LogOutput): Promise<CollectRun> {
    const { info: log, warn } = logs;
    const isLive = options.files.length === 0;
    for (const note of options.notes) log(note);
    const gate = new SenderGate({ allowed: options.allowed, datagramsPerSecond: options.exporterRate, log });
    const inputs = await CollectInputs.open(options, gate, log);
    const after = new AfterSlot(options, log, warn);
    const repeater = new RepeaterSwitch({ mayWait: !isLive, keepsSource: options.keepsSource, log: warn });
    const reception = new ReceptionReport();
    let metrics: MetricsServer | undefined;
    let pidFile: PidFile | undefined;
    try {
      repeater.replace(options.repeatTo);
      if (options.metrics !== undefined) {
        metrics = await (await import('../daemon/metrics-server.ts')).MetricsServer.listen(options.metrics, warn);
      }
      pidFile = options.pidFile === undefined ? undefined : PidFile.take(options.pidFile);
      becomeIdentity(options.identity);
      let router: SourceRouter | undefined;
      router = await openSources(options, log, warn, (slot, source) => {
        log(describeSlot(slot, source.takeFaults()));
        // A slot of the first source may end while others are being opened.
        const ignored = router?.ignoredDatagrams ?? 0;
        const total = isLive ? reception.describe(slot, inputs.stats(), ignored) : undefined;
        if (total !== undefined) log(total);
        after.run(slot);
      });
      return new CollectRun(options, { inputs, after, repeater, router, metrics, pidFile }, logs);
    } catch (error) {
      inputs.stop();
      repeater.abort();
      metrics?.close();
      pidFile?.release();
      throw explainIdentity(error, options.identity);
    }
  }

  private constructor(options: CollectOptions, parts: Parts, logs: LogOutput) {
    this.options = options;
    this.parts = parts;
    this.logs = logs;
  }

  /**
   * Stores what comes until the files end or a signal stops it, closes everything and reports; gives the exit status. `ready`
   * is called once datagrams are taken and signals obeyed.
   */
  async untilEnd(
    signals: StopSignal,
    reread: () => Promise<CollectOptions | undefined>,
    ready: () => void,
  ): Promise<number> {
    const { inputs, router } = this.parts;
    if (this.isLive) this.startTimers();
    this.serveMetrics();
    signals.stops((signal) => {
      this.logs.info(`${signal}: storing what has been received`);
      this.manager.stopping();
      inputs.stop();
    });
    if (this.isLive) this.announce();
    const status = this.describe();
    const reloader = new Reloader(this.logs, this.manager, status, () => this.reload(reread));
    signals.reloads(reloader.request);
    ready();
    this.manager.ready(status);

    const startMs = performance.now();
    try {
      await this.readAll();
    } finally {
      await this.close(reloader);
    }
    const seconds = (performance.now() - startMs) / 1000;
    const { repeater } = this.parts;
    for (const line of describeCollected(router, inputs.stats(), repeater.stats(), seconds)) this.logs.info(line);
    const failure = inputs.failure();
    if (failure !== null) this.logs.warn(`weir collect: ${failure}`);
    return failure !== null || router.sources.some(({ store }) => store.lostFlows > 0) ? 1 : 0;
  }

  private get isLive(): boolean {
    return this.options.files.length === 0;
  }

  private startTimers(): void {
    const { inputs, router } = this.parts;
    this.timers = [
      // A part holds what came in `flushMs`; the collector hands on half-filled batches a little more often than that.
      setInterval(() => router.flush(), Math.max(50, this.options.flushMs / 4)),
      setInterval(() => void router.saveState(), STATE_MS),
      setInterval(() => void router.writeAccounts(inputs.stats()), ACCOUNT_MS),
    ];
  }

  private serveMetrics(): void {
    const { inputs, repeater, router } = this.parts;
    this.parts.metrics?.serve({
      metrics: () =>
        renderMetrics({
          startedMs: this.startedMs,
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
  }

  private readAll(): Promise<void> {
    const { inputs, repeater, router } = this.parts;
    return inputs.readAll((slot, count) => {
      const repeated = repeater.addSlot(slot, count);
      const delivered = router.deliver(slot, count);
      if (repeated === undefined || delivered === undefined) return repeated ?? delivered;
      return Promise.all([repeated, delivered]).then(() => undefined);
    });
  }

  private async reload(reread: () => Promise<CollectOptions | undefined>): Promise<Reloaded> {
    const next = await reread();
    if (next === undefined) throw new UserError('these options ask for help alone');
    const { repeater, after } = this.parts;
    const setQuiet = (quiet: boolean) => {
      this.logs.quiet = quiet;
    };
    const { options, ...reloaded } = reloadCollect(this.options, next, { repeater, after, setQuiet });
    this.options = options;
    return reloaded;
  }

  private async close(reloader: Reloader): Promise<void> {
    const { inputs, after, repeater, router, metrics, pidFile } = this.parts;
    for (const timer of this.timers) clearInterval(timer);
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
      this.manager.close();
    }
  }

  private describe(): string {
    const { files, plan } = this.options;
    return this.isLive ? `listening, flows go to ${describePlan(plan)}` : `reading ${files.join(', ')}`;
  }

  /** Where datagrams are taken. */
  private announce(): void {
    const { device, ports, plan, receiveBufferBytes: asked } = this.options;
    const { info: log } = this.logs;
    if (device !== undefined) {
      log(`reading datagrams to port ${ports.join(', ')} on ${device}, flows go to ${describePlan(plan)}`);
    }
    for (const { endpoint, receiveBufferBytes } of this.parts.inputs.bound) {
      const place = formatEndpoint(endpoint);
      log(`listening on ${place}, flows go to ${describePlan(plan)}`);
      if (receiveBufferBytes === undefined) continue;
      const advice = receiveBufferAdvice(place, asked, receiveBufferBytes);
      if (advice !== undefined) log(advice);
    }
  }
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
