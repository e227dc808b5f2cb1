import { join } from 'node:path';
import { DATAGRAM_META_WORDS } from '../../addon/datagram-layout.ts';
import type { DatagramSlot } from '../../collect/datagram-slot.ts';
import { DEFAULT_LIMITS, type Limits } from '../../collect/limits.ts';
import { isSameSender, senderAt, senderKey } from '../../collect/sender-key.ts';
import { type AddressWords, formatAddress } from '../../flow/address.ts';
import { isInPrefix } from '../../flow/prefix.ts';
import type { Log } from '../daemon/log.ts';
import { receptionOf } from './account.ts';
import { FlowSource, type FlowSourceOptions } from './flow-source.ts';
import type { InputStats } from './inputs.ts';
import type { SourceCounters } from './metrics.ts';
import type { ListedSource, SourcePlan } from './source-plan.ts';

/** Sources made for exporters as they appear; nfcapd's number. */
const MAX_DYNAMIC_SOURCES = 1024;
/** Rows that the decoder of a dynamic source gathers: batches of the usual size would be some megabytes each. */
const DYNAMIC_BATCH_ROWS = 4096;
/** Senders whose way is remembered; the port is open to everybody. */
const MAX_KNOWN_SENDERS = 65_536;
/** Ignored senders that are named in the log between two times that they are forgotten. */
const MAX_IGNORED_LINES = 16;
/** Stores that are opened at a time; each waits for the disk. */
const MOST_OPENING = 32;
/** How long a sender stays ignored until it is looked at, and logged, again. */
const IGNORED_MS = 60_000;

/** What each source shares with the others. */
export type SharedSourceOptions = Omit<FlowSourceOptions, 'ident' | 'directory' | 'limits' | 'batchRows'> & {
  /** Sources that exporters may cause to be made, by default `MAX_DYNAMIC_SOURCES`. */
  readonly maxDynamicSources?: number;
};

/**
 * Gives each datagram to the source of its sender. Datagrams are taken in runs of one sender, so that nothing is done
 * for a row, and next to nothing for a datagram.
 */
export class SourceRouter {
  /** Datagrams of senders that no source is for. */
  ignoredDatagrams = 0;
  readonly sources: FlowSource[] = [];
  private readonly plan: SourcePlan;
  private readonly shared: SharedSourceOptions;
  private readonly log: Log;
  private readonly byListed = new Map<ListedSource, FlowSource>();
  /** Source of a sender: IPv4 by its word, IPv6 by text; null for one that is ignored. */
  private readonly bySender = new Map<number | string, FlowSource | null>();
  /** Sources of senders that are being opened. */
  private opening = 0;
  private ignoredSinceMs = 0;
  private ignoredLines = 0;

  private constructor(plan: SourcePlan, shared: SharedSourceOptions, log: Log) {
    this.plan = plan;
    this.shared = shared;
    this.log = log;
  }

  /** Opens the stores of the plan; throws UserError for the first that cannot be used. */
  static async open(plan: SourcePlan, shared: SharedSourceOptions, log: Log): Promise<SourceRouter> {
    const router = new SourceRouter(plan, shared, log);
    try {
      if (plan.kind === 'one') await router.add({ ident: plan.ident, directory: plan.directory });
      if (plan.kind === 'listed') {
        for (const listed of plan.sources) {
          const { ident, directory } = listed;
          router.byListed.set(listed, await router.add({ ident, directory }));
        }
      }
    } catch (error) {
      await router.close();
      throw error;
    }
    return router;
  }

  /** Decodes the `count` datagrams of a slot; to be waited for when it gives a promise. */
  deliver(slot: DatagramSlot, count: number): Promise<void> | undefined {
    if (this.plan.kind !== 'one') return this.deliverRuns(slot, count);
    const source = this.sources[0]!;
    source.collector.addSlot(slot, count);
    return source.output.isFull ? source.output.ready() : undefined;
  }

  /** Hands the rows decoded so far to the stores. */
  flush(): void {
    for (const source of this.sources) source.collector.flush();
  }

  /** Writes what the next run must know. */
  async saveState(): Promise<void> {
    for (const source of this.sources) await source.saveState();
  }

  /** Counters of the sources; those of exporters of their own share one label, since exporters have labels themselves. */
  counters(): SourceCounters[] {
    return this.sources.map(({ ident, collector, store: { storedFlows, lostFlows } }) => ({
      label: this.plan.kind === 'dynamic' ? 'dynamic' : ident,
      collected: collector.stats(),
      storedFlows,
      lostFlows,
    }));
  }

  /** Writes the accounts of all exporters. */
  async writeAccounts(received: InputStats, always = false): Promise<void> {
    const reception = receptionOf(received, this.ignoredDatagrams);
    for (const source of this.sources) await source.writeAccount(reception, always);
  }

