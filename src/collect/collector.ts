import { addon } from '../addon/addon.ts';
import {
  D_LENGTH,
  D_OFFSET,
  D_RECEIVED_MS,
  D_SESSION,
  D_SRC_HI,
  D_SRC_LO,
  D_SRC_PORT,
  DATAGRAM_META_WORDS,
} from '../addon/datagram-layout.ts';
import type { NativeFrameDecoder } from '../addon/packet-source.ts';
import type { FlowBatch } from '../flow/batch.ts';
import type { ExporterNames } from '../flow/exporter-names.ts';
import { DatagramDecoder } from '../wire/decode.ts';
import { type DatagramOrigin, type DecodeCounters, newOrigin } from '../wire/decode-context.ts';
import { describeFields } from '../wire/decode-templates.ts';
import type { DatagramSlot } from './datagram-slot.ts';
import type { Exporter } from './exporter-stream.ts';
import { Exporters } from './exporters.ts';
import type { InterfaceStats } from './interface-counters.ts';
import { DEFAULT_LIMITS, type Limits } from './limits.ts';
import { PendingSets } from './pending-sets.ts';
import type { SamplingSetting } from './sampling.ts';

export interface CollectorOptions {
  /** Gets each batch as it is full, and the last one on `flush`. Owns it from then on. */
  readonly sink: (batch: FlowBatch) => void;
  /** Gives an empty batch. */
  readonly acquire: () => FlowBatch;
  readonly limits?: Partial<Limits>;
  /** What the operator says about the sampling of an exporter, asked once when it is first heard of. */
  readonly samplingOf?: (address: string) => SamplingSetting | undefined;
}

/** Totals of one stream of an exporter. */
export interface StreamStats {
  readonly exporter: string;
  readonly version: number;
  readonly domain: number;
  /** What it comes by; of a connection datagrams are messages. */
  readonly transport: 'udp' | 'tcp';
  readonly datagrams: number;
  readonly records: number;
  /** Of `lostUnit`s. */
  readonly lost: number;
  readonly lostUnit: 'datagrams' | 'records';
  readonly duplicated: number;
  readonly reordered: number;
  readonly resets: number;
  /** Sequence numbers that were not the one expected, each counted once: gaps, late and repeated ones, restarts. */
  readonly sequenceErrors: number;
  readonly templates: number;
  readonly templatesChanged: number;
  readonly templatesRefreshed: number;
  readonly templatesRefused: number;
  readonly setsWithoutTemplate: number;
  /** Records by name (`id`, `PEN/id`) of an element that they had and weir knows nothing of; `extra` has it. */
  readonly unknownElements: Readonly<Record<string, number>>;
  /** How often each quirk (docs/quirks.md) was met. */
  readonly quirks: Readonly<Record<string, number>>;
  readonly samplingRate: number;
  /** sFlow: flow samples lost on the way (with their datagrams), and those that the agent says it did not take. */
  readonly samplesLost: number;
  readonly samplesDropped: number;
  /** Datagrams and records that the exporter says it has sent (elements 41 and 42), -1 unknown. */
  readonly reportedDatagrams: number;
  readonly reportedRecords: number;
  readonly lastSeenMs: number;
  readonly skewMs: number;
}

/** A known template, its fields as `name(length)`. */
export interface TemplateDescription {
  readonly exporter: string;
  readonly version: number;
  readonly domain: number;
  readonly id: number;
  readonly isOptions: boolean;
  readonly fields: readonly string[];
}

/** What an exporter told that was not kept for lack of room, each time it did; templates are with their streams. */
export interface ExporterRefusals {
  readonly exporter: string;
  /** Interfaces, and other things that sFlow agents count. */
  readonly interfaces: number;
  /** Samplers, elements of its own and elements that weir does not know. */
  readonly optionEntries: number;
  readonly sampleSources: number;
  readonly names: number;
}

export interface CollectorStats {
  readonly decode: Readonly<DecodeCounters>;
  readonly pending: {
    readonly bytes: number;
    readonly stored: number;
    readonly replayed: number;
    readonly expired: number;
    readonly dropped: number;
  };
  readonly exporters: number;
  readonly exportersEvicted: number;
  readonly overflowDatagrams: number;
  readonly streams: readonly StreamStats[];
  /** What devices told last of their interfaces. */
  readonly interfaces: readonly InterfaceStats[];
  /** Of exporters that were refused something. */
  readonly refusals: readonly ExporterRefusals[];
}

/**
 * Datagrams in, flow batches out: decodes what a datagram source received, with what it remembers of each exporter.
 *
 * A full batch goes to the sink at once, a part-filled one on `flush`.
 */
export class Collector {
  readonly exporters: Exporters;
  private readonly pending: PendingSets;
  private readonly decoder: DatagramDecoder;
  private readonly origin = newOrigin();

  constructor(options: CollectorOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.pending = new PendingSets(limits);
    this.exporters = new Exporters(limits, this.pending, options.samplingOf ?? (() => undefined));
    const exchange = (full: FlowBatch) => {
      options.sink(full);
      return options.acquire();
    };
    const { transpose } = addon();
    this.decoder = new DatagramDecoder(options.acquire(), exchange, this.exporters, frameDecoder, transpose);
  }

