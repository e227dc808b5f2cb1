import type { DatagramOrigin } from './decode-context.ts';
import { decodeSets } from './decode-sets.ts';
import type { Decoding } from './decoding.ts';
import { V9_HEADER_BYTES, V9_OPTIONS_TEMPLATE_SET, V9_TEMPLATE_SET, VERSION_V9 } from './protocol.ts';

/** NetFlow v9 (RFC 3954). The header's count is often wrong and bounds nothing. */
export function decodeV9(
  decoding: Decoding,
  bytes: Uint8Array,
  view: DataView,
  offset: number,
  length: number,
  origin: DatagramOrigin,
): void {
  const { context, counters, directory } = decoding;
  if (length < V9_HEADER_BYTES) {
    counters.tooShort++;
    return;
  }
  context.version = VERSION_V9;
  context.uptimeMs = view.getUint32(offset + 4);
  context.hasUptime = true;
  context.exportMs = view.getUint32(offset + 8) * 1000;
  context.domain = view.getUint32(offset + 16);
  context.headerRate = 0;
  context.stream = directory.stream(origin, VERSION_V9, context.domain);
  context.stream.bootedAt(context.exportMs - context.uptimeMs);
  const found = decodeSets(
    decoding,
    bytes,
    view,
    offset + V9_HEADER_BYTES,
    offset + length,
    V9_TEMPLATE_SET,
    V9_OPTIONS_TEMPLATE_SET,
    origin,
  );
  const records = found < 0 ? -1 - found : found;
  context.stream.account(view.getUint32(offset + 12), found < 0 ? -1 : records, records, context);
}
