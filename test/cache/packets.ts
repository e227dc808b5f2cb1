import {
  EXTENSION_WORDS,
  X_DST_MAC,
  X_ETHERTYPE_LABELS_TUNNEL,
  X_FINGERPRINT,
  X_FLOW_LABEL,
  X_FRAGMENT,
  X_MPLS,
  X_SRC_MAC,
  X_VLANS,
} from '../../src/addon/packet-extension-layout.ts';
import {
  P_DST,
  P_HASH,
  P_INPUT,
  P_META,
  P_META_NANOS_SHIFT,
  P_META_TTL_SHIFT,
  P_OCTETS,
  P_PORTS,
  P_PROTO_TOS_FLAGS,
  P_SRC,
  P_TIME,
  PACKET_BYTES,
  PACKET_WORDS,
} from '../../src/addon/packet-layout.ts';
import { FlowCache } from '../../src/cache/flow-cache.ts';
import type { FlowCacheOptions } from '../../src/cache/flow-cache-options.ts';
import { type FlowBatch, FlowBatchPool } from '../../src/flow/batch.ts';
import { type ColumnName, columnByName } from '../../src/flow/fields.ts';

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
  ttl?: number;
  nanos?: number;
  /** Outer and inner VLAN id. */
  vlans?: [number, number];
  srcMac?: number;
  dstMac?: number;
  etherType?: number;
  flowLabel?: number;
  /** Word X_FRAGMENT. */
  fragment?: number;
  mpls?: number[];
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

/** Columns beyond those that every flow has, by name. */
export type TestColumns = Partial<Record<ColumnName, number>>;

const V4: [number, number, number, number] = [0, 0, 0xffff, 0x0a000001];

/** Packet records in the addon's layout. */
export function encode(packets: TestPacket[]): { words: Uint32Array; times: Float64Array; extensions: Uint32Array } {
  const extensions = new Uint32Array(packets.length * EXTENSION_WORDS);
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
    const { version = 4, meta = 0, ttl = 64, nanos = 0 } = packet;
    words[p + P_META] = version | meta | (ttl << P_META_TTL_SHIFT) | (nanos << P_META_NANOS_SHIFT);
    extend(extensions.subarray(i * EXTENSION_WORDS), packet);
    times[i * (PACKET_BYTES / 8) + P_TIME / 2] = packet.timeUs;
  });
  return { words, times, extensions };
}

function extend(words: Uint32Array, packet: TestPacket): void {
  const { vlans = [0, 0], srcMac = 0, dstMac = 0, etherType = 0x800, flowLabel = 0, fragment = 0, mpls = [] } = packet;
  words.fill(0xdead_beef, X_FINGERPRINT, X_FINGERPRINT + 2);
  words[X_VLANS] = vlans[0] | (vlans[1] << 16);
  words[X_ETHERTYPE_LABELS_TUNNEL] = etherType | (mpls.length << 16);
  words.set([srcMac, srcMac / 2 ** 32], X_SRC_MAC);
  words.set([dstMac, dstMac / 2 ** 32], X_DST_MAC);
  words[X_FLOW_LABEL] = flowLabel;
  words[X_FRAGMENT] = fragment;
  words.set(mpls, X_MPLS);
}

/** Options of a cache whose records are kept in `records`. */
export function keeping(options: Partial<FlowCacheOptions>, batchRows = 100) {
  const records: TestRecord[] = [];
  const extras: TestColumns[] = [];
  const pool = new FlowBatchPool(batchRows);
  const batches: number[] = [];
  const complete: FlowCacheOptions = {
    activeMs: 60_000,
    inactiveMs: 15_000,
    maxFlows: 1000,
    spareRows: 1000,
    acquire: () => pool.acquire(),
    allocate: (bytes) => new Uint8Array(bytes),
    sink: (batch) => {
      batches.push(batch.rows);
      for (let row = 0; row < batch.rows; row++) {
        records.push(recordOf(batch, row));
        extras.push(columnsOf(batch, row, options.columns ?? []));
      }
      pool.release(batch);
    },
    ...options,
  };
  return { complete, records, extras, batches };
}

/** A cache whose records are kept in `records`. */
export function collecting(options: Partial<FlowCacheOptions>, batchRows = 100) {
  const { complete, records, extras, batches } = keeping(options, batchRows);
  const cache = new FlowCache(complete);
  const add = (...packets: TestPacket[]) => {
    const { words, times, extensions } = encode(packets);
    cache.addPackets(words, times, packets.length, extensions);
  };
  return { cache, records, extras, batches, add };
}

function columnsOf(batch: FlowBatch, row: number, names: readonly ColumnName[]): TestColumns {
  return Object.fromEntries(
    names.flatMap((name) => {
      const column = batch.get(name);
      if (column === undefined) return [];
      const isWide = columnByName.get(name)!.type === 'u64';
      return [[name, isWide ? column[row * 2]! + column[row * 2 + 1]! * 2 ** 32 : column[row]!]];
    }),
  );
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
