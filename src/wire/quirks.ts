import { VARIABLE_LENGTH, VERSION_IPFIX, VERSION_V9 } from './protocol.ts';
import type { FieldSpecifier } from './template.ts';
import { elementKey } from './template-fields.ts';

/** A template as the triggers look at it. */
interface Shape {
  readonly version: number;
  readonly isOptions: boolean;
  readonly fields: readonly FieldSpecifier[];
  readonly has: (element: number, pen?: number) => boolean;
}

/**
 * Something that a device does otherwise than the specifications, or than most. `docs/quirks.md` has devices, sources and
 * what weir does. One with a `trigger` is told by the template, and its records are counted; the others are met while
 * records are decoded.
 */
interface Quirk {
  readonly name: string;
  readonly trigger?: (shape: Shape) => boolean;
}

const PEN_JUNIPER = 2636;
const PEN_NETSCALER = 5951;
const IE_JUNIPER_COMMON_PROPERTIES = 137;
const IE_PADDING = 210;

/** In the order of docs/quirks.md. */
const table = [
  // Told by the template.
  {
    name: 'asa-old-numbers',
    trigger: ({ version, fields }) =>
      version === VERSION_V9 && fields.some(({ element }) => element >= 40_001 && element <= 40_005),
  },
  {
    name: 'v9-variable-length',
    trigger: ({ version, fields }) => version === VERSION_V9 && fields.some(({ length }) => length === VARIABLE_LENGTH),
  },
  { name: 'empty-fields', trigger: ({ fields }) => fields.some(({ length }) => length === 0) },
  {
    name: 'post-counters',
    trigger: ({ isOptions, has }) =>
      !isOptions &&
      ((has(24) && ![2, 86, 298].some((ie) => has(ie))) || (has(23) && ![1, 85, 231, 352].some((ie) => has(ie)))),
  },
  {
    name: 'total-counters',
    trigger: ({ isOptions, has }) => !isOptions && ((has(85) && !has(1)) || (has(86) && !has(2))),
  },
  { name: 'layer-2-octets', trigger: ({ has }) => has(352) && ![1, 85, 231].some((ie) => has(ie)) },
  {
    name: 'physical-interfaces',
    trigger: ({ isOptions, has }) => !isOptions && ((has(252) && !has(10)) || (has(253) && !has(14))),
  },
  {
    name: 'ports-by-protocol',
    trigger: ({ has }) => [180, 181, 182, 183].some((ie) => has(ie)) && !has(7) && !has(11),
  },
  {
    name: 'both-families',
    trigger: ({ isOptions, has }) => !isOptions && (has(8) || has(12)) && (has(27) || has(28)),
  },
  {
    name: 'repeated-elements',
    trigger: ({ isOptions, fields }) => {
      const keys = fields
        .filter(({ element }) => element !== IE_PADDING)
        .map(({ pen, element }) => elementKey(pen, element));
      return !isOptions && new Set(keys).size < keys.length;
    },
  },
  {
    name: 'wide-forwarding-status',
    trigger: ({ fields }) => fields.some(({ pen, element, length }) => pen === 0 && element === 89 && length > 1),
  },
  { name: 'rate-in-record', trigger: ({ isOptions, has }) => !isOptions && (has(34) || has(50) || has(305)) },
  {
    name: 'netscaler-microseconds',
    trigger: ({ isOptions, has, fields }) => !isOptions && isNetScaler(fields) && (has(154) || has(155)),
  },
  { name: 'juniper-exception-code', trigger: ({ isOptions, fields }) => !isOptions && juniperSlot(fields) >= 0 },
  {
    name: 'uptime-in-ipfix',
    trigger: ({ version, isOptions, has }) =>
      version === VERSION_IPFIX && !isOptions && (has(21) || has(22)) && !has(160),
  },
  // Met in headers and records.
  { name: 'swapped-interval' },
  { name: 'icmp-in-source-port' },
  { name: 'zero-tail' },
  { name: 'v5-interval-of-16-bits' },
  { name: 'v5-nanoseconds' },
  { name: 'sampler-of-other-stream' },
  { name: 'v9-sequence-of-records' },
  { name: 'sflow-agent' },
  { name: 'sflow-high-rate' },
] as const satisfies readonly Quirk[];

export type QuirkName = (typeof table)[number]['name'];

const rows: readonly Quirk[] = table;

/** Names by number. */
export const quirkNames: readonly QuirkName[] = table.map(({ name }) => name);

/** The number by which decoders count a quirk. */
export function quirkNumber(name: QuirkName): number {
  return quirkNames.indexOf(name);
}

/** Numbers of the quirks that a template shows. */
export function quirksOf(version: number, isOptions: boolean, fields: readonly FieldSpecifier[]): readonly number[] {
  // Versions before 9 have no templates of the device's.
  if (version !== VERSION_V9 && version !== VERSION_IPFIX) return [];
  const keys = new Set(fields.filter(({ length }) => length > 0).map(({ pen, element }) => elementKey(pen, element)));
  const shape: Shape = { version, isOptions, fields, has: (element, pen = 0) => keys.has(elementKey(pen, element)) };
  return rows.flatMap(({ trigger }, number) => (trigger?.(shape) === true ? [number] : []));
}

/** Citrix NetScaler writes microseconds where NTP times have a fraction of 2^32. */
export function isNetScaler(fields: readonly FieldSpecifier[]): boolean {
  return fields.some(({ pen }) => pen === PEN_NETSCALER);
}

/** Slot of Juniper's common properties (inline monitoring), which tell why a packet was dropped; -1 without. */
export function juniperSlot(fields: readonly FieldSpecifier[]): number {
  if (fields.some(({ pen, element }) => pen === 0 && element === 89)) return -1;
  return fields.findIndex(
    ({ pen, element, length }) => pen === PEN_JUNIPER && element === IE_JUNIPER_COMMON_PROPERTIES && length === 2,
  );
}

/**
 * An interval of a sampler with its octets swapped, as RouterOS 6 sends it, put right; any other as it is. No sampler takes
 * one of 16 million packets, and intervals have up to 16 bits.
 */
export function unswappedInterval(interval: number): number {
  if (interval < 0x100_0000 || interval > 0xffff_ffff || interval % 0x1_0000 !== 0) return interval;
  return (interval >>> 24) | (((interval >>> 16) & 0xff) << 8);
}
