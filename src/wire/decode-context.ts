import type { CompiledTemplate } from './template.ts';
import type { ToldElements } from './told-elements.ts';

/** Who sent a datagram and when it came; one object is used again for every datagram. */
export interface DatagramOrigin {
  receivedMs: number;
  /** Address words as FlowBatch has them: high half (high, low word), low half (high, low word). */
  hiHigh: number;
  hiLow: number;
  loHigh: number;
  loLow: number;
  port: number;
  /** Number of the connection that it came over, 0 for a datagram. */
  session: number;
}

/** An origin to be filled: nobody, at no time. */
export function newOrigin(): DatagramOrigin {
  return { receivedMs: 0, hiHigh: 0, hiLow: 0, loHigh: 0, loLow: 0, port: 0, session: 0 };
}

/** What weir uses of one options record. One object is used again for every record; -1 and '' stand for "not in it". */
export interface OptionsRecord {
  /** Sampler (48) or selector (302) that the rate is of. */
  samplerId: number;
  /** Template that the rate is for. */
  templateId: number;
  /** One of how many packets is counted; 0 when the record does not say. */
  samplingRate: number;
  interfaceIndex: number;
  interfaceName: string;
  interfaceDescription: string;
  vrfId: number;
  vrfName: string;
  /** `engine:number`. */
  applicationId: string;
  applicationName: string;
  applicationDescription: string;
  samplerName: string;
  /** An element of an enterprise (RFC 5610), its type by informationElementDataType and its name. */
  elementPen: number;
  elementId: number;
  elementType: number;
  elementName: string;
  /** systemInitTimeMilliseconds, 0 when not there. */
  bootMs: number;
  /** What the exporter says it has sent (40, 41, 42). */
  exportedOctets: number;
  exportedMessages: number;
  exportedRecords: number;
}

/**
 * What a decoder must know of one stream (exporter address, protocol version, observation domain) and tells it.
 * `src/collect` keeps these; decoders hold on to none beyond a datagram.
 */
export interface DecodeStream {
  /** systemInitTimeMilliseconds out of an options record, 0 when none came. */
  readonly bootMs: number;
  /** What the exporter said of elements of its enterprise. */
  readonly told: ToldElements;
  template(id: number): CompiledTemplate | undefined;
  /** Whether there is room for a template of so many fields; one that there is none for is counted. */
  admits(id: number, fields: number): boolean;
  /** Takes a template that is new or differs from the known one of its id. */
  define(template: CompiledTemplate): void;
  /** A template arrived that is byte for byte the known one. */
  refreshed(template: CompiledTemplate): void;
  /**
   * A template is withdrawn, or all of a kind where `id` is undefined (RFC 7011 section 8.1). False: that means nothing
   * in this stream, since it does not come over a connection.
   */
  withdraw(id: number | undefined, isOptions: boolean): boolean;
  /** Before the sets of a v9 datagram: the exporter's uptime counts from `bootMs`, to the second. */
  bootedAt(bootMs: number): void;
  /** A data set, `start` to `end` without its header, whose template is not known. */
  withoutTemplate(setId: number, bytes: Uint8Array, start: number, end: number, context: SetContext): void;
  options(record: OptionsRecord, template: CompiledTemplate): void;
  /** Rate for records of `templateId` that carry none themselves; `headerRate` is that of a v5 header. 0 unknown. */
  samplingRate(templateId: number, headerRate: number): number;
  /** The operator's rate counts whatever records say. */
  readonly samplingFixed: boolean;
  hasSamplers(): boolean;
  /** Rate of a sampler or selector; 0 unknown. */
  samplerRate(id: number): number;
  /** Records came that have elements of which weir knows nothing, `elements` being their names. */
  unknownElements(elements: readonly string[], records: number): void;
  /** A quirk (by its number in `quirks.ts`) was met so many times. */
  quirk(number: number, times: number): void;
  /**
   * A whole datagram has been decoded. `sent` is how many data records (options included) the exporter put into it,
   * -1 when a set without template or a cut hides that; `records` is how many were read.
   */
  account(sequence: number, sent: number, records: number, context: SetContext): void;
  /** Generic interface counters of an sFlow counter sample, `INTERFACE_COUNTERS_BYTES` octets at `at`. */
  interfaceCounters(view: DataView, at: number): void;
  /**
   * An sFlow flow sample of a data source came. `sequence` counts the samples of that source, `drops` those that the
   * agent had no resources to take.
   */
  sample(source: number, sequence: number, drops: number, context: SetContext): void;
}

/** Finds the stream of a datagram; always gives one (an overflow stream where a limit is reached). */
export interface StreamDirectory {
  stream(origin: DatagramOrigin, version: number, domain: number): DecodeStream;
}

/** A data set set aside, with what its records need of the datagram that it stood in. */
export interface KeptSet {
  readonly stream: DecodeStream;
  readonly setId: number;
  /** The set without its header. */
  readonly bytes: Uint8Array;
  readonly origin: DatagramOrigin;
  readonly version: number;
  readonly domain: number;
  readonly exportMs: number;
  readonly uptimeMs: number;
  readonly hasUptime: boolean;
}

/** What decoders could not use, by reason, and what they did. All are exact counts. */
export interface DecodeCounters {
  datagrams: number;
  records: number;
  optionsRecords: number;
  templates: number;
  /** Datagrams of which nothing was read. */
  tooShort: number;
  unknownVersion: number;
  badHeader: number;
  /** Datagrams read up to a fault: a length beyond the end, fewer records than announced, a record cut short. */
  truncated: number;
  badSet: number;
  /** Set ids 2 to 255 that the protocol does not define. */
  unknownSets: number;
  setsWithoutTemplate: number;
  templatesRefused: number;
  templatesWithdrawn: number;
  withdrawalsIgnored: number;
  /** Zero octets after the last set instead of the end of the datagram. */
  zeroTails: number;
  /** Records with uptime times and no clock to refer them to: stored without start and end. */
  recordsWithoutClock: number;
  /** sFlow datagrams among `datagrams`. Their flow samples are `records`. */
  sflowDatagrams: number;
  /** Samples of sFlow that are no flows: interface counters, and packets that a device tells to have discarded. */
  counterSamples: number;
  discardSamples: number;
  /** Samples of an enterprise or format that is not known: skipped. */
  unknownSamples: number;
  /** Samples left out because their lengths do not fit one another. */
  badSamples: number;
  /** Records of flow samples left out because they are too short; the sample has become a row all the same. */
  badSampleRecords: number;
  /** Sampled headers of a link layer that is not known, and those in which no IP packet could be read. */
  unknownHeaders: number;
  headersWithoutIp: number;
  /** Flow samples with a sampling rate above 1 of 1 000 000; stored as told. */
  unusualRates: number;
}

/** Everything that is constant for the records of one set. */
export class SetContext {
  version = 0;
  domain = 0;
  exportMs = 0;
  /** Exporter's uptime at `exportMs`, modulo 2^32; only where `hasUptime`. */
  uptimeMs = 0;
  hasUptime = false;
  headerRate = 0;
  samplingFixed = false;
  stream!: DecodeStream;
  /** Scratch: IP version of each record of the set at hand. */
  readonly families = new Uint8Array(0x10000);
}
