import { type AddressWords, formatAddress } from '../flow/address.ts';
import type {
  DatagramOrigin,
  DecodeStream,
  OptionsRecord,
  SetContext,
  StreamDirectory,
} from '../wire/decode-context.ts';
import { compileDefinition } from '../wire/decode-templates.ts';
import { VERSION_IPFIX, VERSION_SFLOW, VERSION_V5, VERSION_V7, VERSION_V9 } from '../wire/protocol.ts';
import type { CompiledTemplate } from '../wire/template.ts';
import { Allowance, type Limits } from './limits.ts';
import type { PendingSets } from './pending-sets.ts';
import { SampleSources } from './sample-sources.ts';
import { type SamplingSetting, SamplingTable } from './sampling.ts';
import type { SavedStream } from './saved-stream.ts';
import { BOOT_TOLERANCE_MS, SequenceTracker } from './sequence.ts';
import { TemplateStore } from './template-store.ts';

export interface InterfaceName {
  readonly name: string;
  readonly description: string;
}

/** All that is known of one exporter address. */
export interface Exporter {
  readonly address: string;
  readonly streams: ExporterStream[];
  readonly setting: SamplingSetting | undefined;
  /** Rate that options told last for a whole stream of it, 0 unknown: stands in for streams that were told none. */
  samplingRate: number;
  hasSamplers: boolean;
  /** Latest receive time of a datagram. */
  lastSeenMs: number;
}

/** What the streams share. */
interface Shared {
  readonly limits: Limits;
  readonly pending: PendingSets;
  readonly templateFields: Allowance;
  readonly optionEntries: Allowance;
  readonly sampleSources: Allowance;
  /** Grows when something changes that `saveState` keeps. */
  revision: number;
}

/**
 * One sequence of datagrams: exporter address, protocol version and observation domain (v9 source id, v5 engine, sFlow
 * sub-agent). The source port is no part of it, since exporters send options and templates from other ports than data.
 */
export class ExporterStream implements DecodeStream {
  readonly exporter: Exporter;
  readonly version: number;
  readonly domain: number;
  datagrams = 0;
  records = 0;
  lastSeenMs = 0;
  /** Export time less receive time of the latest datagram: how far the exporter's clock is off, and the way's delay. */
  skewMs = 0;
  bootMs = 0;
  /** What v9 uptimes of the latest datagram count from, 0 before the first. */
  uptimeFromMs = 0;
  /** Counters that the exporter reported of itself (elements 41 and 42), -1 unknown. */
  reportedMessages = -1;
  reportedRecords = -1;
  setsWithoutTemplate = 0;
  readonly templates: TemplateStore;
  readonly sampling: SamplingTable;
  readonly sequence: SequenceTracker;
  readonly samples: SampleSources;
  readonly interfaces = new Map<number, InterfaceName>();
  /** Set by the directory for each datagram, for the pending sets. */
  origin!: DatagramOrigin;
  private readonly shared: Shared;

  constructor(exporter: Exporter, version: number, domain: number, shared: Shared) {
    this.exporter = exporter;
    this.version = version;
    this.domain = domain;
    this.shared = shared;
    this.templates = new TemplateStore(shared.limits.templatesPerStream, shared.templateFields);
    this.sampling = new SamplingTable(shared.optionEntries);
    this.samples = new SampleSources(shared.sampleSources);
    this.sequence = new SequenceTracker(version === VERSION_V9 || version === VERSION_SFLOW ? 'datagrams' : 'records');
  }

  template(id: number): CompiledTemplate | undefined {
    return this.templates.get(id);
  }

  define(template: CompiledTemplate): void {
    this.shared.revision++;
    if (this.templates.define(template) === 'new') this.shared.pending.defined(this, template.id);
  }

  refreshed(template: CompiledTemplate): void {
    this.templates.confirm(template);
  }

  /** Another run of the exporter may mean other things by the same ids. */
  bootedAt(bootMs: number): void {
    if (this.templates.unconfirmed > 0 && Math.abs(bootMs - this.uptimeFromMs) > BOOT_TOLERANCE_MS) {
      this.templates.dropUnconfirmed();
    }
    this.uptimeFromMs = bootMs;
  }

  /** Takes what an earlier run of the collector knew of the stream. */
  restore(saved: SavedStream): void {
    this.uptimeFromMs = saved.uptimeFromMs;
    this.bootMs = saved.bootMs;
    if (this.sampling.restore(saved.sampling)) this.shareSampling();
    for (const { definition, isOptions } of saved.templates) {
      const template = compileDefinition(this.version, definition, isOptions);
      if (template !== undefined) this.templates.restore(template);
    }
  }

  withoutTemplate(setId: number, bytes: Uint8Array, start: number, end: number, context: SetContext): void {
    this.setsWithoutTemplate++;
    this.shared.pending.keep(setId, bytes, start, end, context, this.origin);
  }

