import type { DatagramOrigin, Decoding } from './decode-context.ts';
import { decodeSets } from './decode-sets.ts';
import {
  IPFIX_HEADER_BYTES,
  IPFIX_OPTIONS_TEMPLATE_SET,
  IPFIX_TEMPLATE_SET,
  UPTIME_WRAP_MS,
  VERSION_IPFIX,
} from './protocol.ts';

/** IPFIX (RFC 7011): one message, which over UDP is one datagram. */
export function decodeIpfix(
  decoding: Decoding,
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  length: number,
  origin: DatagramOrigin,
): void {
  const { context, counters, directory } = decoding;
  if (length < IPFIX_HEADER_BYTES) {
    counters.tooShort++;
    return;
  }
  const announced = view.getUint16(offset + 2);
  if (announced < IPFIX_HEADER_BYTES) {
    counters.badHeader++;
    return;
  }
  if (announced > length) counters.truncated++;
  context.version = VERSION_IPFIX;
  context.exportMs = view.getUint32(offset + 4) * 1000;
  context.domain = view.getUint32(offset + 12);
  context.headerRate = 0;
  context.stream = directory.stream(origin, VERSION_IPFIX, context.domain);
  setClock(decoding);
  const found = decodeSets(
    decoding,
    bytes,
    view,
    offset + IPFIX_HEADER_BYTES,
    offset + Math.min(announced, length),
    IPFIX_TEMPLATE_SET,
    IPFIX_OPTIONS_TEMPLATE_SET,
    origin,
  );
  const units = found < 0 || announced > length ? -1 : found;
  const records = found < 0 ? -1 - found : found;
  context.stream.account(view.getUint32(offset + 8), units, records, context.exportMs, 0);
}

/** The header has no uptime; it follows from the start of the exporter, where an options record told it. */
function setClock(decoding: Decoding): void {
  const { context } = decoding;
  const { bootMs } = context.stream;
  context.hasUptime = bootMs > 0;
  context.uptimeMs = bootMs > 0 ? modulo(context.exportMs - bootMs, UPTIME_WRAP_MS) : 0;
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
