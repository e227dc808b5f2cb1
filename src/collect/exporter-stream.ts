import type { Share } from '../flow/allowance.ts';
import type { ExporterNames } from '../flow/exporter-names.ts';
import type { DatagramOrigin, DecodeStream, OptionsRecord, SetContext } from '../wire/decode-context.ts';
import { compileDefinition } from '../wire/decode-templates.ts';
import { VERSION_IPFIX, VERSION_SFLOW, VERSION_V5, VERSION_V7, VERSION_V9 } from '../wire/protocol.ts';
import { type QuirkName, quirkNames, quirkNumber } from '../wire/quirks.ts';
import type { CompiledTemplate } from '../wire/template.ts';
import type { SavedElement, ToldElements } from '../wire/told-elements.ts';
import type { InterfaceCounters } from './interface-counters.ts';
import type { Limits } from './limits.ts';
import type { PendingSets } from './pending-sets.ts';
import { SampleSources } from './sample-sources.ts';
import { type SamplingSetting, SamplingTable } from './sampling.ts';
import type { SavedStream } from './saved-stream.ts';
import { BOOT_TOLERANCE_MS, SequenceTracker } from './sequence.ts';
import { TemplateStore } from './template-store.ts';

/** What an exporter has of the room that all share. */
export interface ExporterShares {
  readonly templateFields: Share;
  readonly optionEntries: Share;
  readonly sampleSources: Share;
  readonly interfaces: Share;
}

/** All that is known of one exporter address. */
export interface Exporter {
  readonly address: string;
  readonly streams: ExporterStream[];
  readonly shares: ExporterShares;
  readonly setting: SamplingSetting | undefined;
  /** Rate that options told last for a whole stream of it, 0 unknown: stands in for streams that were told none. */
  samplingRate: number;
  hasSamplers: boolean;
  /** What it said of elements of its enterprise. */
  readonly told: ToldElements;
  readonly interfaces: InterfaceCounters;
  /** Latest receive time of a datagram. */
  lastSeenMs: number;
}

/** What the streams share. */
export interface Shared {
  readonly limits: Limits;
  readonly pending: PendingSets;
  readonly names: ExporterNames;
  /** Grows when something changes that `saveState` keeps. */
  revision: number;
}

const SAMPLER_OF_OTHER_STREAM = quirkNumber('sampler-of-other-stream');

/** `ExporterStream.session` between two connections. */
const NO_SESSION = -1;

/**
 * One sequence of datagrams: exporter address, protocol version and observation domain (v9 source id, v5 engine, sFlow
 * sub-agent). The source port is no part of it, since exporters send options and templates from other ports than data.
 *
 * Each connection has streams of its own (RFC 7011 section 8: templates are the session's). After its end the next
 * connection takes them over: the counters go on, templates and sequence begin anew.
 */
export class ExporterStream implements DecodeStream {
  readonly exporter: Exporter;
  readonly version: number;
  readonly domain: number;
  /** Number of the connection, 0 of datagrams. */
  session: number;
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
  /** Sampling rate of the latest v5 header, 0 for none. */
  private headerRate = 0;
  /** Records by name of an element that they had and weir knows nothing of. */
  readonly unknown = new Map<string, number>();
  private readonly quirkCounts = new Float64Array(quirkNames.length);
  readonly templates: TemplateStore;
  readonly sampling: SamplingTable;
  readonly sequence: SequenceTracker;
  readonly samples: SampleSources;
  /** Set by the directory for each datagram, for the pending sets. */
  origin!: DatagramOrigin;
  private readonly shared: Shared;

  constructor(exporter: Exporter, version: number, domain: number, session: number, shared: Shared) {
    this.exporter = exporter;
    this.version = version;
    this.domain = domain;
    this.session = session;
    this.shared = shared;
    this.templates = new TemplateStore(shared.limits.templatesPerStream, exporter.shares.templateFields);
    this.sampling = new SamplingTable(exporter.shares.optionEntries);
    this.samples = new SampleSources(exporter.shares.sampleSources);
    this.sequence = new SequenceTracker(version === VERSION_V9 || version === VERSION_SFLOW ? 'datagrams' : 'records');
  }

  get isUdp(): boolean {
    return this.session === 0;
  }

  /** The connection has ended, and with it what was said over it. */
  endSession(): void {
    this.session = NO_SESSION;
    this.templates.release();
    this.sampling.release();
    this.sequence.restart();
  }

  get told(): ToldElements {
    return this.exporter.told;
  }

  template(id: number): CompiledTemplate | undefined {
    const template = this.templates.get(id);
    if (template?.extra === undefined || template.toldRevision === this.told.revision) return template;
    // The exporter has said something new of its elements since.
    const anew = compileDefinition(this.version, template.definition, template.isOptions, this.told);
    if (anew !== undefined) this.templates.replace(anew);
    return anew ?? template;
  }

  withdraw(id: number | undefined, isOptions: boolean): boolean {
    if (this.isUdp) return false;
    this.templates.withdraw(id, isOptions);
    return true;
  }

