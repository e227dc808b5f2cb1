/** Which fields flow templates have, in which order and width: presets by name, or what the user composed. */
import { type ColumnName, type FieldName, fieldByName } from '../flow/fields.ts';
import type { DerivedValue, Family, RecordField } from '../wire/encode-record.ts';
import { recordColumns } from '../wire/encode-record.ts';
import { REVERSE_PEN, VERSION_IPFIX, VERSION_V9 } from '../wire/protocol.ts';
import {
  ADDRESS,
  both,
  DIRECTION,
  FIRST,
  type FlowClass,
  ICMP4,
  ICMP6,
  IP_VERSION,
  LAST,
  type TemplateRow,
} from './template-rows.ts';

/**
 * - `default`: what nfcapd, nfacctd, goflow2 and Wireshark all read in full; eight-byte fields first.
 * - `ng_netflow`: the fields of FreeBSD's ng_netflow(4), without its output counters that are always zero.
 * - `netflowsink`: the fields of Tranalyzer's netflowSink.
 * - `softflowd`: the fields of softflowd, with its templates for ICMP.
 * - `nfdump`: `default` and all else that nfcapd stores.
 * - `full`: all that a FlowBatch can carry of a metered flow.
 */
export type TemplatePreset = 'default' | 'ng_netflow' | 'netflowsink' | 'softflowd' | 'nfdump' | 'full';

export const templatePresets: readonly TemplatePreset[] = [
  'default',
  'ng_netflow',
  'netflowsink',
  'softflowd',
  'nfdump',
  'full',
];

/** What flow templates are made of: a preset, or rows as `parseTemplateFields` reads them. */
export type TemplateSelection = TemplatePreset | readonly TemplateRow[];

const ADDRESSES = [both('srcAddr', ADDRESS), both('dstAddr', ADDRESS)];
const PORTS = [both('srcPort', 2), both('dstPort', 2)];

const CORE_BEFORE_FLAGS = [
  FIRST,
  LAST,
  both('octets', 8),
  both('packets', 8),
  ...ADDRESSES,
  both('inIf', 4),
  both('outIf', 4),
  ...PORTS,
  both('proto', 1),
  both('tos', 1),
];
const CORE_AFTER_FLAGS = [DIRECTION, both('endReason', 1), IP_VERSION];

const MORE_LENGTHS = [both('minTtl', 1), both('maxTtl', 1), both('minLength', 2), both('maxLength', 2)];
const MORE_LINK = [both('inSrcMac', 6), both('inDstMac', 6)];
const MORE_MPLS = (
  ['mpls1', 'mpls2', 'mpls3', 'mpls4', 'mpls5', 'mpls6', 'mpls7', 'mpls8', 'mpls9', 'mpls10'] as const
).map((name) => both(name, 3));
const MORE_ROUTING = [
  both('srcMask', 1),
  both('dstMask', 1),
  both('srcAs', 4),
  both('dstAs', 4),
  both('nextHop', ADDRESS),
  both('bgpNextHop', ADDRESS),
];

const presets: Record<TemplatePreset, readonly TemplateRow[]> = {
  default: [...CORE_BEFORE_FLAGS, both('tcpFlags', 1), ...CORE_AFTER_FLAGS],
  ng_netflow: [
    ...ADDRESSES,
    both('nextHop', ADDRESS),
    both('inIf', 2),
    both('outIf', 2),
    both('packets', 4),
    both('octets', 4),
    FIRST,
    LAST,
    ...PORTS,
    both('tcpFlags', 1),
    both('proto', 1),
    both('tos', 1),
    both('srcAs', 4),
    both('dstAs', 4),
    // The node has the IPv4 elements of the masks in both templates.
    { value: 'srcMask', v9: [1, 9], ipfix: [1, 9] },
    { value: 'dstMask', v9: [1, 13], ipfix: [1, 13] },
  ],
  netflowsink: [
    FIRST,
    LAST,
    both('packets', 8),
    both('octets', 8),
    ...ADDRESSES,
    ...PORTS,
    both('minLength', 2),
    both('maxLength', 2),
    both('srcVlan', 2),
    both('tcpFlags', 1),
    IP_VERSION,
    DIRECTION,
    both('proto', 1),
    both('tos', 1),
    both('minTtl', 1),
    both('maxTtl', 1),
    { value: 'constant', constant: 1, v9: [1, 39], ipfix: [1, 39] },
    both('inDstMac', 6),
    both('inSrcMac', 6),
    both('outDstMac', 6),
    both('outSrcMac', 6),
  ],
  softflowd: [
    ...ADDRESSES,
    FIRST,
    LAST,
    both('octets', 4),
    both('packets', 4),
    both('inIf', 4),
    both('outIf', 4),
    DIRECTION,
    both('endReason', 1),
    ...PORTS.map((row) => ({ ...row, only: { icmp: false } })),
    { ...ICMP4, only: { family: 4, icmp: true } },
    { ...ICMP6, only: { family: 6, icmp: true } },
    both('proto', 1),
    { ...both('tcpFlags', 1), only: { icmp: false } },
    IP_VERSION,
    both('tos', 1),
  ],
  nfdump: [
    ...CORE_BEFORE_FLAGS,
    both('tcpFlags', 1),
    ...CORE_AFTER_FLAGS,
    ...MORE_LENGTHS,
    ...MORE_LINK,
    both('srcVlan', 2),
    both('dstVlan', 2),
    ...MORE_MPLS,
    ...MORE_ROUTING,
    ICMP4,
    ICMP6,
  ],
  full: [
    ...CORE_BEFORE_FLAGS,
    { value: 'firstNs', ipfix: [8, 156] },
    { value: 'lastNs', ipfix: [8, 157] },
    { value: 'tcpFlags', v9: [1, 6], ipfix: [2, 6] },
    ...CORE_AFTER_FLAGS,
    ...MORE_LENGTHS,
    ...MORE_LINK,
    both('outSrcMac', 6),
    both('outDstMac', 6),
    // RFC 7133 gives VLANs elements of their own in IPFIX.
    { value: 'srcVlan', v9: [2, 58], ipfix: [2, 243] },
    { value: 'dstVlan', v9: [2, 59], ipfix: [2, 254] },
    { value: 'innerVlan', ipfix: [2] },
    { value: 'fragmentFlags', ipfix: [1] },
    { value: 'etherType', ipfix: [2] },
    { value: 'flowLabel', v9: [3], ipfix: [4], only: { family: 6 } },
    ...MORE_MPLS,
    ...MORE_ROUTING,
    both('nextAs', 4),
    both('prevAs', 4),
    both('dstTos', 1),
    both('forwardingStatus', 1),
    ICMP4,
    ICMP6,
  ],
};

