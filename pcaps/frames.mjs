// @ts-check
/** Builders of Ethernet, IP and transport headers, byte by byte, with right lengths and checksums. */

export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_IPV6 = 0x86dd;
export const PROTO_ICMP = 1;
export const PROTO_TCP = 6;
export const PROTO_UDP = 17;
export const PROTO_ICMPV6 = 58;
export const PROTO_SCTP = 132;
export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const PSH = 8;
export const ACK = 16;

/**
 * IPv4 or IPv6 text to 4 or 16 bytes.
 * @param {string} text
 */
export function address(text) {
  if (!text.includes(':')) return Buffer.from(text.split('.').map(Number));
  const [left = '', right] = text.split('::');
  const head = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const groups = right === undefined ? head : [...head, ...Array(8 - head.length - tail.length).fill('0'), ...tail];
  const bytes = Buffer.alloc(16);
  for (const [i, group] of groups.entries()) bytes.writeUInt16BE(Number.parseInt(group, 16), i * 2);
  return bytes;
}

/**
 * Internet checksum (RFC 1071).
 * @param {Buffer[]} parts each of even length but the last
 */
export function checksum(...parts) {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i + 1 < part.length; i += 2) sum += part.readUInt16BE(i);
    if (part.length % 2 === 1) sum += /** @type {number} */ (part[part.length - 1]) << 8;
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/**
 * @typedef {object} IpOptions
 * @property {string} src
 * @property {string} dst
 * @property {number} proto
 * @property {number} [tos] type of service or traffic class
 * @property {number} [ttl]
 * @property {number} [id] IPv4 identification
 * @property {boolean} [more] IPv4 more-fragments flag
 * @property {number} [offset] IPv4 fragment offset in octets
 * @property {Buffer} [ipOptions] IPv4 options, a multiple of 4 octets
 * @property {{type: number, bytes: Buffer}[]} [extensions] IPv6 extension headers, their first octet is filled in here
 */

/**
 * An IPv4 or IPv6 packet around `payload`, family by the look of the source address.
 * @param {IpOptions} o
 * @param {Buffer} payload
 */
export function ip(o, payload) {
  return o.src.includes(':') ? ipv6(o, payload) : ipv4(o, payload);
}

/**
 * @param {IpOptions} o
 * @param {Buffer} payload
 */
function ipv4(o, payload) {
  const options = o.ipOptions ?? Buffer.alloc(0);
  const header = Buffer.alloc(20);
  header[0] = 0x40 | ((20 + options.length) / 4);
  header[1] = o.tos ?? 0;
  header.writeUInt16BE(20 + options.length + payload.length, 2);
  header.writeUInt16BE(o.id ?? 0, 4);
  header.writeUInt16BE((o.more ? 0x2000 : 0) | ((o.offset ?? 0) / 8), 6);
  header[8] = o.ttl ?? 64;
  header[9] = o.proto;
  address(o.src).copy(header, 12);
  address(o.dst).copy(header, 16);
  header.writeUInt16BE(checksum(header, options), 10);
  return Buffer.concat([header, options, payload]);
}

/**
 * @param {IpOptions} o
 * @param {Buffer} payload
 */
function ipv6(o, payload) {
  const extensions = o.extensions ?? [];
  const types = [...extensions.map((extension) => extension.type), o.proto];
  const bodies = extensions.map((extension, i) => {
    const bytes = Buffer.from(extension.bytes);
    bytes[0] = /** @type {number} */ (types[i + 1]);
    return bytes;
  });
  const body = Buffer.concat([...bodies, payload]);
  const header = Buffer.alloc(40);
  header.writeUInt32BE((6 * 0x1000_0000 + (o.tos ?? 0) * 0x10_0000) >>> 0, 0);
  header.writeUInt16BE(body.length, 4);
  header[6] = /** @type {number} */ (types[0]);
  header[7] = o.ttl ?? 64;
  address(o.src).copy(header, 8);
  address(o.dst).copy(header, 24);
  return Buffer.concat([header, body]);
}

/**
 * Checksum over the pseudo header, for TCP, UDP and ICMPv6.
 * @param {string} src
 * @param {string} dst
 * @param {number} proto
 * @param {Buffer} segment
 */
function pseudoChecksum(src, dst, proto, segment) {
  const tail = Buffer.from([0, proto, segment.length >> 8, segment.length & 0xff]);
  return checksum(address(src), address(dst), tail, segment);
}