  admits(id: number, fields: number): boolean {
    return this.templates.admits(id, fields);
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
      const template = compileDefinition(this.version, definition, isOptions, this.told);
      if (template !== undefined) this.templates.restore(template);
    }
  }

  withoutTemplate(setId: number, bytes: Uint8Array, start: number, end: number, context: SetContext): void {
    this.setsWithoutTemplate++;
    // A connection keeps the order: a template that comes later is meant for what comes after it.
    if (this.isUdp) this.shared.pending.keep(setId, bytes, start, end, context, this.origin);
  }

  options(record: OptionsRecord): void {
    if (record.samplingRate > 0) this.learnSampling(record);
    if (record.bootMs > 0) this.bootMs = record.bootMs;
    if (record.exportedMessages >= 0) this.reportedMessages = record.exportedMessages;
    if (record.exportedRecords >= 0) this.reportedRecords = record.exportedRecords;
    this.learnNames(record);
    const { elementPen, elementId, elementType, elementName } = record;
    if (elementPen > 0) this.learnElement([elementPen, elementId, elementType, elementName]);
  }

  /** What the exporter says of one element of an enterprise. */
  learnElement(element: SavedElement): void {
    if (this.told.learn(element, () => this.exporter.shares.optionEntries.take(1))) this.shared.revision++;
  }

  get samplingFixed(): boolean {
    return this.exporter.setting?.isFixed === true;
  }

  /** The operator's fixed rate; else what the stream itself told; else another stream's; else the operator's default. */
  samplingRate(templateId: number, headerRate: number): number {
    this.headerRate = headerRate;
    const own = this.ownRate(templateId, headerRate);
    if (own > 0) return own;
    const { samplingRate, setting } = this.exporter;
    // Nobody sees whether 1 was taken or nothing was known.
    if (samplingRate > 1) this.quirk(SAMPLER_OF_OTHER_STREAM, 1);
    return samplingRate || (setting?.rate ?? 0);
  }

  /** The rate of records that name neither a template nor a rate, as `samplingRate` has it; to look at. */
  get usualRate(): number {
    return this.ownRate(-1, this.headerRate) || this.exporter.samplingRate || (this.exporter.setting?.rate ?? 0);
  }

  /** The operator's fixed rate; else what options told for the template or the stream; else a v5 header's. 0 unknown. */
  private ownRate(templateId: number, headerRate: number): number {
    const { setting } = this.exporter;
    if (setting?.isFixed === true) return setting.rate;
    return this.sampling.rateFor(templateId) || headerRate;
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

  quirk(number: number, times: number): void {
    this.quirkCounts[number]! += times;
  }

  /** How often each quirk was met; those that were not are left out. */
  quirks(): Partial<Record<QuirkName, number>> {
    const met = quirkNames.map((name, number): [QuirkName, number] => [name, this.quirkCounts[number]!]);
    if (this.version === VERSION_V9 && this.sequence.unit === 'records') met.push(['v9-sequence-of-records', 1]);
    return Object.fromEntries(met.filter(([, times]) => times > 0));
  }

  unknownElements(elements: readonly string[], records: number): void {
    for (const element of elements) {
      const known = this.unknown.get(element);
      if (known === undefined && !this.exporter.shares.optionEntries.take(1)) continue;
      this.unknown.set(element, (known ?? 0) + records);
    }
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

  interfaceCounters(view: DataView, at: number): void {
    const { interfaces, address } = this.exporter;
    interfaces.take(address, view, at, this.lastSeenMs);
  }

  sample(source: number, sequence: number, drops: number, { uptimeMs }: SetContext): void {
    this.samples.observe(source, sequence, drops, uptimeMs, this.lastSeenMs - uptimeMs);
  }

  /** Gives back what the stream took of shared allowances; it is not to be used any more. */
  release(): void {
    this.templates.release();
    this.sampling.release();
    this.samples.release();
    this.exporter.shares.optionEntries.giveBack(this.unknown.size);
    this.unknown.clear();
  }

  private learnSampling({ samplingRate, samplerId, templateId }: OptionsRecord): void {
    if (this.sampling.learn(samplingRate, samplerId, templateId)) this.shared.revision++;
    this.shareSampling();
  }

  private shareSampling(): void {
    this.exporter.hasSamplers ||= this.sampling.hasSamplers;
    this.exporter.samplingRate = this.sampling.rateFor(-1);
  }

  /** Names that one options record tells. */
  private learnNames(record: OptionsRecord): void {
    const { names } = this.shared;
    const { address } = this.exporter;
    const { interfaceIndex, vrfId, applicationId, samplerId } = record;
    if (interfaceIndex >= 0) {
      const named = { name: record.interfaceName, description: record.interfaceDescription };
      names.learn(address, 'interfaces', String(interfaceIndex), named);
    }
    if (vrfId >= 0) names.learn(address, 'vrfs', String(vrfId), { name: record.vrfName, description: '' });
    if (applicationId !== '') {
      const named = { name: record.applicationName, description: record.applicationDescription };
      names.learn(address, 'applications', applicationId, named);
    }
    if (samplerId >= 0) {
      names.learn(address, 'samplers', String(samplerId), { name: record.samplerName, description: '' });
    }
  }
}

function isLegacySequenced(version: number): boolean {
  return version === VERSION_V5 || version === VERSION_V7;
}
