import type { DatagramOrigin } from './decode-context.ts';
import { decodeRecords } from './decode-records.ts';
import type { Decoding } from './decoding.ts';
import {
  V5_HEADER_BYTES,
  V5_MAX_RECORDS,
  V5_RECORD_BYTES,
  V5_SAMPLING_INTERVAL_MASK,
  V7_HEADER_BYTES,
  V7_RECORD_BYTES,
  VERSION_V5,
  VERSION_V7,
} from './protocol.ts';
import { quirkNumber } from './quirks.ts';
import type { CompiledTemplate, FieldSpecifier } from './template.ts';
import { compileTemplate } from './template-compile.ts';

export const VERSION_V1 = 1;
const V1_HEADER_BYTES = 16;
const V1_RECORD_BYTES = 52;

/** paddingOctets: skipped. */
const PADDING = 210;

/** The part that all three versions begin with: addresses, interfaces, counters, times, ports. */
const COMMON: readonly (readonly [element: number, length: number])[] = [
  [8, 4],
  [12, 4],
  [15, 4],
  [10, 2],
  [14, 2],
  [2, 4],
  [1, 4],
  [22, 4],
  [21, 4],
  [7, 2],
  [11, 2],
];
/** Flags, protocol, ToS, AS numbers and masks as v5 and v7 have them. */
const ROUTED: typeof COMMON = [
  [6, 1],
  [4, 1],
  [5, 1],
  [16, 2],
  [17, 2],
  [9, 1],
  [13, 1],
];

const INTERVAL_OF_16_BITS = quirkNumber('v5-interval-of-16-bits');
const NANOSECONDS = quirkNumber('v5-nanoseconds');

interface Layout {
  readonly headerBytes: number;
  readonly template: CompiledTemplate;
  /** Records of a datagram that fits an Ethernet frame; a larger count must at least fit the datagram. */
  readonly usualRecords: number;
}

const layouts: Readonly<Record<number, Layout>> = {
  [VERSION_V1]: layout(VERSION_V1, V1_HEADER_BYTES, V1_RECORD_BYTES, 24, [
    ...COMMON,
    [PADDING, 2],
    [4, 1],
    [5, 1],
    [6, 1],
    [PADDING, 11],
  ]),
  [VERSION_V5]: layout(VERSION_V5, V5_HEADER_BYTES, V5_RECORD_BYTES, V5_MAX_RECORDS, [
    ...COMMON,
    [PADDING, 1],
    ...ROUTED,
    [PADDING, 2],
  ]),
  // The last word is the router that the shortcut switched for.
  [VERSION_V7]: layout(VERSION_V7, V7_HEADER_BYTES, V7_RECORD_BYTES, 27, [
    ...COMMON,
    [PADDING, 1],
    ...ROUTED,
    [PADDING, 2],
    [43, 4],
  ]),
};

function layout(
  version: number,
  headerBytes: number,
  recordBytes: number,
  usualRecords: number,
  pairs: typeof COMMON,
): Layout {
  const fields: FieldSpecifier[] = pairs.map(([element, length]) => ({ element, pen: 0, length }));
  const template = compileTemplate(version, 0, fields, {
    isOptions: false,
    scopeCount: 0,
    definition: new Uint8Array(0),
  });
  if (template.recordLength !== recordBytes) throw new Error(`v${version} layout has ${template.recordLength} bytes`);
  return { headerBytes, template, usualRecords };
}

/**
 * NetFlow v1, v5 and v7: a header and records of one fixed layout, decoded like those of a template. A datagram with
 * fewer records than its header says is read as far as it goes; one whose count could not be at all is refused.
 */
export function decodeV5(
  decoding: Decoding,
  view: DataView,
  offset: number,
  length: number,
  version: number,
  origin: DatagramOrigin,
): void {
  const { context, counters, directory } = decoding;
  const { headerBytes, template, usualRecords } = layouts[version]!;
  if (length < headerBytes) {
    counters.tooShort++;
    return;
  }
  const announced = view.getUint16(offset + 2);
  const available = Math.floor((length - headerBytes) / template.recordLength);
  if (announced > available) {
    if (announced > usualRecords) {
      counters.badHeader++;
      return;
    }
    counters.truncated++;
  }
  const nanoseconds = view.getUint32(offset + 12);
  const hasSequence = version !== VERSION_V1;
  const sequence = hasSequence ? view.getUint32(offset + 16) : 0;
  context.version = version;
  context.uptimeMs = view.getUint32(offset + 4);
  context.hasUptime = true;
  // More than a second of nanoseconds has been seen and cannot be meant.
  context.exportMs = view.getUint32(offset + 8) * 1000 + (nanoseconds < 1e9 ? Math.floor(nanoseconds / 1e6) : 0);
  context.domain = version === VERSION_V5 ? view.getUint16(offset + 20) : 0;
  const sampling = version === VERSION_V5 ? view.getUint16(offset + 22) : 0;
  // No mode has both bits: they are part of a number of 16 bits (Juniper).
  const hasNoMode = sampling >>> 14 === 3;
  context.headerRate = hasNoMode ? sampling : sampling & V5_SAMPLING_INTERVAL_MASK;
  context.stream = directory.stream(origin, version, context.domain);
  if (hasNoMode) context.stream.quirk(INTERVAL_OF_16_BITS, 1);
  if (nanoseconds >= 1e9) context.stream.quirk(NANOSECONDS, 1);
  const first = offset + headerBytes;
  const count = decodeRecords(
    decoding,
    template,
    view,
    first,
    first + Math.min(announced, available) * template.recordLength,
    origin,
  );
  // Records that were announced and did not come are lost on the way, but the exporter counted them.
  context.stream.account(sequence, hasSequence ? announced : -1, count, context);
}
