// @ts-check
/** The captures, each a function that gives the bytes of the file. What each is for stands in `README.md` beside it. */
import {
  LINK_COOKED,
  LINK_COOKED2,
  LINK_ETHERNET,
  LINK_LOOP,
  LINK_NULL,
  LINK_RAW,
  pcap,
  pcapng,
} from './capture-file.mjs';
import { demo } from './demo.mjs';
import {
  arp,
  ethernet,
  etherTypeOf,
  icmp,
  ip,
  PROTO_ICMP,
  PROTO_ICMPV6,
  PROTO_SCTP,
  PROTO_UDP,
  sctp,
  udp,
} from './frames.mjs';
import { byTime, filler, ping, tcpConversation, udpExchange } from './traffic.mjs';
import { tunnelled } from './tunnels.mjs';

/** @typedef {import('./traffic.mjs').Sent} Sent */

/** 2024-05-14 09:00:00 UTC: the start of every capture. */
export const START_SEC = 1_715_677_200;
export const CLIENT_MAC = '02:00:5e:10:00:01';
export const ROUTER_MAC = '02:00:5e:10:00:fe';
const NO_MAC = '00:00:00:00:00:00';
const BROADCAST = 'ff:ff:ff:ff:ff:ff';

/**
 * Packets with the time that the file formats want. The nanoseconds below a microsecond are a fixed pattern.
 * @param {{us: number, bytes: Buffer, interfaceId?: number}[]} frames
 */
export function timed(frames) {
  return frames.map(({ us, bytes, interfaceId = 0 }, i) => ({
    sec: START_SEC + Math.floor(us / 1_000_000),
    nsec: (us % 1_000_000) * 1000 + ((i * 37) % 1000),
    bytes,
    interfaceId,
  }));
}

/**
 * @param {Sent} sent
 * @param {{tpid: number, vlan: number}[]} [tags]
 */
export function framed({ us, packet, forward }, tags) {
  const [src, dst] = forward ? [CLIENT_MAC, ROUTER_MAC] : [ROUTER_MAC, CLIENT_MAC];
  return { us, bytes: ethernet({ src, dst, type: etherTypeOf(packet), ...(tags && { tags }) }, packet) };
}

/** @returns {Sent[]} connections that end in every way, pauses around both timeouts, both families */
function connections() {
  const v4 = { client: '192.0.2.10', server: '198.51.100.20', rttUs: 20_000 };
  const v6 = { client: '2001:db8:1::10', server: '2001:db8:2::20', rttUs: 30_000 };
  const small = { request: 120, response: 900 };
  return byTime([
    ...tcpConversation({ ...v4, sport: 40001, dport: 80, us: 0, exchanges: [{ request: 200, response: 9000 }] }),
    ...tcpConversation({ ...v4, sport: 40002, dport: 80, us: 500_000, exchanges: [small], close: 'rst' }),
    ...tcpConversation({ ...v4, sport: 40003, dport: 80, us: 600_000, exchanges: [], close: 'refused' }),
    ...tcpConversation({ ...v4, sport: 40004, dport: 80, us: 700_000, exchanges: [], close: 'unanswered' }),
    ...tcpConversation({ ...v4, sport: 40005, dport: 443, us: 800_000, exchanges: [{ ...small, retransmit: true }] }),
    // The ports of a connection that ended two seconds ago, used again: its SYN must cut the lingering flow.
    ...tcpConversation({ ...v4, sport: 40001, dport: 80, us: 2_500_000, exchanges: [small] }),
    // And once more long after the linger.
    ...tcpConversation({ ...v4, sport: 40001, dport: 80, us: 20_000_000, exchanges: [small] }),
    // Pauses below, at and above an inactive timeout of 60 s.
    ...tcpConversation({
      ...v4,
      sport: 40006,
      dport: 22,
      us: 1_000_000,
      tos: 0x10,
      exchanges: [small, { ...small, pauseUs: 59_000_000 }, { ...small, pauseUs: 61_000_000 }],
    }),
    // Longer than an active timeout of 300 s without ever being idle.
    ...tcpConversation({
      ...v4,
      sport: 40007,
      dport: 22,
      us: 1_500_000,
      exchanges: Array.from({ length: 18 }, () => ({ ...small, pauseUs: 20_000_000 })),
      close: 'open',
    }),
    ...tcpConversation({ ...v6, sport: 50001, dport: 443, us: 100_000, exchanges: [{ request: 300, response: 6000 }] }),
    ...tcpConversation({ ...v6, sport: 50002, dport: 443, us: 200_000, exchanges: [small], close: 'rst', tos: 0xb8 }),
  ]);
}

