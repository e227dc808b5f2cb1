#!/usr/bin/env node
// @ts-check
/**
 * Writes a pcap of N packets for benchmarks: `node test/bench/generate-packets.mjs N OUT [SEED]`.
 *
 * At any time some fifty thousand connections are open and the next packet belongs to one of them by chance, as on a
 * busy link: neighbours in the file are never neighbours in a flow table. One half of the packets belongs to short
 * connections (7 packets on average, every twelfth is never answered), the other half to a few hundred long ones. A tenth
 * is IPv6, 70 % is TCP with SYN, FIN and RST, the rest UDP. 10 M packets: 765 k connections, 1.4 M unidirectional flows,
 * 300 s, 68 octets of IP a packet. Checksums of TCP and UDP are left at zero, as in captures of hosts that offload them.
 */
import { fileURLToPath } from 'node:url';
import { Random } from '../../pcaps/random.mjs';
import { Output, writePcapHeader } from './output.mjs';

const START_SEC = 1_700_000_000;
const SHORT_SLOTS = 49_152;
const LONG_SLOTS = 512;
const SPREAD_US = 300_000_000;
/** Octets kept for each direction of a connection: Ethernet, IPv6 and TCP headers fit. */
const ROW = 80;
/** Name resolution is a small part: nfpcapd makes a record of every packet on port 53, which would be all it does here. */
const SHORT_UDP_PORTS = [53, 443, 443, 443, 443, 123, 4500, 3478, 5060, 6881];
const LONG_UDP_PORTS = [443, 443, 443, 4500, 3478];
const PAYLOAD = Buffer.alloc(256, 'weir measures a stream. ');

/**
 * Connections with a header for each direction, ready to copy.
 */
class Connections {
  /**
   * @param {number} slots
   * @param {Random} random
   * @param {() => number} drawPackets
   * @param {readonly number[]} udpPorts
   */
  constructor(slots, random, drawPackets, udpPorts) {
    this.slots = slots;
    this.udpPorts = udpPorts;
    this.random = random;
    this.drawPackets = drawPackets;
    this.headers = Buffer.alloc(slots * 2 * ROW);
    this.view = new DataView(this.headers.buffer, this.headers.byteOffset, this.headers.length);
    this.headerLength = new Uint8Array(slots);
    this.left = new Uint32Array(slots);
    this.sent = new Uint32Array(slots);
    this.answered = new Uint8Array(slots);
    /** One's complement sum of each IPv4 header without length and identification. */
    this.sums = new Uint32Array(slots * 2);
    this.opened = 0;
    for (let slot = 0; slot < slots; slot++) this.open(slot);
  }

  /** @param {number} slot */
  open(slot) {
    const { random, headers, view } = this;
    const number = this.opened++;
    const v6 = random.below(10) === 0;
    const isTcp = random.below(10) < 7;
    this.left[slot] = Math.max(1, this.drawPackets());
    this.sent[slot] = 0;
    this.answered[slot] = random.below(12) === 0 ? 0 : 1;
    const ip = 14;
    const l4 = ip + (v6 ? 40 : 20);
    this.headerLength[slot] = l4 + (isTcp ? 20 : 8);
    const client = random.below(1 << 16);
    // The server side is skewed: a few hosts have most connections.
    const server = random.heavyTailed(1, 60_000);
    const sport = 1024 + ((number * 40_503) % 64_000);
    const dport = isTcp ? random.pick([443, 443, 443, 80, 80, 22, 25, 993, 8080]) : random.pick(this.udpPorts);
    for (let direction = 0; direction < 2; direction++) {
      const at = (slot * 2 + direction) * ROW;
      headers.fill(0, at, at + ROW);
      headers[at] = 2;
      headers[at + 5] = 1 + direction;
      headers[at + 6] = 2;
      headers[at + 11] = 2 - direction;
      view.setUint16(at + 12, v6 ? 0x86dd : 0x0800);
      if (v6) {
        view.setUint32(at + ip, 0x6000_0000);
        headers[at + ip + 6] = isTcp ? 6 : 17;
        headers[at + ip + 7] = 64;
        const [src, dst] = direction === 0 ? [8, 24] : [24, 8];
        view.setUint32(at + ip + src, 0x2001_0db8);
        view.setUint32(at + ip + src + 4, 0x0001_0000 + (client & 0xff));
        view.setUint32(at + ip + src + 12, client);
        view.setUint32(at + ip + dst, 0x2001_0db8);
        view.setUint32(at + ip + dst + 4, 0x0002_0000);
        view.setUint32(at + ip + dst + 12, server);
      } else {
        headers[at + ip] = 0x45;
        headers[at + ip + 8] = 64;
        headers[at + ip + 9] = isTcp ? 6 : 17;
        const [src, dst] = direction === 0 ? [12, 16] : [16, 12];
        view.setUint32(at + ip + src, 0x0a00_0000 + client);
        view.setUint32(at + ip + dst, 0xc633_0000 + server);
        let sum = 0;
        for (let i = 0; i < 20; i += 2) sum += view.getUint16(at + ip + i);
        this.sums[slot * 2 + direction] = sum;
      }
      view.setUint16(at + l4, direction === 0 ? sport : dport);
      view.setUint16(at + l4 + 2, direction === 0 ? dport : sport);
      if (isTcp) {
        headers[at + l4 + 12] = 0x50;
        view.setUint16(at + l4 + 14, 64_240);
      }
    }
  }

