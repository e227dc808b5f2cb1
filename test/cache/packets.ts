import {
  P_DST,
  P_HASH,
  P_INPUT,
  P_META,
  P_OCTETS,
  P_PORTS,
  P_PROTO_TOS_FLAGS,
  P_SRC,
  P_TIME,
  PACKET_BYTES,
  PACKET_WORDS,
} from '../../src/addon/packet-layout.ts';
import { FlowCache, type FlowCacheOptions } from '../../src/cache/flow-cache.ts';
import { type FlowBatch, FlowBatchPool } from '../../src/flow/batch.ts';

export interface TestPacket {
  src?: [number, number, number, number];
  dst?: [number, number, number, number];
  srcPort?: number;
  dstPort?: number;
  proto?: number;
  tos?: number;
  flags?: number;
  input?: number;
  octets?: number;
  hash?: number;
  version?: number;
  /** Further bits of the meta word. */
  meta?: number;
  timeUs: number;
}

export interface TestRecord {
  src: string;
  dst: string;
  srcPort: number;
  dstPort: number;
  proto: number;
  tos: number;
  flags: number;
  input: number;
  output: number;
  packets: number;
  octets: number;
  firstMs: number;
  lastMs: number;
  endMs: number;
  reason: number;
  direction: number;
}

const V4: [number, number, number, number] = [0, 0, 0xffff, 0x0a000001];

/** Packet records in the addon's layout. */
export function encode(packets: TestPacket[]): { words: Uint32Array; times: Float64Array } {
  const memory = new ArrayBuffer(packets.length * PACKET_BYTES);
  const words = new Uint32Array(memory);
  const times = new Float64Array(memory);
  const bytes = new DataView(memory);
  packets.forEach((packet, i) => {
    const p = i * PACKET_WORDS;
    (packet.src ?? V4).forEach((word, at) => {
      bytes.setUint32((p + P_SRC + at) * 4, word);
    });
    (packet.dst ?? V4).forEach((word, at) => {
      bytes.setUint32((p + P_DST + at) * 4, word);
    });
    words[p + P_PORTS] = (packet.srcPort ?? 0) | ((packet.dstPort ?? 0) << 16);
    words[p + P_PROTO_TOS_FLAGS] = (packet.proto ?? 6) | ((packet.tos ?? 0) << 8) | ((packet.flags ?? 0) << 16);
    words[p + P_INPUT] = packet.input ?? 0;
    words[p + P_OCTETS] = packet.octets ?? 40;
    words[p + P_HASH] = packet.hash ?? 0;
    words[p + P_META] = (packet.version ?? 4) | (packet.meta ?? 0);
    times[i * (PACKET_BYTES / 8) + P_TIME / 2] = packet.timeUs;
  });
  return { words, times };
}

/** A cache whose records are kept in `records`. */
export function collecting(options: Partial<FlowCacheOptions>, batchRows = 100) {
  const records: TestRecord[] = [];
  const pool = new FlowBatchPool(batchRows);
  const batches: number[] = [];
  const cache = new FlowCache({
    activeMs: 60_000,
    inactiveMs: 15_000,
    maxFlows: 1000,
    spareRows: 1000,
    acquire: () => pool.acquire(),
    allocate: (bytes) => new Uint8Array(bytes),
    sink: (batch) => {
      batches.push(batch.rows);
      for (let row = 0; row < batch.rows; row++) records.push(recordOf(batch, row));
      pool.release(batch);
    },
    ...options,
  });
  const add = (...packets: TestPacket[]) => {
    const { words, times } = encode(packets);
    cache.addPackets(words, times, packets.length);
  };
  return { cache, records, batches, add };
}

function recordOf(batch: FlowBatch, row: number): TestRecord {
  const wide = (words: Uint32Array) => words[row * 2]! + words[row * 2 + 1]! * 2 ** 32;
  const address = (hi: Uint32Array, lo: Uint32Array) =>
    [hi[row * 2 + 1]!, hi[row * 2]!, lo[row * 2 + 1]!, lo[row * 2]!].map((word) => word.toString(16)).join(':');
  if (batch.get('receivedMs')![row] !== batch.get('exportMs')![row]) throw new Error('two times of export');
  return {
    src: address(batch.get('srcAddrHi')!, batch.get('srcAddrLo')!),
    dst: address(batch.get('dstAddrHi')!, batch.get('dstAddrLo')!),
    srcPort: batch.get('srcPort')![row]!,
    dstPort: batch.get('dstPort')![row]!,
    proto: batch.get('proto')![row]!,
    tos: batch.get('tos')![row]!,
    flags: batch.get('tcpFlags')![row]!,
    input: batch.get('inIf')![row]!,
    output: batch.get('outIf')?.[row] ?? 0,
    packets: wide(batch.get('packets')!),
    octets: wide(batch.get('octets')!),
    firstMs: batch.get('firstMs')![row]!,
    lastMs: batch.get('lastMs')![row]!,
    endMs: batch.get('exportMs')![row]!,
    reason: batch.get('endReason')![row]!,
    direction: batch.get('direction')?.[row] ?? 255,
  };
}
