import type { DatagramOrigin } from './decode-context.ts';
import { decodeSets } from './decode-sets.ts';
import type { Decoding } from './decoding.ts';
import { IPFIX_HEADER_BYTES, IPFIX_OPTIONS_TEMPLATE_SET, IPFIX_TEMPLATE_SET, VERSION_IPFIX } from './protocol.ts';

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
  context.hasUptime = false;
  context.stream = directory.stream(origin, VERSION_IPFIX, context.domain);
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
  const sent = found < 0 || announced > length ? -1 : found;
  const records = found < 0 ? -1 - found : found;
  context.stream.account(view.getUint32(offset + 8), sent, records, context);
}
