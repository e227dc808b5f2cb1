import { type AddressWords, formatAddress } from '../flow/address.ts';
import { Allowance } from '../flow/allowance.ts';
import { ExporterNames } from '../flow/exporter-names.ts';
import type { DatagramOrigin, DecodeStream, StreamDirectory } from '../wire/decode-context.ts';
import { type SavedElement, ToldElements } from '../wire/told-elements.ts';
import { type Exporter, type ExporterShares, ExporterStream, type Shared } from './exporter-stream.ts';
import { InterfaceCounters } from './interface-counters.ts';
import type { Limits } from './limits.ts';
import type { PendingSets } from './pending-sets.ts';
import type { SamplingSetting } from './sampling.ts';
import type { SavedStream } from './saved-stream.ts';

/** Takes the place of a stream where a limit is reached: knows nothing and learns nothing. */
const overflowStream: DecodeStream = {
  bootMs: 0,
  told: new ToldElements(),
  template: () => undefined,
  admits: () => false,
  define: () => {},
  refreshed: () => {},
  withdraw: () => false,
  bootedAt: () => {},
  withoutTemplate: () => {},
  options: () => {},
  samplingRate: (_templateId, headerRate) => headerRate,
  samplingFixed: false,
  hasSamplers: () => false,
  samplerRate: () => 0,
  unknownElements: () => {},
  quirk: () => {},
  account: () => {},
  interfaceCounters: () => {},
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
  /** Streams of connections that have ended, the first one first. */
  readonly ended: ExporterStream[];
}

/** Every exporter heard of, found by address; bounded, with the idle giving way when it is full. */
export class Exporters implements StreamDirectory {
  /** Datagrams of streams that found no room: v5 records are decoded all the same, templates are not learned. */
  overflowDatagrams = 0;
  evicted = 0;
  streamCount = 0;
  /** What exporters call their interfaces and the like; kept when they are forgotten. */
  readonly names = new ExporterNames();
  private readonly slots = new Map<string, Slot>();
  private readonly shared: Shared;
  private readonly allowances: Readonly<Record<keyof ExporterShares, Allowance>>;
  private readonly settingOf: (address: string) => SamplingSetting | undefined;
  private lastSlot: Slot | undefined;
  private lastStream: ExporterStream | undefined;
  private sweptMs = Number.NEGATIVE_INFINITY;

  constructor(limits: Limits, pending: PendingSets, settingOf: (address: string) => SamplingSetting | undefined) {
    this.settingOf = settingOf;
    this.shared = {
      limits,
      pending,
      names: this.names,
      revision: 0,
    };
    this.allowances = {
      templateFields: new Allowance(limits.templateFields),
      optionEntries: new Allowance(limits.optionEntries),
      sampleSources: new Allowance(limits.sampleSources),
      interfaces: new Allowance(limits.interfaces),
    };
  }

  stream(origin: DatagramOrigin, version: number, domain: number): DecodeStream {
    const slot = this.slotOf(origin);
    const stream = slot === undefined ? undefined : this.streamOf(slot, version, domain, origin.session);
    if (slot === undefined || stream === undefined) {
      this.overflowDatagrams++;
      return overflowStream;
    }
    slot.exporter.lastSeenMs = origin.receivedMs;
    stream.lastSeenMs = origin.receivedMs;
    stream.origin = origin;
    return stream;
  }

  /** The connection that `origin` names has ended: its streams wait for the exporter's next one. */
  endSession(origin: DatagramOrigin): void {
    const slot = this.slots.get(addressKey(origin.hiHigh, origin.hiLow, origin.loHigh, origin.loLow));
    if (slot === undefined) return;
    for (const [key, stream] of slot.streams) {
      if (stream.session !== origin.session) continue;
      slot.streams.delete(key);
      stream.endSession();
      slot.ended.push(stream);
    }
    this.lastStream = undefined;
  }

  get size(): number {
    return this.slots.size;
  }

  get revision(): number {
    return this.shared.revision;
  }