  /** Decodes the datagrams `from` to `end` of a slot (layout: `src/addon/datagram-layout.ts`). */
  addSlot(slot: DatagramSlot, end: number, from = 0): void {
    const { words, doubles, bytes, view } = slot;
    const { origin } = this;
    for (let i = from, at = from * DATAGRAM_META_WORDS; i < end; i++, at += DATAGRAM_META_WORDS) {
      origin.receivedMs = Math.floor(doubles[(at + D_RECEIVED_MS) >>> 1]!);
      origin.hiLow = words[at + D_SRC_HI]!;
      origin.hiHigh = words[at + D_SRC_HI + 1]!;
      origin.loLow = words[at + D_SRC_LO]!;
      origin.loHigh = words[at + D_SRC_LO + 1]!;
      origin.port = words[at + D_SRC_PORT]!;
      origin.session = words[at + D_SESSION]!;
      const length = words[at + D_LENGTH]!;
      if (length === 0 && origin.session !== 0) this.exporters.endSession(origin);
      else this.decode(bytes, view, words[at + D_OFFSET]!, length, origin);
    }
    this.decoder.settle();
    this.pending.expire(origin.receivedMs);
  }

  /** Decodes one datagram that came some other way than in a slot. */
  addDatagram(bytes: Uint8Array, origin: Readonly<DatagramOrigin>): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.decode(bytes, view, 0, bytes.length, Object.assign(this.origin, origin));
    this.decoder.settle();
    this.pending.expire(origin.receivedMs);
  }

  /** Hands on the rows decoded so far. */
  flush(): void {
    this.decoder.flush();
  }

  stats(): CollectorStats {
    const { pending, exporters } = this;
    return {
      decode: { ...this.decoder.counters },
      pending: {
        bytes: pending.bytes,
        stored: pending.stored,
        replayed: pending.replayed,
        expired: pending.expired,
        dropped: pending.dropped,
      },
      exporters: exporters.size,
      exportersEvicted: exporters.evicted,
      overflowDatagrams: exporters.overflowDatagrams,
      streams: [...exporters.values()].flatMap(statsOf),
      interfaces: [...exporters.values()].flatMap(({ interfaces }) => [...interfaces.values()]),
      refusals: [...exporters.values()].flatMap((exporter) => refusalsOf(exporter, exporters.names)),
    };
  }

  /** Sequence errors of all streams so far. */
  sequenceErrors(): number {
    let sum = 0;
    for (const { streams } of this.exporters.values()) for (const { sequence } of streams) sum += sequence.errors;
    return sum;
  }

  /** Every template that is known now, for people to look at. */
  templates(): TemplateDescription[] {
    return [...this.exporters.values()].flatMap(({ address, streams, told }) =>
      streams.flatMap(({ version, domain, templates }) =>
        [...templates.values()].map((template) => ({
          exporter: address,
          version,
          domain,
          id: template.id,
          isOptions: template.isOptions,
          fields: describeFields(template, told),
        })),
      ),
    );
  }

  private decode(bytes: Uint8Array, view: DataView, offset: number, length: number, origin: DatagramOrigin): void {
    this.decoder.decode(bytes, view, offset, length, origin);
    const ready = this.pending.takeReady();
    if (ready === undefined) return;
    for (const set of ready) this.decoder.replay(set);
  }
}

/** Decoders of sampled headers by link type: made when the first such header comes, and shared by all collectors. */
const frameDecoders = new Map<number, NativeFrameDecoder>();

function frameDecoder(linkType: number): NativeFrameDecoder {
  let decoder = frameDecoders.get(linkType);
  if (decoder === undefined) {
    const { FrameDecoder } = addon();
    decoder = new FrameDecoder(linkType, {});
    frameDecoders.set(linkType, decoder);
  }
  return decoder;
}

function refusalsOf({ address, shares }: Exporter, names: ExporterNames): ExporterRefusals[] {
  const refusals = {
    interfaces: shares.interfaces.refused,
    optionEntries: shares.optionEntries.refused,
    sampleSources: shares.sampleSources.refused,
    names: names.refused(address),
  };
  return Object.values(refusals).some((times) => times > 0) ? [{ exporter: address, ...refusals }] : [];
}

function statsOf(exporter: Exporter): StreamStats[] {
  return exporter.streams.map((stream) => ({
    exporter: exporter.address,
    version: stream.version,
    domain: stream.domain,
    transport: stream.isUdp ? 'udp' : 'tcp',
    datagrams: stream.datagrams,
    records: stream.records,
    lost: stream.sequence.lost,
    lostUnit: stream.sequence.unit,
    duplicated: stream.sequence.duplicated,
    reordered: stream.sequence.reordered,
    resets: stream.sequence.resets,
    sequenceErrors: stream.sequence.errors,
    templates: stream.templates.size,
    templatesChanged: stream.templates.changed,
    templatesRefreshed: stream.templates.refreshed,
    templatesRefused: stream.templates.refused,
    setsWithoutTemplate: stream.setsWithoutTemplate,
    quirks: stream.quirks(),
    unknownElements: Object.fromEntries(stream.unknown),
    samplingRate: stream.usualRate,
    samplesLost: stream.samples.lost,
    samplesDropped: stream.samples.dropped,
    reportedDatagrams: stream.reportedMessages,
    reportedRecords: stream.reportedRecords,
    lastSeenMs: stream.lastSeenMs,
    skewMs: stream.skewMs,
  }));
}
