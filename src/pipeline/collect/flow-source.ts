import { Collector, type CollectorOptions } from '../../collect/collector.ts';
import { restoreState, saveState } from '../../collect/saved-state.ts';
import { FlowStore, type FlowStoreOptions } from '../../store/flow-store.ts';
import type { EndedSlot } from '../../store/slot-sealer.ts';
import type { Log } from '../daemon/log.ts';
import { FlowOutput } from '../flow-output.ts';
import { ACCOUNT_NAME, makeAccount, type Reception } from './account.ts';
import { NAMES_FILE } from './names-file.ts';
import { StateFile } from './state-file.ts';

const STATE_NAME = '.weir.templates.json';

export interface FlowSourceOptions {
  readonly ident: string;
  readonly directory: string;
  readonly store: Omit<FlowStoreOptions, 'directory' | 'ident' | 'log' | 'onSlotEnd'> & { readonly log: Log };
  readonly samplingOf?: CollectorOptions['samplingOf'];
  readonly limits?: CollectorOptions['limits'];
  /** Rows decoded before they go to the store, at most. */
  readonly batchRows?: number;
  readonly onSlotEnd: (slot: EndedSlot, source: FlowSource) => void;
}

/** What a slot's log line says beside the flows. */
export interface SlotFaults {
  readonly sequenceErrors: number;
  readonly lostDatagrams: number;
  readonly lostRecords: number;
  readonly badPackets: number;
}

/** A collector with a store of its own: one for all exporters, or one for each source that the operator tells apart. */
export class FlowSource {
  readonly ident: string;
  readonly directory: string;
  readonly collector: Collector;
  readonly output: FlowOutput;
  readonly store: FlowStore;

  /** Templates and sampling rates for the next run; not of captures, which have times of their own. */
  private readonly stateFile: StateFile | undefined;
  private readonly accountFile: StateFile;
  private readonly namesFile: StateFile;
  private readonly startedMs = Date.now();
  private savedRevision = 0;
  private savedNames = 0;
  /** Sum of the counters that the latest account has, -1 before the first. */
  private accountedNews = -1;
  /** Sequence errors that the statistics of files have. */
  private filedErrors = 0;
  private faults: SlotFaults = { sequenceErrors: 0, lostDatagrams: 0, lostRecords: 0, badPackets: 0 };

  private constructor(options: FlowSourceOptions, store: FlowStore) {
    this.ident = options.ident;
    this.directory = options.directory;
    this.store = store;
    this.accountFile = new StateFile(options.directory, ACCOUNT_NAME, options.store.log);
    this.namesFile = new StateFile(options.directory, NAMES_FILE, options.store.log);
    if (options.store.mode === 'live') this.stateFile = new StateFile(options.directory, STATE_NAME, options.store.log);
    this.output = new FlowOutput({
      destinations: [{ name: options.directory, consumer: store }],
      dropWhenFull: false,
      ...(options.batchRows === undefined ? {} : { batchRows: options.batchRows }),
    });
    this.collector = new Collector({
      sink: this.output.write,
      acquire: this.output.acquire,
      ...(options.samplingOf === undefined ? {} : { samplingOf: options.samplingOf }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
  }

  /** Takes the directory; throws UserError when it cannot be used. */
  static async open(options: FlowSourceOptions): Promise<FlowSource> {
    const { ident, directory } = options;
    const takeSequenceErrors = () => source?.takeSequenceErrors() ?? 0;
    let source: FlowSource | undefined;
    const onSlotEnd = (slot: EndedSlot) => options.onSlotEnd(slot, source!);
    const store = await FlowStore.open({ ...options.store, ident, directory, onSlotEnd, takeSequenceErrors });
    source = new FlowSource(options, store);
    await source.restore(options.store.log);
    return source;
  }

  /** Writes what the next run must know, if that has changed. */
  async saveState(): Promise<void> {
    const { exporters } = this.collector;
    await this.saveNames();
    if (this.stateFile === undefined || exporters.revision === this.savedRevision) return;
    this.savedRevision = exporters.revision;
    await this.stateFile.write(saveState(exporters));
  }

  /** Writes the account of the exporters; unless `always`, only when something came since the last time. */
  async writeAccount(reception: Reception, always: boolean): Promise<void> {
    const { ident, startedMs, collector, store } = this;
    const collected = collector.stats();
    const news = collected.decode.datagrams + store.storedFlows + store.lostFlows;
    if (news === this.accountedNews && !always) return;
    this.accountedNews = news;
    const account = makeAccount({ ident, startedMs, nowMs: Date.now() }, reception, collected, store);
    await this.accountFile.write(JSON.stringify(account));
  }

  /** What was lost or unusable since the last call. */
  takeFaults(): SlotFaults {
    const { streams, decode } = this.collector.stats();
    const lost = (unit: 'datagrams' | 'records') =>
      streams.reduce((sum, stream) => sum + (stream.lostUnit === unit ? stream.lost : 0), 0);
    const now: SlotFaults = {
      sequenceErrors: streams.reduce((sum, stream) => sum + stream.sequenceErrors, 0),
      lostDatagrams: lost('datagrams'),
      lostRecords: lost('records'),
      badPackets: decode.tooShort + decode.unknownVersion + decode.badHeader + decode.truncated + decode.badSet,
    };
    const before = this.faults;
    this.faults = now;
    // What came late is no longer lost.
    return {
      sequenceErrors: Math.max(0, now.sequenceErrors - before.sequenceErrors),
      lostDatagrams: Math.max(0, now.lostDatagrams - before.lostDatagrams),
      lostRecords: Math.max(0, now.lostRecords - before.lostRecords),
      badPackets: now.badPackets - before.badPackets,
    };
  }

  private takeSequenceErrors(): number {
    const errors = this.collector.sequenceErrors();
    const more = Math.max(0, errors - this.filedErrors);
    this.filedErrors = errors;
    return more;
  }

  /** Stores everything received so far, and lets go of the directory. */
  async close(): Promise<void> {
    this.collector.flush();
    await this.saveNames();
    // Times of the latest datagrams are part of it, so it is written whether or not templates have changed.
    if (this.collector.exporters.size > 0) await this.stateFile?.write(saveState(this.collector.exporters));
    await this.output.close();
  }

  private async saveNames(): Promise<void> {
    const { names } = this.collector.exporters;
    if (names.revision === this.savedNames) return;
    this.savedNames = names.revision;
    await this.namesFile.write(names.save());
  }

  private async restoreNames(log: Log): Promise<void> {
    const { names } = this.collector.exporters;
    try {
      const text = await this.namesFile.read();
      if (text !== undefined) names.restore(text);
    } catch (error) {
      log(`${this.namesFile.path} is not used: ${(error as Error).message}`);
    }
    this.savedNames = names.revision;
  }

  private async restore(log: Log): Promise<void> {
    await this.restoreNames(log);
    const text = await this.stateFile?.read();
    if (text === undefined) return;
    try {
      restoreState(this.collector.exporters, text, Date.now());
    } catch (error) {
      log(`${this.stateFile!.path} is not used: ${(error as Error).message}`);
    }
    this.savedRevision = this.collector.exporters.revision;
  }
}
