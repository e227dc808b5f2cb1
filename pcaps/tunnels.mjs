// @ts-check
/** Tunnels of every kind around a packet. */
import { ethernet, etherTypeOf, ip, PROTO_UDP, udp } from './frames.mjs';

/** @typedef {import('./traffic.mjs').Sent} Sent */

const PROTO_IPIP = 4;
const PROTO_IPV6 = 41;
const PROTO_GRE = 47;
const [ENTRY4, EXIT4] = ['192.0.2.200', '198.51.100.200'];
const [ENTRY6, EXIT6] = ['2001:db8:1::200', '2001:db8:2::200'];
const [INNER_CLIENT, INNER_SERVER] = ['02:00:5e:10:01:01', '02:00:5e:10:01:02'];
const BRIDGED = 0x6558;
const ERSPAN_2 = 0x88be;

/** @param {Sent} sent */
function frame({ packet, forward }) {
  const [src, dst] = forward ? [INNER_CLIENT, INNER_SERVER] : [INNER_SERVER, INNER_CLIENT];
  return ethernet({ src, dst, type: etherTypeOf(packet) }, packet);
}

/**
 * @param {number} flags
 * @param {number} protocol
 * @param {number[]} words optional fields
 * @param {Buffer} payload
 */
function gre(flags, protocol, words, payload) {
  const header = Buffer.alloc(4 + words.length * 4);
  header.writeUInt16BE(flags, 0);
  header.writeUInt16BE(protocol, 2);
  for (const [i, word] of words.entries()) header.writeUInt32BE(word, 4 + i * 4);
  return Buffer.concat([header, payload]);
}

/**
 * The packet in each kind of tunnel, one after another, all with the packet's own times.
 * @param {Sent} sent
 * @returns {Sent[]}
 */
export function tunnelled(sent) {
  const { us, packet, forward } = sent;
  const [src4, dst4] = forward ? [ENTRY4, EXIT4] : [EXIT4, ENTRY4];
  const [src6, dst6] = forward ? [ENTRY6, EXIT6] : [EXIT6, ENTRY6];
  const over4 = (/** @type {number} */ proto, /** @type {Buffer} */ payload) =>
    ip({ src: src4, dst: dst4, proto }, payload);
  const over6 = (/** @type {number} */ proto, /** @type {Buffer} */ payload) =>
    ip({ src: src6, dst: dst6, proto }, payload);
  const overUdp = (/** @type {number} */ dport, /** @type {number[]} */ header, /** @type {Buffer} */ payload) =>
    over4(
      PROTO_UDP,
      udp({ src: src4, dst: dst4, sport: 49_152, dport }, Buffer.concat([Buffer.from(header), payload])),
    );
  const direct = etherTypeOf(packet) === 0x86dd ? PROTO_IPV6 : PROTO_IPIP;
  const type = etherTypeOf(packet);
  const gtpLength = [packet.length >> 8, packet.length & 0xff];
  return [
    over4(direct, packet),
    over6(direct, packet),
    over4(PROTO_GRE, gre(0, type, [], packet)),
    over6(PROTO_GRE, gre(0x3000, type, [7, us], packet)),
    over4(PROTO_GRE, gre(0x2000, BRIDGED, [0x100], frame(sent))),
    over4(PROTO_GRE, gre(0x1000, ERSPAN_2, [us], Buffer.concat([Buffer.from('1009000100000000', 'hex'), frame(sent)]))),
    overUdp(4789, [8, 0, 0, 0, 0, 0, 100, 0], frame(sent)),
    overUdp(6081, [1, 0, BRIDGED >> 8, BRIDGED & 0xff, 0, 0, 100, 0, 1, 2, 0, 0], frame(sent)),
    overUdp(2152, [0x30, 255, ...gtpLength, 0, 0, 0, 9], packet),
    // One in another.
    over6(PROTO_IPIP, over4(PROTO_GRE, gre(0, type, [], packet))),
  ].map((outer) => ({ us, packet: outer, forward }));
}
