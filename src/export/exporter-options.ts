/** What a FlowExporter is made from, its defaults, and what cannot be. */
import type { FieldName } from '../flow/fields.ts';
import { UserError } from '../flow/user-error.ts';
import type { RecordField } from '../wire/encode-record.ts';
import { ETHERNET_PAYLOAD_V4, MAX_DATAGRAM_BYTES, V5_SAMPLING_INTERVAL_MASK, VERSION_V5 } from '../wire/protocol.ts';
import type { InterfaceName, ProcessCounts, SamplingOptions } from './options.ts';
import type { TemplateSelection } from './templates.ts';
import type { DatagramTransport } from './transport.ts';

export type ExportVersion = 5 | 9 | 10;

/**
 * - `flows`: the export time of a datagram is that of its latest flow (`exportMs`), so the same flows give the same
 *   bytes: for replay.
 * - `wall`: the time it leaves.
 */
export type ExportClock = 'flows' | 'wall';

export interface FlowExporterOptions {
  readonly version: ExportVersion;
  /** All get the same datagrams. The exporter closes them when it is closed. */
  readonly transports: readonly DatagramTransport[];
  /** Longest datagram in bytes, default 1472: what an Ethernet frame holds of UDP over IPv4 (IPv6: 1452). */
  readonly maxDatagramBytes?: number;
  /** Most flows in one message, by family; default as many as fit. */
  readonly maxRecords4?: number;
  readonly maxRecords6?: number;
  /** The messages go over connections, so templates no longer used are withdrawn (IPFIX). */
  readonly withdraws?: boolean;
  /** v9 and IPFIX; default `default`. */
  readonly template?: TemplateSelection;
  /** v9 source id, IPFIX observation domain id, v5 engine type * 256 + engine id; default 0. */
  readonly domain?: number;
  /** Templates and options are sent again after so long, default 60 s, */
  readonly refreshSeconds?: number;
  /** and after so many datagrams, default 256. */
  readonly refreshDatagrams?: number;
  readonly sampling?: SamplingOptions;
  /** Named in options data; looked at with each announcement, so it may grow. */
  readonly interfaces?: readonly InterfaceName[];
  /** What makes the meter's flow key, said in IPFIX options data; default the 5-tuple and type of service. */
  readonly keyFields?: readonly RecordField['value'][];
  /**
   * What the meter counted, told in options data with the counts of this exporter: with the templates when the clock is `wall`, and at the end. A replay tells them at the end only,
   * when they are what they are: before, they would depend on how far reading has come.
   */
  readonly processCounts?: () => ProcessCounts;
  readonly clock: ExportClock;
  /**
   * Boot time, ms since 1970, that v5 and v9 times count from; at or before the first packet. Asked for once, with the
   * first flow. Cut to a whole second. See `bootBefore`.
   */
  readonly bootMs: () => number;
  /** The wall clock, ms since 1970. */
  readonly now?: () => number;
}

/** RFC 791's smallest datagram that every host takes less headers, near enough: RFC 7011 section 10.3.3 says 512. */
export const MIN_DATAGRAM_BYTES = 512;
/** More than any message holds: as many as fit. */
export const MAX_RECORDS = 0xffff;
const REFRESH_SECONDS = 60;
const REFRESH_DATAGRAMS = 256;
const KEY_FIELDS: readonly FieldName[] = ['srcAddr', 'dstAddr', 'srcPort', 'dstPort', 'proto', 'tos'];

/** Boot time for a capture: the second before the first packet's. */
export function bootBefore(firstPacketMs: number): number {
  return Math.floor(firstPacketMs / 1000) * 1000 - 1000;
}

export type CompleteOptions = Required<Omit<FlowExporterOptions, 'processCounts'>> &
  Pick<FlowExporterOptions, 'processCounts'>;

/** Options with every default filled in; throws a UserError on what no datagram can carry. */
export function completeOptions(options: FlowExporterOptions): CompleteOptions {
  const complete: CompleteOptions = {
    maxDatagramBytes: ETHERNET_PAYLOAD_V4,
    maxRecords4: MAX_RECORDS,
    maxRecords6: MAX_RECORDS,
    withdraws: false,
    template: 'default',
    domain: 0,
    refreshSeconds: REFRESH_SECONDS,
    refreshDatagrams: REFRESH_DATAGRAMS,
    sampling: { rate: 1, random: false },
    interfaces: [],
    keyFields: KEY_FIELDS,
    now: Date.now,
    ...options,
  };
  checkRange('datagram size', complete.maxDatagramBytes, MIN_DATAGRAM_BYTES, MAX_DATAGRAM_BYTES);
  checkRange('flows of IPv4 in a message', complete.maxRecords4, 1, MAX_RECORDS);
  checkRange('flows of IPv6 in a message', complete.maxRecords6, 1, MAX_RECORDS);
  checkRange('template refresh seconds', complete.refreshSeconds, 1, 86_400);
  checkRange('template refresh datagrams', complete.refreshDatagrams, 1, 0xffff_ffff);
  const isV5 = complete.version === VERSION_V5;
  checkRange(isV5 ? 'v5 engine (type * 256 + id)' : 'domain', complete.domain, 0, isV5 ? 0xffff : 0xffff_ffff);
  const mostSampling = isV5 ? V5_SAMPLING_INTERVAL_MASK : 0xffff_ffff;
  checkRange(isV5 ? 'v5 sampling rate' : 'sampling rate', complete.sampling.rate, 1, mostSampling);
  return complete;
}

function checkRange(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new UserError(`${what} ${value} cannot be exported: give a whole number from ${least} to ${most}`);
}
