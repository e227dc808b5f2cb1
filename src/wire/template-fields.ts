import { type FieldName, fields } from '../flow/fields.ts';
import { ENTERPRISE_BIT, REVERSE_PEN, VERSION_V9 } from './protocol.ts';

/**
 * What a received element means to weir. Which element goes to which column comes from the field registry; here are
 * only the rules that need more than a copy: times, ICMP, sampling, and elements outside IANA's numbers.
 */

/** Where an element is copied to. Of several candidates for a field in one template the lowest `rank` is taken. */
export interface FieldTarget {
  readonly field: FieldName;
  readonly rank: number;
  /** 6 for the IPv6 twin of an element, else 4. */
  readonly family: 4 | 6;
}

export type TimeField = 'firstMs' | 'lastMs' | 'eventMs' | 'reverseFirstMs' | 'reverseLastMs';

/** Encodings of a point in time. */
export const TIME_MILLISECONDS = 0;
export const TIME_SECONDS = 1;
/** NTP seconds and fraction (RFC 7011 section 6.1.10). */
export const TIME_NTP = 2;
/** Microseconds before the export time of the header. */
export const TIME_DELTA_MICROSECONDS = 3;
/** Milliseconds since the exporter started, modulo 2^32. */
export const TIME_UPTIME = 4;
/** The same, of which the fraction counts to the microsecond (section 6.1.9). */
export const TIME_NTP_MICROSECONDS = 5;
/** NTP seconds, and microseconds in the place of the fraction (NetScaler). */
export const TIME_NETSCALER = 6;

export interface TimeTarget {
  readonly field: TimeField;
  readonly kind: number;
  readonly rank: number;
}

/** Later of repeated elements is the inner header of a tunnel: what an operator asks about. */
const innerFields: ReadonlySet<FieldName> = new Set([
  'srcAddr',
  'dstAddr',
  'srcPort',
  'dstPort',
  'proto',
  'tos',
  'tcpFlags',
]);

/** Elements with rules of their own: not copied even where the registry names them for export. */
export const IE_ICMP_TYPE_CODE_V4 = 32;
export const IE_SAMPLING_INTERVAL = 34;
export const IE_SAMPLER_ID = 48;
export const IE_SAMPLER_RANDOM_INTERVAL = 50;
export const IE_IP_VERSION = 60;
export const IE_ICMP_TYPE_CODE_V6 = 139;
export const IE_TEMPLATE_ID = 145;
export const IE_SYSTEM_INIT_MS = 160;
export const IE_DURATION_MS = 161;
export const IE_DURATION_US = 162;
export const IE_ICMP_TYPE_V4 = 176;
export const IE_ICMP_CODE_V4 = 177;
export const IE_ICMP_TYPE_V6 = 178;
export const IE_ICMP_CODE_V6 = 179;
export const IE_SELECTOR_ID = 302;
export const IE_SAMPLING_PACKET_INTERVAL = 305;
export const IE_SAMPLING_PACKET_SPACE = 306;
export const IE_SAMPLING_SIZE = 309;
export const IE_SAMPLING_POPULATION = 310;
export const IE_SAMPLING_PROBABILITY = 311;

/** Rank of elements that stand in only when a template has nothing better. */
const LAST_RESORT = 100;

const targets = new Map<number, FieldTarget>();
const timeTargets = new Map<number, TimeTarget>();

for (const field of fields) {
  if (field.ie === 0 || field.type === 'timeMs') continue;
  // The exporter is who sent the datagram and the domain stands in its header; a rate has rules of its own.
  if (field.name === 'exporter' || field.name === 'domain' || field.name === 'sampling') continue;
  [field.ie, ...(field.alsoRead ?? [])].forEach((element, rank) => {
    targets.set(element, { field: field.name, rank, family: 4 });
  });
  if (field.ie6 !== undefined) targets.set(field.ie6, { field: field.name, rank: 0, family: 6 });
}