/** @returns {Sent[]} a few packets of each family */
function few() {
  const v4 = { client: '192.0.2.11', server: '198.51.100.21', rttUs: 10_000 };
  const v6 = { client: '2001:db8:1::11', server: '2001:db8:2::21', rttUs: 10_000 };
  return byTime([
    ...tcpConversation({ ...v4, sport: 41000, dport: 8080, us: 0, exchanges: [{ request: 50, response: 100 }] }),
    ...udpExchange({ ...v6, sport: 51000, dport: 7, us: 5_000, request: filler(64), response: filler(64) }),
    ...ping({ ...v4, us: 7_000, count: 2, id: 77 }),
    ...ping({ ...v6, us: 8_000, count: 2, id: 78 }),
  ]);
}

/** Tags, ARP, LLDP and padding. */
function links() {
  const tag = (/** @type {number} */ vlan, tpid = 0x8100) => ({ tpid, vlan });
  const stacks = [[tag(10)], [tag(20)], [tag(100, 0x88a8), tag(10)], [tag(200), tag(20)], [tag(0x6000)]];
  const frames = stacks.flatMap((tags, i) => {
    const client = `192.0.2.${30 + i}`;
    return [
      ...udpExchange({
        client,
        server: '198.51.100.53',
        sport: 42000,
        dport: 7,
        us: i * 1000,
        rttUs: 400,
        request: Buffer.from('x'),
        response: filler(40),
      }),
      ...ping({ client, server: '198.51.100.53', us: i * 1000 + 50, rttUs: 300, count: 1, id: i }),
    ].map((sent) => framed(sent, tags));
  });
  const question = arp({
    operation: 1,
    senderMac: CLIENT_MAC,
    sender: '192.0.2.30',
    targetMac: NO_MAC,
    target: '192.0.2.1',
  });
  const reply = arp({
    operation: 2,
    senderMac: ROUTER_MAC,
    sender: '192.0.2.1',
    targetMac: CLIENT_MAC,
    target: '192.0.2.30',
  });
  const lldp = Buffer.from('0207040200 5e1000fe 0403076569 06020078 0000'.replaceAll(' ', ''), 'hex');
  return byTime([
    ...frames,
    { us: 10, bytes: ethernet({ src: CLIENT_MAC, dst: BROADCAST, type: 0x0806 }, question) },
    { us: 200, bytes: ethernet({ src: ROUTER_MAC, dst: CLIENT_MAC, type: 0x0806, tags: [tag(10)] }, reply) },
    { us: 900, bytes: ethernet({ src: ROUTER_MAC, dst: '01:80:c2:00:00:0e', type: 0x88cc }, lldp) },
  ]);
}

/** Datagrams in pieces: in order, last piece first, one piece missing, and two with the same identification at once. */
function fragments() {
  const v4 = (
    /** @type {number} */ id,
    /** @type {string} */ src,
    /** @type {number} */ proto,
    /** @type {Buffer} */ payload,
  ) =>
    cut(payload, 1480).map(({ offset, more, part }) =>
      ip({ src, dst: '198.51.100.30', proto, id, offset, more }, part),
    );
  const v6 = (
    /** @type {number} */ id,
    /** @type {string} */ src,
    /** @type {number} */ proto,
    /** @type {Buffer} */ payload,
  ) =>
    cut(payload, 1448).map(({ offset, more, part }) => {
      const bytes = Buffer.alloc(8);
      bytes.writeUInt16BE(offset | (more ? 1 : 0), 2);
      bytes.writeUInt32BE(id, 4);
      return ip({ src, dst: '2001:db8:2::30', proto, extensions: [{ type: 44, bytes }] }, part);
    });
  const big4 = (/** @type {string} */ src, /** @type {number} */ sport) =>
    udp({ src, dst: '198.51.100.30', sport, dport: 2049 }, filler(4000));
  const big6 = (/** @type {string} */ src, /** @type {number} */ sport) =>
    udp({ src, dst: '2001:db8:2::30', sport, dport: 2049 }, filler(4000));
  const echo4 = icmp({ src: '192.0.2.43', dst: '198.51.100.30', type: 8, code: 0, rest: 0x0001_0001 }, filler(3000));
  const echo6 = icmp(
    { src: '2001:db8:1::43', dst: '2001:db8:2::30', type: 128, code: 0, rest: 0x0001_0001 },
    filler(3000),
  );
  const packets = [
    ...v4(1, '192.0.2.40', PROTO_UDP, big4('192.0.2.40', 900)),
    ...v4(2, '192.0.2.41', PROTO_UDP, big4('192.0.2.41', 901)).reverse(),
    ...v4(3, '192.0.2.42', PROTO_UDP, big4('192.0.2.42', 902)).filter((_, i) => i !== 1),
    ...v4(4, '192.0.2.43', PROTO_ICMP, echo4),
    ...interleave(
      v4(1, '192.0.2.44', PROTO_UDP, big4('192.0.2.44', 903)),
      v4(1, '192.0.2.45', PROTO_UDP, big4('192.0.2.45', 904)),
    ),
    ...v6(1, '2001:db8:1::40', PROTO_UDP, big6('2001:db8:1::40', 900)),
    ...v6(2, '2001:db8:1::41', PROTO_UDP, big6('2001:db8:1::41', 901)).reverse(),
    ...v6(4, '2001:db8:1::43', PROTO_ICMPV6, echo6),
    // An atomic fragment (RFC 6946): a fragment header, yet the whole datagram.
    ...v6(
      5,
      '2001:db8:1::46',
      PROTO_UDP,
      udp({ src: '2001:db8:1::46', dst: '2001:db8:2::30', sport: 905, dport: 2049 }, filler(100)),
    ),
  ];
  return packets.map((packet, i) => framed({ us: i * 1000, packet, forward: true }));
}

