import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { EXTENSION_BYTES } from '../../src/addon/packet-extension-layout.ts';
import {
  P_DST,
  P_HASH,
  P_INPUT,
  P_META,
  P_META_FRAGMENT,
  P_META_NANOS_SHIFT,
  P_META_VERSION_MASK,
  P_OCTETS,
  P_PORTS,
  P_PROTO_TOS_FLAGS,
  P_SRC,
  P_TIME,
  PACKET_BYTES,
  PACKET_WORDS,
} from '../../src/addon/packet-layout.ts';
import type { PacketStats } from '../../src/addon/packet-source.ts';
import type { PacketInput, PacketSlot } from '../../src/capture/source.ts';

/** Captures of other projects, beside the repository; tests that need them are skipped where they are not. */
export const CAPTURES = join(import.meta.dirname, '../../../shared/data/pcap');
export const haveCaptures = existsSync(join(CAPTURES, 'expected.json'));

export interface Expected {
  packets: number;
  ipPackets: number;
  ipBytes: number;
  fiveTuplesWithIcmpType: number;
  ipProtocols: Record<string, number>;
  firstFragments?: number;
  laterFragments?: number;
  firstPacketNs?: string;
  lastPacketNs?: string;
  /** Of files with few five-tuples: addresses, protocol, ports and more. */
  flows?: [string, string, number, number, number, ...unknown[]][];
}

export const expected: Record<string, Expected> = haveCaptures
  ? JSON.parse(readFileSync(join(CAPTURES, 'expected.json'), 'utf8')).files
  : {};

export interface Packet {
  src: string;
  dst: string;
  protocol: number;
  tos: number;
  flags: number;
  srcPort: number;
  dstPort: number;
  input: number;
  octets: number;
  hash: number;
  version: number;
  fragment: boolean;
  meta: number;
  timeUs: number;
  nanos: number;
}

export interface ReadAll {
  packets: Packet[];
  records: Buffer;
  /** Extension records of `packets`; empty unless the source is extended. */
  extensions: Buffer;
  stats: PacketStats;
  failure: string | null;
}

/** Reads a source to its end. */
export async function readAll(reader: PacketInput, onSlot: (slot: PacketSlot) => void = () => {}): Promise<ReadAll> {
  const packets: Packet[] = [];
  const records: Buffer[] = [];
  const extensions: Buffer[] = [];
  for (let slot = await reader.read(); slot !== undefined; slot = await reader.read()) {
    for (let i = 0; i < slot.count; i++) packets.push(packetAt(slot, i));
    records.push(Buffer.from(slot.bytes.subarray(0, slot.count * PACKET_BYTES)));
    if (slot.extensions !== undefined) {
      const { buffer, byteOffset } = slot.extensions;
      extensions.push(Buffer.from(new Uint8Array(buffer, byteOffset, slot.count * EXTENSION_BYTES)));
    }
    onSlot(slot);
    reader.release(slot);
  }
  return {
    packets,
    records: Buffer.concat(records),
    extensions: Buffer.concat(extensions),
    stats: reader.stats(),
    failure: reader.failure(),
  };
}

function packetAt(slot: PacketSlot, index: number): Packet {
  const base = index * PACKET_WORDS;
  const word = (at: number) => slot.words[base + at]!;
  const address = (at: number) =>
    Buffer.from(slot.bytes.subarray((base + at) * 4, (base + at) * 4 + 16)).toString('hex');
  const meta = word(P_META);
  return {
    src: address(P_SRC),
    dst: address(P_DST),
    protocol: word(P_PROTO_TOS_FLAGS) & 0xff,
    tos: (word(P_PROTO_TOS_FLAGS) >>> 8) & 0xff,
    flags: word(P_PROTO_TOS_FLAGS) >>> 16,
    srcPort: word(P_PORTS) & 0xffff,
    dstPort: word(P_PORTS) >>> 16,
    input: word(P_INPUT),
    octets: word(P_OCTETS),
    hash: word(P_HASH),
    version: meta & P_META_VERSION_MASK,
    fragment: (meta & P_META_FRAGMENT) !== 0,
    meta,
    timeUs: slot.doubles[(base + P_TIME) >> 1]!,
    nanos: meta >>> P_META_NANOS_SHIFT,
  };
}

/** Sums and sets as expected.json has them. */
export function summarize(packets: Packet[]) {
  const protocols: Record<string, number> = {};
  const tuples = new Set<string>();
  let octets = 0;
  for (const packet of packets) {
    protocols[packet.protocol] = (protocols[packet.protocol] ?? 0) + 1;
    tuples.add(`${packet.src} ${packet.dst} ${packet.protocol} ${packet.srcPort} ${packet.dstPort}`);
    octets += packet.octets;
  }
  const times = packets
    .map((packet) => BigInt(packet.timeUs) * 1000n + BigInt(packet.nanos))
    .sort((a, b) => Number(a - b));
  return { packets: packets.length, octets, tuples: tuples.size, protocols, firstNs: times[0], lastNs: times.at(-1) };
}

const require = createRequire(import.meta.url);
const loads = (name: string) => {
  try {
    require(name);
    return true;
  } catch {
    return false;
  }
};
export const havePcapPackage = loads('pcap');
export const haveCapPackage = loads('cap');