  /** Stores everything; the first failure is thrown once all sources are closed. */
  async close(): Promise<void> {
    const ended = await Promise.allSettled(this.sources.map((source) => source.close()));
    const failed = ended.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  private async deliverRuns(slot: DatagramSlot, count: number): Promise<void> {
    const { words } = slot;
    if (performance.now() - this.ignoredSinceMs > IGNORED_MS) this.forgetIgnored();
    for (let from = 0; from < count; ) {
      const at = from * DATAGRAM_META_WORDS;
      let to = from + 1;
      while (to < count && isSameSender(words, at, to * DATAGRAM_META_WORDS)) to++;
      const key = senderKey(words, at);
      if (!this.bySender.has(key)) await this.admitNew(words, from, count);
      const source = this.bySender.get(key) ?? null;
      if (source === null) this.ignoredDatagrams += to - from;
      else source.collector.addSlot(slot, to, from);
      from = to;
    }
    for (const { output } of this.sources) if (output.isFull) await output.ready();
  }

  /** Admits the new senders among the datagrams `from` to `end`, many at a time: receiving goes on meanwhile, but not for ever. */
  private async admitNew(words: Uint32Array, from: number, end: number): Promise<void> {
    if (this.bySender.size >= MAX_KNOWN_SENDERS) this.bySender.clear();
    const senders = new Map<number | string, AddressWords>();
    for (let i = from; i < end; i++) {
      const at = i * DATAGRAM_META_WORDS;
      const key = senderKey(words, at);
      if (!this.bySender.has(key)) senders.set(key, senderAt(words, at));
    }
    const waiting = senders.entries();
    const admitNext = async () => {
      for (const [key, sender] of waiting) this.bySender.set(key, await this.admit(sender));
    };
    await Promise.all(Array.from({ length: Math.min(MOST_OPENING, senders.size) }, admitNext));
  }

  private async admit(sender: AddressWords): Promise<FlowSource | null> {
    const address = formatAddress(...sender);
    if (this.plan.kind === 'listed') {
      const listed = longestMatch(this.plan.sources, sender);
      return listed === undefined ? this.ignore(address, 'no -n has its address') : this.byListed.get(listed)!;
    }
    if (this.plan.kind !== 'dynamic') return this.sources[0]!;
    const ident = dynamicName(address);
    const known = this.sources.find((source) => source.ident === ident);
    if (known !== undefined) return known;
    const { maxDynamicSources = MAX_DYNAMIC_SOURCES } = this.shared;
    if (this.sources.length + this.opening >= maxDynamicSources) {
      return this.ignore(address, `there are ${maxDynamicSources} sources already`);
    }
    this.opening++;
    try {
      const directory = join(this.plan.directory, ident);
      const source = await this.add({ ident, directory, limits: dynamicLimits, batchRows: DYNAMIC_BATCH_ROWS });
      this.log(`new exporter ${address}, its flows go to ${directory}`);
      return source;
    } catch (error) {
      return this.ignore(address, (error as Error).message);
    } finally {
      this.opening--;
    }
  }

  private async add(
    options: Pick<FlowSourceOptions, 'ident' | 'directory' | 'limits' | 'batchRows'>,
  ): Promise<FlowSource> {
    const source = await FlowSource.open({ ...this.shared, ...options });
    this.sources.push(source);
    return source;
  }

  private ignore(address: string, why: string): null {
    this.ignoredLines++;
    if (this.ignoredLines <= MAX_IGNORED_LINES) this.log(`datagrams from ${address} are ignored: ${why}`);
    return null;
  }

  private forgetIgnored(): void {
    this.ignoredSinceMs = performance.now();
    this.ignoredLines = 0;
    for (const [key, source] of this.bySender) if (source === null) this.bySender.delete(key);
  }
}

/** A source of one sender needs less room than one for all; a thousand of them must fit into memory. */
const dynamicLimits: Partial<Limits> = {
  // Agents of sFlow behind the sender.
  exporters: DEFAULT_LIMITS.exporters / 16,
  streams: DEFAULT_LIMITS.streamsPerExporter,
  templateFields: DEFAULT_LIMITS.templateFields / 16,
  interfaces: DEFAULT_LIMITS.interfaces / 8,
  optionEntries: DEFAULT_LIMITS.optionEntries / 16,
  pendingBytes: DEFAULT_LIMITS.pendingBytes / 16,
};

/** Ident and sub-directory of an exporter's own source, as nfcapd makes them. */
function dynamicName(address: string): string {
  return address.replace(/[.:]/g, '-');
}

function longestMatch(sources: readonly ListedSource[], sender: AddressWords): ListedSource | undefined {
  let best: ListedSource | undefined;
  let bestBits = -1;
  for (const source of sources) {
    for (const prefix of source.prefixes) {
      if (prefix.bits <= bestBits || !isInPrefix(prefix, sender)) continue;
      best = source;
      bestBits = prefix.bits;
    }
  }
  return best;
}
