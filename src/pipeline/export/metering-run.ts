import type { MeteringCache } from '../../cache/flow-cache-options.ts';
import type { NamedTimeouts } from '../../cache/timeout-presets.ts';
import { timeoutOptions } from '../../cache/timeout-presets.ts';
import { END_FORCED } from '../../cache/timeouts.ts';
import type { PacketSlot } from '../../capture/source.ts';
import type { FlowBatch } from '../../flow/batch.ts';
import { UserError } from '../../flow/user-error.ts';
import type { FlowPrinter } from '../../query/flow-printer.ts';
import type { FlowStore } from '../../store/flow-store.ts';
import type { LogOutput } from '../daemon/log-output.ts';
import { describeProgress, type ProgressFigures } from '../daemon/progress.ts';
import { changedKeys, Reloader } from '../daemon/reload.ts';
import { RunLog } from '../daemon/run-log.ts';
import { ServiceManager } from '../daemon/service-manager.ts';
import type { StopSignal } from '../daemon/stop-signal.ts';
import { FlowOutput } from '../flow-output.ts';
import { CaptureStatistics } from './capture-statistics.ts';
import { Enrichment } from './enrichment.ts';
import { expireAll } from './expire-all.ts';
import { meteredColumns } from './metered-columns.ts';
import type { ExportOperations } from './operations.ts';
import type { ExportOptions } from './options.ts';
import { type Outlets, openOutlets } from './outlets.ts';
import { openPacketInputs, type PacketInputs } from './packet-inputs.ts';
import { meteringNeedsExtensions, PacketMeter } from './packet-meter.ts';
import { processCounts } from './process-counts.ts';
import { reloadExport } from './reload.ts';
import { describeExported } from './report.ts';
import type { ExportRuntime } from './runtime.ts';
import type { SenderSwitch } from './sender-switch.ts';
import { openLinks, type RunFacts, Senders } from './senders.ts';

/**
 * Flows of captures that are sent and nothing else leave in batches that the processor's cache holds. Live, a batch is what may
 * wait for a collector; and files and tables are the better, the larger batches are.
 */
const SENT_BATCH_ROWS = 4096;
/** How often a live exporter looks at the clock: timeouts are a second exact, datagrams wait a second at most. */
const TICK_MS = 250;

/** One run of `weir export`, from the opening of inputs and outlets to its report. */
export class MeteringRun implements ExportRuntime {
  readonly startedMs = Date.now();
  options: ExportOptions;
  readonly inputs: PacketInputs;
  readonly output: FlowOutput;
  readonly senders: SenderSwitch;
  readonly store: FlowStore | undefined;
  private readonly meter: PacketMeter;
  private readonly printer: FlowPrinter | undefined;
  private enrichment: Enrichment;
  /** Whether captures were opened with extension records. */
  private readonly isExtended: boolean;
  private readonly operations: ExportOperations | undefined;
  private readonly facts: RunFacts;
  private readonly statistics: CaptureStatistics;
  private readonly manager = new ServiceManager();
  private readonly logs: LogOutput;
  private readonly log: RunLog;
  private tickTimer: NodeJS.Timeout | undefined;
  private statisticsTimer: NodeJS.Timeout | undefined;

  /** Opens everything that the options name; throws UserError, and then nothing stays open. */
  static async open(options: ExportOptions, logs: LogOutput): Promise<MeteringRun> {
    const log = new RunLog(logs);
    const enrichment = await Enrichment.open(options, log.warn);
    let inputs: PacketInputs | undefined;
    let meter: PacketMeter | undefined;
    try {
      let run: MeteringRun | undefined;
      const onBack = () => run?.interfacesChanged();
      const opened = await openPacketInputs(options, meteringNeedsExtensions(options), log.warn, onBack);
      inputs = opened;
      const flowsTo = { sink: (batch: FlowBatch) => run!.output.write(batch), acquire: () => run!.output.acquire() };
      const made = new PacketMeter(options, enrichment, flowsTo, () => opened.reader.stop());
      meter = made;
      const facts: RunFacts = {
        firstPacketMs: () => made.firstPacketMs,
        namedInFiles: opened.namedInFiles,
        counts: (stream) => run!.countsFor(stream),
      };
      const outlets = await openOutlets(options, opened.reader, facts, () => made.ready(), log.warn);
      run = new MeteringRun(options, { inputs: opened, enrichment, meter: made, facts, outlets, logs, log });
      return run;
    } catch (error) {
      enrichment.close();
      inputs?.close();
      inputs?.reader.stop();
      await meter?.cache.close?.();
      throw error;
    }
  }