  options(record: OptionsRecord): void {
    if (record.samplingRate > 0) this.learnSampling(record);
    if (record.bootMs > 0) this.bootMs = record.bootMs;
    if (record.exportedMessages >= 0) this.reportedMessages = record.exportedMessages;
    if (record.exportedRecords >= 0) this.reportedRecords = record.exportedRecords;
    if (record.interfaceIndex >= 0) this.nameInterface(record);
  }

  get samplingFixed(): boolean {
    return this.exporter.setting?.isFixed === true;
  }

  /**
   * The operator's fixed rate; else what options told for the template, the stream, or another stream of the exporter
   * (Catalysts send options under another source id); else the v5 header; else the operator's default. 0 unknown.
   */
  samplingRate(templateId: number, headerRate: number): number {
    const { setting } = this.exporter;
    if (setting?.isFixed === true) return setting.rate;
    return this.sampling.rateFor(templateId) || this.exporter.samplingRate || headerRate || (setting?.rate ?? 0);
  }

  hasSamplers(): boolean {
    return this.exporter.hasSamplers;
  }

  samplerRate(id: number): number {
    const own = this.sampling.samplerRate(id);
    if (own > 0) return own;
    for (const other of this.exporter.streams) {
      const rate = other.sampling.samplerRate(id);
      if (rate > 0) return rate;
    }
    return 0;
  }

  account(sequence: number, sent: number, records: number, context: SetContext): void {
    this.datagrams++;
    this.records += records;
    if (this.version === VERSION_SFLOW) {
      const { uptimeMs } = context;
      this.sequence.observe(sequence, -1, uptimeMs, this.lastSeenMs - uptimeMs);
      return;
    }
    this.skewMs = context.exportMs - this.lastSeenMs;
    // v1 has no sequence.
    if (this.version !== VERSION_V9 && this.version !== VERSION_IPFIX && !isLegacySequenced(this.version)) return;
    const hasHeaderUptime = this.version !== VERSION_IPFIX;
    const bootMs = hasHeaderUptime ? context.exportMs - context.uptimeMs : Number.NaN;
    this.sequence.observe(sequence, sent, context.exportMs, bootMs);
  }

  sample(source: number, sequence: number, drops: number, { uptimeMs }: SetContext): void {
    this.samples.observe(source, sequence, drops, uptimeMs, this.lastSeenMs - uptimeMs);
  }

  /** Gives back what the stream took of shared allowances; it is not to be used any more. */
  release(): void {
    this.templates.release();
    this.sampling.release();
    this.samples.release();
    this.shared.optionEntries.giveBack(this.interfaces.size);
    this.interfaces.clear();
  }

  private learnSampling({ samplingRate, samplerId, templateId }: OptionsRecord): void {
    if (this.sampling.learn(samplingRate, samplerId, templateId)) this.shared.revision++;
    this.shareSampling();
  }

  private shareSampling(): void {
    this.exporter.hasSamplers ||= this.sampling.hasSamplers;
    this.exporter.samplingRate = this.sampling.rateFor(-1);
  }

  private nameInterface(record: OptionsRecord): void {
    const { interfaceIndex: index, interfaceName: name, interfaceDescription: description } = record;
    if (name === '' && description === '') return;
    const known = this.interfaces.get(index);
    if (known?.name === name && known.description === description) return;
    if (known === undefined && !this.shared.optionEntries.take(1)) return;
    this.interfaces.set(index, { name, description });
  }
}

function isLegacySequenced(version: number): boolean {
  return version === VERSION_V5 || version === VERSION_V7;
}

/** Takes the place of a stream where a limit is reached: knows nothing and learns nothing. */
const overflowStream: DecodeStream = {
  bootMs: 0,
  template: () => undefined,
  define: () => {},
  refreshed: () => {},
  bootedAt: () => {},
  withoutTemplate: () => {},
  options: () => {},
  samplingRate: (_templateId, headerRate) => headerRate,
  samplingFixed: false,
  hasSamplers: () => false,
  samplerRate: () => 0,
  account: () => {},
  sample: () => {},
};

/** How often at most a full table is searched for idle exporters. */
const SWEEP_INTERVAL_MS = 10_000;

interface Slot {
  readonly hiHigh: number;
  readonly hiLow: number;
  readonly loHigh: number;
  readonly loLow: number;
  readonly exporter: Exporter;
  readonly streams: Map<number, ExporterStream>;
}

/** Every exporter heard of, found by address; bounded, with the idle giving way when it is full. */
export class Exporters implements StreamDirectory {
  /** Datagrams of streams that found no room: v5 records are decoded all the same, templates are not learned. */
  overflowDatagrams = 0;
  evicted = 0;
  streamCount = 0;
  private readonly slots = new Map<string, Slot>();
  private readonly shared: Shared;
  private readonly settingOf: (address: string) => SamplingSetting | undefined;
  private lastSlot: Slot | undefined;
  private lastStream: ExporterStream | undefined;
  private nextSweepMs = 0;