  /** Takes what an earlier run of the collector knew of a stream, as far as there is room. */
  restore(words: AddressWords, saved: SavedStream, told: readonly SavedElement[] = []): void {
    const [hiHigh, hiLow, loHigh, loLow] = words;
    const slot = this.slotOf({ receivedMs: saved.lastSeenMs, hiHigh, hiLow, loHigh, loLow, port: 0, session: 0 });
    const stream = slot === undefined ? undefined : this.streamOf(slot, saved.version, saved.domain, 0);
    for (const element of told) stream?.learnElement(element);
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
      const { templateFields, optionEntries, sampleSources, interfaces } = this.allowances;
      const shares: ExporterShares = {
        templateFields: templateFields.share(),
        optionEntries: optionEntries.share(),
        sampleSources: sampleSources.share(),
        interfaces: interfaces.share(),
      };
      const exporter: Exporter = {
        address,
        streams: [],
        shares,
        setting: this.settingOf(address),
        samplingRate: 0,
        hasSamplers: false,
        told: new ToldElements(),
        interfaces: new InterfaceCounters(shares.interfaces),
        lastSeenMs: origin.receivedMs,
      };
      slot = { hiHigh, hiLow, loHigh, loLow, exporter, streams: new Map(), ended: [] };
      this.slots.set(key, slot);
    }
    this.lastSlot = slot;
    this.lastStream = undefined;
    return slot;
  }

  private streamOf(slot: Slot, version: number, domain: number, session: number): ExporterStream | undefined {
    const last = this.lastStream;
    if (last !== undefined && last.version === version && last.domain === domain && last.session === session) {
      return last;
    }
    const key = (session * DOMAINS + domain) * VERSIONS + version;
    let stream = slot.streams.get(key);
    if (stream === undefined) {
      stream = session === 0 ? undefined : takeEnded(slot, version, domain, session);
      stream ??= this.newStream(slot, version, domain, session);
      if (stream === undefined) return undefined;
      slot.streams.set(key, stream);
    }
    this.lastStream = stream;
    return stream;
  }

  private newStream(slot: Slot, version: number, domain: number, session: number): ExporterStream | undefined {
    const { limits } = this.shared;
    const { streams } = slot.exporter;
    if (streams.length >= limits.streamsPerExporter || this.streamCount >= limits.streams) {
      // Of connections that are gone only the counters are left.
      const gone = slot.ended.shift();
      if (gone === undefined) return undefined;
      gone.release();
      streams.splice(streams.indexOf(gone), 1);
      this.streamCount--;
    }
    const stream = new ExporterStream(slot.exporter, version, domain, session, this.shared);
    streams.push(stream);
    this.streamCount++;
    return stream;
  }

  /** Forgets exporters that have been idle for long. After the clock was set back, the idle ones are so from now on. */
  private makeRoom(nowMs: number): boolean {
    const sinceMs = nowMs - this.sweptMs;
    if (sinceMs >= 0 && sinceMs < SWEEP_INTERVAL_MS) return false;
    this.sweptMs = nowMs;
    const before = this.evicted;
    for (const [key, slot] of this.slots) {
      slot.exporter.lastSeenMs = Math.min(slot.exporter.lastSeenMs, nowMs);
      if (nowMs - slot.exporter.lastSeenMs < this.shared.limits.idleMs) continue;
      const { streams } = slot.exporter;
      for (const stream of streams) stream.release();
      slot.exporter.shares.optionEntries.giveBack(slot.exporter.told.size);
      slot.exporter.interfaces.release();
      this.streamCount -= streams.length;
      this.slots.delete(key);
      this.evicted++;
    }
    this.lastSlot = undefined;
    this.lastStream = undefined;
    return this.evicted > before;
  }
}

/** A key of a stream is (session, domain, version): exact in a double up to session 8191. */
const DOMAINS = 2 ** 32;
const VERSIONS = 256;
export const MAX_SESSION = 8191;

function takeEnded(slot: Slot, version: number, domain: number, session: number): ExporterStream | undefined {
  const at = slot.ended.findIndex((stream) => stream.version === version && stream.domain === domain);
  if (at < 0) return undefined;
  const [stream] = slot.ended.splice(at, 1);
  stream!.session = session;
  return stream;
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
