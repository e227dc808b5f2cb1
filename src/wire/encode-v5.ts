/** The NetFlow v5 record as a `RecordLayout`: 48 bytes, fixed by Cisco, IPv4 only. */
import type { RecordField } from './encode-record.ts';

/** Elements are given where the encoding depends on them (uptimes); v5 itself names none. */
export const V5_LAYOUT: readonly RecordField[] = [
  { element: 0, length: 4, value: 'srcAddr' },
  { element: 0, length: 4, value: 'dstAddr' },
  { element: 0, length: 4, value: 'nextHop' },
  { element: 0, length: 2, value: 'inIf' },
  { element: 0, length: 2, value: 'outIf' },
  { element: 0, length: 4, value: 'packets' },
  { element: 0, length: 4, value: 'octets' },
  { element: 22, length: 4, value: 'firstMs' },
  { element: 21, length: 4, value: 'lastMs' },
  { element: 0, length: 2, value: 'srcPort' },
  { element: 0, length: 2, value: 'dstPort' },
  { element: 0, length: 1, value: 'constant' },
  { element: 0, length: 1, value: 'tcpFlags' },
  { element: 0, length: 1, value: 'proto' },
  { element: 0, length: 1, value: 'tos' },
  { element: 0, length: 2, value: 'srcAs' },
  { element: 0, length: 2, value: 'dstAs' },
  { element: 0, length: 1, value: 'srcMask' },
  { element: 0, length: 1, value: 'dstMask' },
  { element: 0, length: 2, value: 'constant' },
];