  private constructor(
    options: ExportOptions,
    parts: {
      inputs: PacketInputs;
      enrichment: Enrichment;
      meter: PacketMeter;
      facts: RunFacts;
      outlets: Outlets;
      logs: LogOutput;
      log: RunLog;
    },
  ) {
    const { destinations, senders, store, printer, operations } = parts.outlets;
    this.options = options;
    this.isExtended = meteringNeedsExtensions(options);
    this.inputs = parts.inputs;
    this.enrichment = parts.enrichment;
    this.facts = parts.facts;
    this.logs = parts.logs;
    this.log = parts.log;
    this.senders = senders;
    this.store = store;
    this.printer = printer;
    this.operations = operations;
    const onlySends = !this.isLive && store === undefined && printer === undefined;
    this.output = new FlowOutput({
      destinations,
      dropWhenFull: this.isLive,
      ...(onlySends && { batchRows: SENT_BATCH_ROWS }),
    });
    this.meter = parts.meter;
    this.statistics = new CaptureStatistics(
      this.inputs.parts,
      () => this.cache.stats(),
      () => this.output.losses(),
      () => this.duplicates(),
    );
  }

  get cache(): MeteringCache {
    return this.meter.cache;
  }

  duplicates(): number {
    return this.meter.duplicatePackets;
  }

  setTimeouts(timeouts: NamedTimeouts): void {
    this.cache.setTimeouts(timeoutOptions(timeouts));
    this.options = { ...this.options, timeouts };
  }

  expireAll(): Promise<number> {
    return expireAll(this.cache, this.output);
  }

  stop(why: string): void {
    this.log.info(`${why}: sending the flows at hand`);
    this.manager.stopping();
    this.inputs.reader.stop();
    this.meter.hurry();
    this.output.hurry();
  }

  printStatistics(): void {
    for (const { text } of this.statistics.lines()) this.log.warn(text);
  }

  /** Meters until the input ends or a signal stops it, ends every flow, closes everything and reports; gives the exit status. */
  async untilEnd(signals: StopSignal, reread: () => Promise<ExportOptions | undefined>): Promise<number> {
    const what = this.describeInput();
    const reloader = new Reloader(this.logs, this.manager, what, () => this.reload(reread));
    if (this.meter.hasClock) this.tickTimer = setInterval(() => this.tick(), TICK_MS);
    this.startStatistics(this.options.statsSec);
    this.operations?.serve(this);
    signals.stops((why) => this.stop(why));
    if (this.isLive) this.log.info(what);
    else if (!this.options.quiet) {
      this.log.show(process.stderr, (seconds) => describeProgress(this.progress(), seconds));
    }
    signals.reloads(reloader.request);
    this.manager.ready(what);

    const startMs = performance.now();
    try {
      await this.meterPackets();
      await this.endFlows();
    } finally {
      await this.close(reloader);
    }
    return this.report((performance.now() - startMs) / 1000);
  }

  private interfacesChanged(): void {
    this.enrichment.interfacesChanged();
    this.senders.interfacesChanged();
  }

  private get isLive(): boolean {
    return this.options.interfaces.length > 0;
  }

  private async meterPackets(): Promise<void> {
    const { reader } = this.inputs;
    this.meter.expect(reader.stats().bytesTotal);
    for (;;) {
      const slot = reader.tryRead() ?? (await this.waitForSlot());
      if (slot === undefined) return;
      const played = this.meter.take(slot);
      if (played !== undefined) await played;
      reader.release(slot);
      if (this.output.isFull && !this.isLive) await this.output.ready();
    }
  }

  private waitForSlot(): Promise<PacketSlot | undefined> {
    this.meter.settle();
    return this.inputs.reader.read();
  }