/**
 * @param {Buffer} payload
 * @param {number} size a multiple of 8
 */
function cut(payload, size) {
  const count = Math.ceil(payload.length / size);
  return Array.from({ length: count }, (_, i) => ({
    offset: i * size,
    more: i + 1 < count,
    part: payload.subarray(i * size, (i + 1) * size),
  }));
}

/**
 * @template T
 * @param {T[]} a
 * @param {T[]} b of the same length
 */
function interleave(a, b) {
  return a.flatMap((item, i) => [item, /** @type {T} */ (b[i])]);
}

/** ICMP errors, SCTP, protocols without ports, IPv4 options, IPv6 extension headers. */
function protocols() {
  const [a, b] = ['192.0.2.50', '198.51.100.40'];
  const [a6, b6] = ['2001:db8:1::50', '2001:db8:2::40'];
  const original = ip(
    { src: a, dst: b, proto: PROTO_UDP, id: 9 },
    udp({ src: a, dst: b, sport: 33434, dport: 33435 }, filler(20)),
  );
  const original6 = ip(
    { src: a6, dst: b6, proto: PROTO_UDP },
    udp({ src: a6, dst: b6, sport: 33434, dport: 33435 }, filler(20)),
  );
  const error = (/** @type {number} */ type, /** @type {number} */ code) =>
    ip({ src: b, dst: a, proto: PROTO_ICMP }, icmp({ src: b, dst: a, type, code }, original));
  const error6 = (/** @type {number} */ type, /** @type {number} */ code) =>
    ip({ src: b6, dst: a6, proto: PROTO_ICMPV6 }, icmp({ src: b6, dst: a6, type, code }, original6));
  const solicitation = Buffer.concat([
    Buffer.from('20010db8000200000000000000000040', 'hex'),
    Buffer.from('010102005e100001', 'hex'),
  ]);
  const init = Buffer.from('000000010000ffff000a000a00000001', 'hex');
  const hopByHop = { type: 0, bytes: Buffer.from([0, 0, 1, 4, 0, 0, 0, 0]) };
  const destination = { type: 60, bytes: Buffer.from([0, 0, 1, 4, 0, 0, 0, 0]) };
  const datagram6 = udp({ src: a6, dst: b6, sport: 3000, dport: 7 }, filler(32));
  const datagram4 = udp({ src: a, dst: b, sport: 3000, dport: 7 }, filler(32));
  const igmp = Buffer.from('160008fde0000102', 'hex');
  const packets = [
    original,
    error(3, 3),
    error(11, 0),
    original6,
    error6(1, 4),
    error6(3, 0),
    ip(
      { src: a6, dst: b6, proto: PROTO_ICMPV6, ttl: 255 },
      icmp({ src: a6, dst: b6, type: 135, code: 0 }, solicitation),
    ),
    ip({ src: a, dst: b, proto: PROTO_SCTP }, sctp({ sport: 36412, dport: 2905, tag: 0, chunk: 1 }, init)),
    ip({ src: b, dst: a, proto: PROTO_SCTP }, sctp({ sport: 2905, dport: 36412, tag: 1, chunk: 14 }, Buffer.alloc(0))),
    ip({ src: a6, dst: b6, proto: PROTO_SCTP }, sctp({ sport: 36412, dport: 2905, tag: 0, chunk: 1 }, init)),
    ip({ src: a, dst: '224.0.1.2', proto: 2, ttl: 1, ipOptions: Buffer.from([0x94, 4, 0, 0]) }, igmp),
    ip({ src: a, dst: b, proto: 253 }, filler(30)),
    ip({ src: a6, dst: b6, proto: 59 }, Buffer.alloc(0)),
    ip({ src: a, dst: b, proto: PROTO_UDP, ipOptions: Buffer.alloc(8, 1), tos: 0x2e }, datagram4),
    ip({ src: a6, dst: b6, proto: PROTO_UDP, extensions: [hopByHop], tos: 0x2e }, datagram6),
    ip({ src: a6, dst: b6, proto: PROTO_UDP, extensions: [hopByHop, destination] }, datagram6),
  ];
  return packets.map((packet, i) => framed({ us: i * 1000, packet, forward: true }));
}