  /**
   * Writes the next packet of the connection in `slot`; opens another one in its place after its last packet.
   * @param {number} slot
   * @param {number} us since the start
   * @param {Output} out
   */
  send(slot, us, out) {
    const { random, headers } = this;
    const sent = /** @type {number} */ (this.sent[slot]);
    const left = /** @type {number} */ (this.left[slot]);
    const direction = this.answered[slot] === 1 ? sent & 1 : 0;
    const headerLength = /** @type {number} */ (this.headerLength[slot]);
    const at = (slot * 2 + direction) * ROW;
    const v6 = headers[at + 12] === 0x86;
    const l4 = v6 ? 54 : 34;
    const isTcp = headerLength === l4 + 20;
    const payload = isTcp
      ? sent < 2 || left === 1 || (sent & 3) !== 3
        ? 0
        : 20 + random.below(200)
      : 8 + random.below(50);
    const length = headerLength + payload;

    out.reserve(16 + length);
    const { bytes, view } = out;
    let o = out.used;
    view.setUint32(o, START_SEC + Math.floor(us / 1_000_000), true);
    view.setUint32(o + 4, us % 1_000_000, true);
    view.setUint32(o + 8, length, true);
    view.setUint32(o + 12, length, true);
    o += 16;
    headers.copy(bytes, o, at, at + headerLength);
    if (payload > 0) PAYLOAD.copy(bytes, o + headerLength, 0, payload);
    if (v6) {
      view.setUint16(o + 18, length - 54);
    } else {
      const id = (slot + sent * 17) & 0xffff;
      view.setUint16(o + 16, length - 14);
      view.setUint16(o + 18, id);
      let sum = /** @type {number} */ (this.sums[slot * 2 + direction]) + length - 14 + id;
      sum = (sum & 0xffff) + (sum >>> 16);
      sum = (sum & 0xffff) + (sum >>> 16);
      view.setUint16(o + 24, ~sum & 0xffff);
    }
    if (isTcp) {
      view.setUint32(o + l4 + 4, (sent * 1448) >>> 0);
      bytes[o + l4 + 13] =
        sent === 0 ? 2 : sent === 1 && direction === 1 ? 18 : left <= 2 ? (slot % 16 === 0 ? 20 : 17) : 16;
    } else {
      view.setUint16(o + l4 + 4, length - l4);
    }
    out.used = o + length;

    this.sent[slot] = sent + 1;
    this.left[slot] = left - 1;
    if (left === 1) this.open(slot);
  }
}

/**
 * @param {number} packets
 * @param {string} path
 * @param {number} [seed]
 * @returns {{octets: number, connections: number}} size of the file and connections begun
 */
export function generatePackets(packets, path, seed = 1) {
  const random = new Random(seed);
  // Fewer connections at a time in a small file, so that it too has whole connections.
  const shortSlots = Math.min(SHORT_SLOTS, Math.max(16, Math.floor(packets / 100)));
  const longSlots = Math.min(LONG_SLOTS, Math.max(4, Math.floor(packets / 10_000)));
  const short = new Connections(shortSlots, random, () => random.heavyTailed(2, 90), SHORT_UDP_PORTS);
  const long = new Connections(longSlots, random, () => random.heavyTailed(500, 60_000), LONG_UDP_PORTS);
  const out = new Output(path);
  writePcapHeader(out);
  for (let i = 0; i < packets; i++) {
    const us = Math.floor((i / packets) * SPREAD_US);
    const pool = (random.next() & 1) === 0 ? short : long;
    pool.send(random.below(pool.slots), us, out);
  }
  return { octets: out.close(), connections: short.opened + long.opened };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [packets = '10000000', path, seed = '1'] = process.argv.slice(2);
  if (path === undefined) {
    console.error('usage: generate-packets.mjs PACKETS OUT [SEED]');
    process.exit(2);
  }
  const { octets, connections } = generatePackets(Number(packets), path, Number(seed));
  console.log(`${path}: ${packets} packets, ${connections} connections, ${octets} octets`);
}