  private async endFlows(): Promise<void> {
    if (this.isLive) await this.expireAll();
    await this.cache.flush(END_FORCED);
  }

  private async close(reloader: Reloader): Promise<void> {
    clearInterval(this.tickTimer);
    this.enrichment.close();
    clearInterval(this.statisticsTimer);
    this.inputs.close();
    this.inputs.reader.stop();
    this.operations?.close();
    await reloader.end();
    await this.cache.close?.();
    await this.output.close();
    this.manager.close();
    this.log.hideProgress();
  }

  private report(seconds: number): number {
    const { inputs, output, senders, store, log } = this;
    const report = {
      packets: inputs.reader.stats(),
      notAccounted: inputs.notAccounted(),
      countedBefore: inputs.countedBefore(),
      duplicates: this.duplicates(),
      cache: this.cache.stats(),
      output,
      senders,
      store,
      seconds,
    };
    for (const line of describeExported(report)) log.info(line);
    const failure = inputs.reader.failure();
    if (failure !== null) log.warn(`weir export: ${failure}`);
    const lost = output.lostFlows + (store?.lostFlows ?? 0) + senders.lostMessages();
    return failure !== null || lost > 0 ? 1 : 0;
  }

  /** How far a replay is: what was read ahead of the time that it plays does not count yet. */
  private progress(): ProgressFigures {
    const { packets, metered, bytesRead, bytesTotal } = this.inputs.reader.stats();
    const share = this.meter.playedShare(metered);
    return { packets: Math.round(packets * share), flows: this.output.flows, bytesRead: bytesRead * share, bytesTotal };
  }

  private tick(): void {
    const nowMs = this.meter.tick();
    if (!Number.isNaN(nowMs)) this.senders.tick(nowMs);
  }

  private startStatistics(everySec: number): void {
    clearInterval(this.statisticsTimer);
    if (!this.isLive || everySec <= 0) return;
    this.statisticsTimer = setInterval(() => {
      for (const { text, isLoss } of this.statistics.lines()) (isLoss ? this.log.warn : this.log.info)(text);
    }, everySec * 1000);
  }

  private async reload(reread: () => Promise<ExportOptions | undefined>) {
    const next = await reread();
    if (next === undefined) throw new UserError('these options ask for help alone');
    return reloadExport(this, next, {
      canMeter: (options) =>
        changedKeys(this.options, options).every((key) => key !== 'template') ||
        this.isExtended ||
        !meteringNeedsExtensions(options),
      openMetering: (options) => this.openMetering(options),
      openSenders: (options) => this.openSenders(options),
      changeTemplate: ({ template }) => this.senders.changeTemplate(template, this.output),
      startStatistics: (everySec) => this.startStatistics(everySec),
      setQuiet: (quiet) => {
        this.logs.quiet = quiet;
      },
    });
  }

  private async openMetering(options: ExportOptions) {
    const enrichment = await Enrichment.open(options, this.log.warn);
    const { printer } = this;
    const changePrinted = await printer?.withColumns(meteredColumns(options));
    return {
      apply: async (switched: () => void) => {
        // Live output has no room for all that a full cache holds; what comes meanwhile leaves at once, below.
        if (this.isLive) await this.expireAll();
        await this.meter.change(options, enrichment, () => {
          if (printer !== undefined) this.output.afterGiven(printer, changePrinted!);
          switched();
        });
        this.enrichment.close();
        this.enrichment = enrichment;
      },
      abandon: () => enrichment.close(),
    };
  }

  private async openSenders(options: ExportOptions): Promise<() => void> {
    const links = await openLinks(options, this.log.warn);
    const replacement = links.length > 0 ? new Senders(options, links, this.facts) : undefined;
    return () => this.senders.replace(replacement, this.output);
  }

  /** What a stream of messages tells of this process. */
  private countsFor(stream: string) {
    const lost = this.output.losses().find(({ name }) => name === stream);
    return processCounts(this.inputs.reader.stats(), this.cache.stats(), lost);
  }

  private describeInput(): string {
    const { interfaces, files } = this.options;
    return interfaces.length > 0
      ? `capturing on ${interfaces.map(({ device }) => device).join(', ')}`
      : `reading ${files.join(', ')}`;
  }
}