/** Numbers that the exporters a preset is named after are known by; for their own fields only (v9, direction sent). */
const knownIds: Partial<Record<TemplatePreset, Readonly<Record<'4' | '6' | '4icmp' | '6icmp', number>>>> = {
  ng_netflow: { '4': 256, '6': 259, '4icmp': 256, '6icmp': 259 },
  netflowsink: { '4': 256, '6': 257, '4icmp': 256, '6icmp': 257 },
  softflowd: { '4': 1024, '6': 2048, '4icmp': 1025, '6icmp': 2049 },
};

/** Fields of the template for flows of one class. */
export function templateFields(selection: TemplateSelection, version: number, flows: FlowClass): RecordField[] {
  const rows = rowsOf(selection).filter((row) => applies(row, flows));
  // In front, because nfcapd takes reverse times, flags and type of service for the forward ones: the latter then win.
  return fieldsOf(flows.reverse ? [...reverseRows(rows), ...rows] : rows, version, flows.family);
}

/** Columns of a FlowBatch that templates of this selection are filled from, in either version and for any flow. */
export function templateColumns(selection: TemplateSelection): ColumnName[] {
  const rows = rowsOf(selection);
  const names = [VERSION_V9, VERSION_IPFIX].flatMap((version) =>
    ([4, 6] as const).flatMap((family) =>
      fieldsOf(rows, version, family).flatMap((field) => recordColumns(field, family)),
    ),
  );
  return [...new Set(names)];
}

/** The number a preset is known by, undefined where the number is to be made from the fields. */
export function knownTemplateId(selection: TemplateSelection, version: number, flows: FlowClass): number | undefined {
  const ids = typeof selection === 'string' ? knownIds[selection] : undefined;
  if (ids === undefined || version !== VERSION_V9) return undefined;
  if (!flows.directionKnown && hasDirection(selection)) return undefined;
  return ids[`${flows.family}${flows.icmp ? 'icmp' : ''}`];
}

/** Whether flows with and without a known direction need templates of their own. */
export function hasDirection(selection: TemplateSelection): boolean {
  return rowsOf(selection).includes(DIRECTION);
}

/** Whether ICMP flows have templates of their own. */
export function separatesIcmp(selection: TemplateSelection): boolean {
  return rowsOf(selection).some((row) => row.only?.icmp !== undefined);
}

function rowsOf(selection: TemplateSelection): readonly TemplateRow[] {
  return typeof selection === 'string' ? presets[selection] : selection;
}

function fieldsOf(rows: readonly TemplateRow[], version: number, family: Family): RecordField[] {
  const out: RecordField[] = [];
  for (const row of rows) {
    const wire = version === VERSION_IPFIX ? row.ipfix : row.v9;
    if (wire === undefined) continue;
    const [length, element = elementOf(row.value, family)] = wire;
    const field = { element, length: length === ADDRESS ? addressBytes(family) : length, value: row.value };
    const { constant, pen } = row;
    out.push({ ...field, ...(constant === undefined ? {} : { constant }), ...(pen === undefined ? {} : { pen }) });
  }
  return out;
}

/** What biflows have for the other way, by what they have for the way of the initiator. */
const reverseValues: Partial<Record<FieldName | DerivedValue, FieldName>> = {
  octets: 'outOctets',
  packets: 'outPackets',
  firstMs: 'reverseFirstMs',
  lastMs: 'reverseLastMs',
  tcpFlags: 'reverseTcpFlags',
  tos: 'reverseTos',
};

/** RFC 5103: reverse elements of those in `rows` that are not alike both ways, and biflowDirection (IPFIX). */
function reverseRows(rows: readonly TemplateRow[]): TemplateRow[] {
  const reverse = rows.flatMap(({ value, ipfix }): TemplateRow[] => {
    const reversed = reverseValues[value];
    if (reversed === undefined || ipfix === undefined) return [];
    const [length, element = elementOf(value, 4)] = ipfix;
    // Never split, so never narrow.
    const bytes = value === 'octets' || value === 'packets' ? 8 : length;
    return [{ value: reversed, ipfix: [bytes, element], pen: REVERSE_PEN }];
  });
  return [...reverse, { value: 'biflowDirection', ipfix: [1] }];
}

function applies(row: TemplateRow, flows: FlowClass): boolean {
  if (row === DIRECTION) return flows.directionKnown;
  const { family = flows.family, icmp = flows.icmp } = row.only ?? {};
  return family === flows.family && icmp === flows.icmp;
}

function elementOf(value: FieldName | DerivedValue, family: Family): number {
  const { ie, ie6 } = fieldByName(value as FieldName);
  return family === 6 ? (ie6 ?? ie) : ie;
}

function addressBytes(family: Family): number {
  return family === 4 ? 4 : 16;
}
