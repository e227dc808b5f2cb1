/** What the tests of the exporter share: flows to export, and a transport that keeps. */
import type { ProcessCounts } from '../../src/export/options.ts';
import type { DatagramTransport } from '../../src/export/transport.ts';
import { parseAddress } from '../../src/flow/address.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import { type ColumnName, columnByName, type FieldName, fieldByName } from '../../src/flow/fields.ts';

/** One flow by field; addresses as text, 64-bit counters as bigint or number. */
export type PlainFlow = Partial<Record<FieldName, number | bigint | string>>;

export const BOOT_MS = Date.UTC(2024, 2, 1, 11, 59, 59);
export const START_MS = BOOT_MS + 1000;

/** What a meter may have counted. */
export const PROCESS_COUNTS: ProcessCounts = {
  observedPackets: 1000,
  selectedPackets: 900,
  ignoredPackets: 7,
  observedFlows: 40,
  notSentFlows: 3,
  notSentPackets: 30,
  notSentOctets: 2 ** 40,
};

export function batchOf(flows: readonly PlainFlow[]): FlowBatch {
  const batch = new FlowBatch(Math.max(1, flows.length));
  for (const [row, flow] of flows.entries()) {
    for (const [name, value] of Object.entries(flow)) setField(batch, row, name as FieldName, value);
  }
  batch.rows = flows.length;
  return batch;
}

function setField(batch: FlowBatch, row: number, name: FieldName, value: number | bigint | string): void {
  if (fieldByName(name).type === 'addr') {
    const words = parseAddress(String(value))!;
    const high = batch.use(`${name}Hi` as ColumnName);
    const low = batch.use(`${name}Lo` as ColumnName);
    high[row * 2] = words[1];
    high[row * 2 + 1] = words[0];
    low[row * 2] = words[3];
    low[row * 2 + 1] = words[2];
    return;
  }
  const column = batch.use(name as ColumnName);
  if (columnByName.get(name)!.type === 'u64') {
    const wide = BigInt(value);
    column[row * 2] = Number(wide & 0xffff_ffffn);
    column[row * 2 + 1] = Number(wide >> 32n);
  } else {
    column[row] = Number(value);
  }
}

/** Keeps every datagram. */
export class KeepingTransport implements DatagramTransport {
  readonly datagrams: Buffer[] = [];
  calls = 0;
  /** What `room` answers. */
  full: Promise<void> | undefined;
  closed = false;

  send(bytes: Uint8Array, lengths: Uint32Array, count: number): void {
    this.calls++;
    let at = 0;
    for (let i = 0; i < count; i++) {
      this.datagrams.push(Buffer.from(bytes.slice(at, at + lengths[i]!)));
      at += lengths[i]!;
    }
  }

  room(): Promise<void> | undefined {
    return this.full;
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

/** Flows that cover both families, TCP, UDP, ICMP and ICMPv6, every field of the default template, wide counters. */
export function sampleFlows(count: number, options: { direction?: boolean; startMs?: number } = {}): PlainFlow[] {
  const { direction = false, startMs = START_MS } = options;
  return Array.from({ length: count }, (_, i) => {
    const isV6 = i % 3 === 1;
    const proto = [6, 17, isV6 ? 58 : 1][i % 4 === 3 ? 2 : i % 2]!;
    const isIcmp = proto === 1 || proto === 58;
    const firstMs = startMs + i * 7 + (i % 10);
    const flow: PlainFlow = {
      firstMs,
      lastMs: firstMs + i * 3,
      exportMs: firstMs + i * 3 + 1,
      octets: i % 5 === 0 ? 2n ** 33n + BigInt(i) : 1000 + i,
      packets: 10 + i,
      srcAddr: isV6 ? `2001:db8:1::${(i + 1).toString(16)}` : `192.0.2.${i % 250}`,
      dstAddr: isV6 ? `2001:db8:ffff:2::${(i + 2).toString(16)}` : `198.51.100.${(i * 7) % 250}`,
      inIf: 3 + (i % 2),
      outIf: i % 7,
      srcPort: isIcmp ? 0 : 1024 + i,
      dstPort: isIcmp ? (proto === 1 ? 8 : 128) * 256 + (i % 3) : 53 + i,
      proto,
      tos: (i * 4) & 255,
      tcpFlags: proto === 6 ? 0x1b : 0,
      endReason: 1 + (i % 5),
    };
    return direction && i % 2 === 0 ? { ...flow, direction: (i >> 1) % 2 } : flow;
  });
}