/**
 * Behind a Linux cooked header, version 1 or 2.
 * @param {Sent} sent
 * @param {1 | 2} version
 */
function cooked({ us, packet, forward }, version) {
  const type = etherTypeOf(packet);
  const direction = forward ? 4 : 0;
  const mac = [2, 0, 0x5e, 0x10, 0, forward ? 1 : 0xfe];
  const header =
    version === 1
      ? [0, direction, 0, 1, 0, 6, ...mac, 0, 0, type >> 8, type & 0xff]
      : [type >> 8, type & 0xff, 0, 0, 0, 0, 0, 2, 0, 1, direction, 6, ...mac, 0, 0];
  return { us, bytes: Buffer.concat([Buffer.from(header), packet]) };
}

/**
 * Behind the address family of BSD's loopback: in the byte order of the machine (null) or of the network (loop).
 * @param {Sent} sent
 * @param {boolean} networkOrder
 */
function loopback({ us, packet }, networkOrder) {
  const family = etherTypeOf(packet) === 0x86dd ? 30 : 2;
  const header = networkOrder ? [0, 0, 0, family] : [family, 0, 0, 0];
  return { us, bytes: Buffer.concat([Buffer.from(header), packet]) };
}

const raw = (/** @type {Sent} */ { us, packet }) => ({ us, bytes: packet });

function twoInterfaces() {
  const ether = few().map((sent) => ({ ...framed(sent), interfaceId: 0 }));
  const tunnel = few().map((sent) => ({ us: sent.us + 3, bytes: sent.packet, interfaceId: 1 }));
  return pcapng(timed(byTime([...ether, ...tunnel])), [
    { linkType: LINK_ETHERNET, name: 'eth0', nanoseconds: false },
    { linkType: LINK_RAW, name: 'tun0', nanoseconds: true },
  ]);
}

const short = () => few().filter(({ packet }) => packet.length < 105);
const tcpFrames = () => timed(connections().map((sent) => framed(sent)));
const fewFrames = () => timed(few().map((sent) => framed(sent)));
const behind = (/** @type {(sent: Sent) => {us: number, bytes: Buffer}} */ wrap) => timed(few().map(wrap));

/** @type {Record<string, () => Buffer>} file name to content */
export const captures = {
  'demo.pcap': () => pcap(timed(demo().map((sent) => framed(sent))), { snapLength: 74 }),
  'tcp.pcap': () => pcap(tcpFrames()),
  'tcp-snap60.pcap': () => pcap(tcpFrames(), { snapLength: 60 }),
  'tcp-snap40.pcap': () => pcap(tcpFrames(), { snapLength: 40 }),
  'links.pcap': () => pcap(timed(links())),
  'fragments.pcap': () => pcap(timed(fragments())),
  'protocols.pcap': () => pcap(timed(protocols())),
  'tunnels.pcap': () =>
    pcap(
      timed(
        short()
          .flatMap(tunnelled)
          .map((sent) => framed(sent)),
      ),
    ),
  'nanoseconds.pcap': () => pcap(fewFrames(), { nanoseconds: true }),
  'big-endian.pcap': () => pcap(fewFrames(), { bigEndian: true }),
  'big-endian-nanoseconds.pcap': () => pcap(fewFrames(), { bigEndian: true, nanoseconds: true }),
  'two-interfaces.pcapng': twoInterfaces,
  'raw-ip.pcap': () => pcap(behind(raw), { linkType: LINK_RAW }),
  'cooked.pcap': () =>
    pcap(
      behind((sent) => cooked(sent, 1)),
      { linkType: LINK_COOKED },
    ),
  'cooked2.pcap': () =>
    pcap(
      behind((sent) => cooked(sent, 2)),
      { linkType: LINK_COOKED2 },
    ),
  'null.pcap': () =>
    pcap(
      behind((sent) => loopback(sent, false)),
      { linkType: LINK_NULL },
    ),
  'loop.pcap': () =>
    pcap(
      behind((sent) => loopback(sent, true)),
      { linkType: LINK_LOOP },
    ),
};