// Reverse direction of a biflow (RFC 5103): the registry keeps its counters where NSEL's responder counters go.
const reverses: readonly (readonly [number, FieldName])[] = [
  [1, 'outOctets'],
  [2, 'outPackets'],
  [5, 'reverseTos'],
  [6, 'reverseTcpFlags'],
];
for (const [element, field] of reverses) {
  targets.set(elementKey(REVERSE_PEN, element), { field, rank: LAST_RESORT, family: 4 });
}

/** Cisco ASA before 8.4 numbers its NAT and event fields out of its own range, in v9 only. */
const v9Targets = new Map<number, FieldTarget>([
  [40001, { field: 'natSrcAddr', rank: LAST_RESORT, family: 4 }],
  [40002, { field: 'natDstAddr', rank: LAST_RESORT, family: 4 }],
  [40003, { field: 'natSrcPort', rank: LAST_RESORT, family: 4 }],
  [40004, { field: 'natDstPort', rank: LAST_RESORT, family: 4 }],
  [40005, { field: 'firewallEvent', rank: LAST_RESORT, family: 4 }],
]);

/** Counters after the observation point, where an egress meter sends no others. */
export const counterFallbacks: readonly (readonly [FieldName, FieldName])[] = [
  ['octets', 'outOctets'],
  ['packets', 'outPackets'],
];

// Absolute times before those that need a clock to refer to, finer before coarser.
const startAndEnd: readonly (readonly [number, number, number])[] = [
  [156, 157, TIME_NTP],
  [154, 155, TIME_NTP_MICROSECONDS],
  [152, 153, TIME_MILLISECONDS],
  [158, 159, TIME_DELTA_MICROSECONDS],
  [150, 151, TIME_SECONDS],
  [22, 21, TIME_UPTIME],
];
startAndEnd.forEach(([start, end, kind], rank) => {
  timeTargets.set(start, { field: 'firstMs', kind, rank });
  timeTargets.set(end, { field: 'lastMs', kind, rank });
  timeTargets.set(elementKey(REVERSE_PEN, start), { field: 'reverseFirstMs', kind, rank });
  timeTargets.set(elementKey(REVERSE_PEN, end), { field: 'reverseLastMs', kind, rank });
});
const events: readonly (readonly [number, number])[] = [
  [323, TIME_MILLISECONDS],
  [325, TIME_NTP],
  [324, TIME_NTP_MICROSECONDS],
  [322, TIME_SECONDS],
];
events.forEach(([element, kind], rank) => {
  timeTargets.set(element, { field: 'eventMs', kind, rank });
});

/** One number for an element and its enterprise (0 = IANA, or whatever a v9 exporter means by its number). */
export function elementKey(pen: number, element: number): number {
  return pen * 0x10000 + element;
}

/** The field that an element is copied to; undefined when it has none or a rule of its own. */
export function targetOf(version: number, key: number): FieldTarget | undefined {
  const found = version === VERSION_V9 ? (v9Targets.get(key) ?? targets.get(key)) : targets.get(key);
  // Above 32767 an IPFIX element is the enterprise's own; the registry's are Cisco's v9 numbers.
  return found !== undefined && version !== VERSION_V9 && key < 0x10000 && key >= ENTERPRISE_BIT ? undefined : found;
}

export function timeTargetOf(key: number): TimeTarget | undefined {
  return timeTargets.get(key);
}

/**
 * The field for what an encoding of a time, in so many octets, has below the millisecond; undefined when there is none, or
 * nothing there.
 */
export function belowMilliseconds(field: TimeField, kind: number, length: number): FieldName | undefined {
  const isNtp = kind === TIME_NTP || kind === TIME_NTP_MICROSECONDS || kind === TIME_NETSCALER;
  if (kind !== TIME_DELTA_MICROSECONDS && !(isNtp && length === 8)) return undefined;
  return field === 'firstMs' ? 'firstNs' : field === 'lastMs' ? 'lastNs' : undefined;
}

/** Of two elements with the same rank for the same field, whether the later one in the template counts. */
export function takesLast(field: FieldName): boolean {
  return innerFields.has(field);
}