/**
 * @typedef {object} TcpOptions
 * @property {string} src
 * @property {string} dst
 * @property {number} sport
 * @property {number} dport
 * @property {number} seq
 * @property {number} ack
 * @property {number} flags
 * @property {boolean} [syncOptions] maximum segment size, as in a SYN
 */

/**
 * @param {TcpOptions} o
 * @param {Buffer} payload
 */
export function tcp(o, payload) {
  const options = o.syncOptions ? Buffer.from([2, 4, 0x05, 0xb4]) : Buffer.alloc(0);
  const header = Buffer.alloc(20);
  header.writeUInt16BE(o.sport, 0);
  header.writeUInt16BE(o.dport, 2);
  header.writeUInt32BE(o.seq >>> 0, 4);
  header.writeUInt32BE(o.ack >>> 0, 8);
  header[12] = ((20 + options.length) / 4) << 4;
  header[13] = o.flags;
  header.writeUInt16BE(64240, 14);
  const segment = Buffer.concat([header, options, payload]);
  segment.writeUInt16BE(pseudoChecksum(o.src, o.dst, PROTO_TCP, segment), 16);
  return segment;
}

/**
 * @param {{src: string, dst: string, sport: number, dport: number}} o
 * @param {Buffer} payload
 */
export function udp(o, payload) {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(o.sport, 0);
  header.writeUInt16BE(o.dport, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  const datagram = Buffer.concat([header, payload]);
  datagram.writeUInt16BE(pseudoChecksum(o.src, o.dst, PROTO_UDP, datagram) || 0xffff, 6);
  return datagram;
}

/**
 * ICMP, or ICMPv6 when the addresses are.
 * @param {{src: string, dst: string, type: number, code: number, rest?: number}} o
 * @param {Buffer} payload
 */
export function icmp(o, payload) {
  const header = Buffer.alloc(8);
  header[0] = o.type;
  header[1] = o.code;
  header.writeUInt32BE((o.rest ?? 0) >>> 0, 4);
  const message = Buffer.concat([header, payload]);
  const sum = o.src.includes(':') ? pseudoChecksum(o.src, o.dst, PROTO_ICMPV6, message) : checksum(message);
  message.writeUInt16BE(sum, 2);
  return message;
}

/**
 * An SCTP packet of one chunk, with its CRC-32c.
 * @param {{sport: number, dport: number, tag: number, chunk: number, flags?: number}} o
 * @param {Buffer} body of the chunk
 */
export function sctp(o, body) {
  const packet = Buffer.alloc(16 + body.length + ((4 - (body.length % 4)) % 4));
  packet.writeUInt16BE(o.sport, 0);
  packet.writeUInt16BE(o.dport, 2);
  packet.writeUInt32BE(o.tag >>> 0, 4);
  packet[12] = o.chunk;
  packet[13] = o.flags ?? 0;
  packet.writeUInt16BE(4 + body.length, 14);
  body.copy(packet, 16);
  packet.writeUInt32LE(crc32c(packet), 8);
  return packet;
}

/** @param {Buffer} bytes */
function crc32c(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/**
 * An Ethernet frame, padded to the 60 octets that reach a capture.
 * @param {{src: string, dst: string, type: number, tags?: {tpid: number, vlan: number}[]}} o MACs as aa:bb:cc:dd:ee:ff
 * @param {Buffer} payload
 */
export function ethernet(o, payload) {
  const tags = (o.tags ?? []).flatMap(({ tpid, vlan }) => [tpid >> 8, tpid & 0xff, vlan >> 8, vlan & 0xff]);
  const frame = Buffer.concat([mac(o.dst), mac(o.src), Buffer.from([...tags, o.type >> 8, o.type & 0xff]), payload]);
  return frame.length >= 60 ? frame : Buffer.concat([frame, Buffer.alloc(60 - frame.length)]);
}

/**
 * The ethertype of an IP packet, by its version.
 * @param {Buffer} packet
 */
export function etherTypeOf(packet) {
  return /** @type {number} */ (packet[0]) >> 4 === 6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4;
}

/**
 * An ARP request (1) or reply (2) for IPv4 over Ethernet.
 * @param {{operation: 1 | 2, senderMac: string, sender: string, targetMac: string, target: string}} o
 */
export function arp(o) {
  return Buffer.concat([
    Buffer.from([0, 1, 8, 0, 6, 4, 0, o.operation]),
    mac(o.senderMac),
    address(o.sender),
    mac(o.targetMac),
    address(o.target),
  ]);
}

/** @param {string} text */
function mac(text) {
  return Buffer.from(text.replaceAll(':', ''), 'hex');
}