  constructor(limits: Limits, pending: PendingSets, settingOf: (address: string) => SamplingSetting | undefined) {
    this.settingOf = settingOf;
    this.shared = {
      limits,
      pending,
      templateFields: new Allowance(limits.templateFields),
      optionEntries: new Allowance(limits.optionEntries),
      sampleSources: new Allowance(limits.sampleSources),
      revision: 0,
    };
  }

  stream(origin: DatagramOrigin, version: number, domain: number): DecodeStream {
    const slot = this.slotOf(origin);
    const stream = slot === undefined ? undefined : this.streamOf(slot, version, domain);
    if (slot === undefined || stream === undefined) {
      this.overflowDatagrams++;
      return overflowStream;
    }
    slot.exporter.lastSeenMs = origin.receivedMs;
    stream.lastSeenMs = origin.receivedMs;
    stream.origin = origin;
    return stream;
  }

  get size(): number {
    return this.slots.size;
  }

  get revision(): number {
    return this.shared.revision;
  }

  /** Takes what an earlier run of the collector knew of a stream, as far as there is room. */
  restore(words: AddressWords, saved: SavedStream): void {
    const [hiHigh, hiLow, loHigh, loLow] = words;
    const slot = this.slotOf({ receivedMs: saved.lastSeenMs, hiHigh, hiLow, loHigh, loLow, port: 0 });
    const stream = slot === undefined ? undefined : this.streamOf(slot, saved.version, saved.domain);
    stream?.restore(saved);
  }

  *values(): Generator<Exporter> {
    for (const slot of this.slots.values()) yield slot.exporter;
  }

  private slotOf(origin: DatagramOrigin): Slot | undefined {
    // Datagrams come in runs: most are of the exporter before.
    const last = this.lastSlot;
    if (last !== undefined && isSlotOf(last, origin)) return last;
    const { hiHigh, hiLow, loHigh, loLow } = origin;
    const key = addressKey(hiHigh, hiLow, loHigh, loLow);
    let slot = this.slots.get(key);
    if (slot === undefined) {
      if (this.slots.size >= this.shared.limits.exporters && !this.makeRoom(origin.receivedMs)) return undefined;
      const address = formatAddress(hiHigh, hiLow, loHigh, loLow);
      const exporter: Exporter = {
        address,
        streams: [],
        setting: this.settingOf(address),
        samplingRate: 0,
        hasSamplers: false,
        lastSeenMs: origin.receivedMs,
      };
      slot = { hiHigh, hiLow, loHigh, loLow, exporter, streams: new Map() };
      this.slots.set(key, slot);
    }
    this.lastSlot = slot;
    this.lastStream = undefined;
    return slot;
  }

  private streamOf(slot: Slot, version: number, domain: number): ExporterStream | undefined {
    const last = this.lastStream;
    if (last !== undefined && last.version === version && last.domain === domain) return last;
    const key = domain * 256 + version;
    let stream = slot.streams.get(key);
    if (stream === undefined) {
      const { limits } = this.shared;
      if (slot.streams.size >= limits.streamsPerExporter || this.streamCount >= limits.streams) return undefined;
      stream = new ExporterStream(slot.exporter, version, domain, this.shared);
      slot.streams.set(key, stream);
      slot.exporter.streams.push(stream);
      this.streamCount++;
    }
    this.lastStream = stream;
    return stream;
  }

  /** Forgets exporters that have been idle for long. */
  private makeRoom(nowMs: number): boolean {
    if (nowMs < this.nextSweepMs) return false;
    this.nextSweepMs = nowMs + SWEEP_INTERVAL_MS;
    const before = this.evicted;
    for (const [key, slot] of this.slots) {
      if (nowMs - slot.exporter.lastSeenMs < this.shared.limits.idleMs) continue;
      for (const stream of slot.streams.values()) stream.release();
      this.streamCount -= slot.streams.size;
      this.slots.delete(key);
      this.evicted++;
    }
    this.lastSlot = undefined;
    this.lastStream = undefined;
    return this.evicted > before;
  }
}

function isSlotOf(slot: Slot, origin: DatagramOrigin): boolean {
  return (
    slot.loLow === origin.loLow &&
    slot.loHigh === origin.loHigh &&
    slot.hiLow === origin.hiLow &&
    slot.hiHigh === origin.hiHigh
  );
}

function addressKey(a: number, b: number, c: number, d: number): string {
  return `${a.toString(36)}.${b.toString(36)}.${c.toString(36)}.${d.toString(36)}`;
}
