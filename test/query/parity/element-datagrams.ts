import { parseAddress } from '../../../src/flow/address.ts';
import { concat, type ipfixMessage, type TemplateField, uint, v9Datagram } from '../../support/flow-datagrams.ts';

/** Every datagram was sent, and caught, at this time. */
export const SENT_MS = Date.UTC(2026, 10, 20, 12, 0, 0);
/** Devices of v5 and v9 started so long before. */
export const UPTIME_MS = 4 * 3_600_000;
const RECORDS_A_DATAGRAM = 5;

/** Values by element number; addresses as text, access lists as places in `ACCESS_LISTS`. */
export type Values = Readonly<Record<number, number | string>>;

/** Access lists of a firewall: nfdump turns their octets around, so these read the same from both ends. */
const ACCESS_LISTS: readonly (readonly [number, number, number])[] = [
  [0, 0, 0],
  [0x1234_3412, 0x0a0b_0b0a, 0x1234_3412],
  [0x5678_7856, 0, 0x5678_7856],
];

/** Octets of an element on the wire; of those that are not here four, and sixteen of IPv6 addresses. */
const WIDTHS: Readonly<Record<number, number>> = {
  4: 1,
  5: 1,
  6: 1,
  9: 1,
  13: 1,
  29: 1,
  30: 1,
  52: 1,
  53: 1,
  55: 1,
  61: 1,
  89: 1,
  136: 1,
  48: 1,
  230: 1,
  233: 1,
  197: 1,
  33000: 12,
  33001: 12,
  33002: 2,
  361: 2,
  362: 2,
  363: 2,
  364: 2,
  7: 2,
  11: 2,
  32: 2,
  139: 2,
  58: 2,
  59: 2,
  227: 2,
  228: 2,
  70: 3,
  71: 3,
  72: 3,
  1: 8,
  2: 8,
  23: 8,
  24: 8,
  152: 8,
  153: 8,
  323: 8,
  138: 8,
  56: 6,
  57: 6,
  80: 6,
  81: 6,
};
const V6_ELEMENTS = new Set([27, 28, 62, 63]);

function widthOf(element: number): number {
  return WIDTHS[element] ?? (V6_ELEMENTS.has(element) ? 16 : 4);
}

function bytesOf(element: number, value: number | string): Uint8Array {
  const width = widthOf(element);
  if (width === 12) return concat(...ACCESS_LISTS[Number(value)]!.map((word) => uint(word, 4)));
  if (typeof value === 'number') return uint(value, width);
  const words = parseAddress(value)!;
  return concat(...(width === 4 ? [words[3]] : words).map((word) => uint(word, 4)));
}

/** Records as datagrams: for each sort of record (by its elements) a template, all of them first. */
export function datagramsOf(records: readonly Values[], build: typeof ipfixMessage, domain: number): Uint8Array[] {
  const ids = new Map<string, number>();
  const elementsOf = (record: Values) => Object.keys(record).map(Number);
  for (const record of records) {
    const key = elementsOf(record).join();
    if (!ids.has(key)) ids.set(key, 256 + ids.size);
  }
  const common = { domain, exportSeconds: SENT_MS / 1000, uptimeMs: UPTIME_MS };
  const templates = [...ids].map(([key, id]) => ({
    id,
    fields: key.split(',').map((element): TemplateField => [Number(element), widthOf(Number(element))]),
  }));
  const out = [build({ ...common, templates })];
  let sequence = build === v9Datagram ? 1 : 0;
  for (let at = 0; at < records.length; at += RECORDS_A_DATAGRAM) {
    const some = records.slice(at, at + RECORDS_A_DATAGRAM);
    const data = some.map((record) => ({
      id: ids.get(elementsOf(record).join())!,
      bytes: concat(...elementsOf(record).map((element) => bytesOf(element, record[element]!))),
    }));
    out.push(build({ ...common, sequence, data }));
    sequence += build === v9Datagram ? 1 : some.length;
  }
  return out;
}
