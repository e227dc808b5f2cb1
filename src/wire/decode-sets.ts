import type { DatagramOrigin } from './decode-context.ts';
import { decodeRecords } from './decode-records.ts';
import { decodeTemplates } from './decode-templates.ts';
import type { Decoding } from './decoding.ts';
import { FIRST_TEMPLATE_ID, SET_HEADER_BYTES } from './protocol.ts';
import { quirkNumber } from './quirks.ts';

const ZERO_TAIL = quirkNumber('zero-tail');

/**
 * Walks the sets of a v9 datagram or an IPFIX message from `start` to `end`. `templateSet` and `optionsSet` are the
 * set ids of the two kinds of templates. Returns the number of data records, -1 - that number when a set without
 * template hides some. A set that cannot be read never costs the others.
 */
export function decodeSets(
  decoding: Decoding,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  templateSet: number,
  optionsSet: number,
  origin: DatagramOrigin,
): number {
  const { context, counters } = decoding;
  const { stream } = context;
  let records = 0;
  let hidden = false;
  let at = start;
  while (at + SET_HEADER_BYTES <= end) {
    const id = view.getUint16(at);
    const length = view.getUint16(at + 2);
    if (length < SET_HEADER_BYTES) {
      // Palo Alto and Cisco ACI fill the rest of the datagram with zeros.
      if (id === 0 && length === 0) {
        counters.zeroTails++;
        stream.quirk(ZERO_TAIL, 1);
      } else counters.badSet++;
      break;
    }
    const setEnd = at + length;
    if (setEnd > end) {
      // Its length is not to be believed, so neither are its records.
      counters.truncated++;
      hidden ||= id >= FIRST_TEMPLATE_ID;
      break;
    }
    const body = at + SET_HEADER_BYTES;
    if (id >= FIRST_TEMPLATE_ID) {
      const template = stream.template(id);
      if (template === undefined) {
        counters.setsWithoutTemplate++;
        hidden = true;
        stream.withoutTemplate(id, bytes, body, setEnd, context);
      } else {
        records += decodeRecords(decoding, template, view, body, setEnd, origin);
      }
    } else if (id === templateSet || id === optionsSet) {
      decodeTemplates(decoding, bytes, view, body, setEnd, id === optionsSet);
    } else {
      counters.unknownSets++;
    }
    at = setEnd;
  }
  return hidden ? -1 - records : records;
}
