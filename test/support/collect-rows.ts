import { Collector, type CollectorOptions } from '../../src/collect/collector.ts';
import { formatAddress } from '../../src/flow/address.ts';
import { type FlowBatch, FlowBatchPool } from '../../src/flow/batch.ts';
import { columns } from '../../src/flow/fields.ts';
import type { UdpDatagram } from './pcap-udp.ts';

/** One row of a batch by column name: numbers, bigint for u64. */
export type Row = Record<string, number | bigint>;

/** A collector whose rows end up in `rows`. */
export interface RowCollector {
  collector: Collector;
  rows: Row[];
  /** The object in `extra` of each row. */
  extras: Record<string, unknown>[];
  /** Forgets both. */
  clear: () => void;
}

export function rowCollector(options: Partial<CollectorOptions> & { batchRows?: number } = {}): RowCollector {
  const rows: Row[] = [];
  const extras: Record<string, unknown>[] = [];
  const pool = new FlowBatchPool(options.batchRows ?? 1000);
  const sink = (batch: FlowBatch) => {
    for (let row = 0; row < batch.rows; row++) {
      rows.push(rowOf(batch, row));
      extras.push(extraOf(batch, row));
    }
    pool.release(batch);
  };
  const collector = new Collector({ sink, acquire: () => pool.acquire(), ...options });
  const clear = () => {
    rows.length = 0;
    extras.length = 0;
  };
  return { collector, rows, extras, clear };
}

/** Rows of datagrams of one exporter. */
export function rowsIn(datagrams: readonly Buffer[]): Row[] {
  const { collector, rows } = rowCollector();
  for (const payload of datagrams) add(collector, { payload });
  collector.flush();
  return rows;
}

/** Sum of a column over rows. */
export function sumOf(rows: readonly Row[], name: string): number {
  return rows.reduce((sum, row) => sum + Number(row[name]), 0);
}

export function rowOf(batch: FlowBatch, row: number): Row {
  const out: Row = {};
  for (const column of columns) {
    const array = batch.get(column.name);
    if (column.type === 'u64') {
      const low = array === undefined ? 0 : array[row * 2]!;
      const high = array === undefined ? 0 : array[row * 2 + 1]!;
      out[column.name] = (BigInt(high) << 32n) | BigInt(low);
    } else if (column.type !== 'text') {
      out[column.name] = array === undefined ? column.absent : array[row]!;
    }
  }
  return out;
}

/** The object in a row's `extra`; empty when it has none. */
export function extraOf(batch: FlowBatch, row: number): Record<string, unknown> {
  const text = batch.texts.text(batch.get('extra')?.[row] ?? 0);
  return text.length === 0 ? {} : JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
}

/** Text of an address field of a row, '' when it has none. */
export function addressOf(row: Row, field: string): string {
  const high = row[`${field}Hi`] as bigint;
  const low = row[`${field}Lo`] as bigint;
  return formatAddress(Number(high >> 32n), Number(high & 0xffffffffn), Number(low >> 32n), Number(low & 0xffffffffn));
}

export function add(collector: Collector, datagram: Pick<UdpDatagram, 'payload'> & Partial<UdpDatagram>): void {
  const [hiHigh, hiLow, loHigh, loLow] = datagram.source ?? [0, 0, 0xffff, 0xc0000201];
  collector.addDatagram(datagram.payload, {
    receivedMs: datagram.timeMs ?? 1_700_000_000_000,
    hiHigh,
    hiLow,
    loHigh,
    loLow,
    port: datagram.sourcePort ?? 40_000,
    session: 0,
  });
}
