import { expect } from 'vitest';
import { add, addressOf, type Row, rowCollector } from '../support/collect-rows.ts';
import { flowSample, ipv4Packet, sflowDatagram, udpHeader } from '../support/sflow-datagrams.ts';

export const udp = ipv4Packet({ payload: udpHeader(5000, 53) });

/** What becomes of datagrams of one agent. */
export function decodeAll(...payloads: Uint8Array[]) {
  const { collector, rows } = rowCollector();
  for (const payload of payloads) add(collector, { payload });
  collector.flush();
  return { rows, decode: collector.stats().decode, streams: collector.stats().streams };
}

/** The row of a flow sample with these records. */
export function rowOf(...records: Uint8Array[]): Row {
  const { rows, decode } = decodeAll(sflowDatagram({ samples: [flowSample({ records })] }));
  expect(rows).toHaveLength(1);
  expect(decode.badSampleRecords).toBe(0);
  return rows[0]!;
}

/** Protocol, and address and port of both ends. */
export const ends = (row: Row) =>
  `${row.proto} ${addressOf(row, 'srcAddr')}:${row.srcPort} ${addressOf(row, 'dstAddr')}:${row.dstPort}`;
export const UDP_ENDS = '17 10.0.0.1:5000 10.0.0.2:53';
