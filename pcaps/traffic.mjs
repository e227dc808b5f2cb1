// @ts-check
/** Conversations between two hosts, as lists of IP packets with times. */
import {
  ACK,
  FIN,
  icmp,
  ip,
  PROTO_ICMP,
  PROTO_ICMPV6,
  PROTO_TCP,
  PROTO_UDP,
  PSH,
  RST,
  SYN,
  tcp,
  udp,
} from './frames.mjs';

/**
 * @typedef {object} Sent
 * @property {number} us microseconds since the start of the capture
 * @property {Buffer} packet from the IP header on
 * @property {boolean} forward from the client to the server
 */

/**
 * Payload that is plainly made up: a short text over and over.
 * @param {number} length
 */
export function filler(length) {
  return Buffer.alloc(length, 'weir measures a stream. ');
}

/**
 * @typedef {object} TcpConversation
 * @property {string} client
 * @property {string} server
 * @property {number} sport
 * @property {number} dport
 * @property {number} us when the SYN leaves
 * @property {number} rttUs
 * @property {number} [tos]
 * @property {{request: number | Buffer, response: number, pauseUs?: number, retransmit?: boolean}[]} exchanges octets (or
 *   the payload itself) up and down; `pauseUs` before the request; `retransmit` sends the last segment down twice
 * @property {'fin' | 'rst' | 'open' | 'refused' | 'unanswered'} [close]
 */

/**
 * A TCP connection: handshake, requests and responses with acknowledgements, and its end.
 * @param {TcpConversation} o
 * @returns {Sent[]}
 */
export function tcpConversation(o) {
  const sent = /** @type {Sent[]} */ ([]);
  const close = o.close ?? 'fin';
  const half = Math.floor(o.rttUs / 2);
  const largest = o.client.includes(':') ? 1428 : 1448;
  let us = o.us;
  let ids = (o.sport * 7919) & 0xffff;
  const next = { forward: (o.sport * 65521) >>> 0, back: (o.dport * 99991 + o.sport) >>> 0 };

  const send = (
    /** @type {boolean} */ forward,
    /** @type {number} */ flags,
    /** @type {Buffer} */ payload = Buffer.alloc(0),
    again = false,
  ) => {
    const [src, dst] = forward ? [o.client, o.server] : [o.server, o.client];
    const [sport, dport] = forward ? [o.sport, o.dport] : [o.dport, o.sport];
    const mine = forward ? 'forward' : 'back';
    const seq = again ? next[mine] - payload.length : next[mine];
    const ack = flags & ACK ? next[forward ? 'back' : 'forward'] : 0;
    const segment = tcp({ src, dst, sport, dport, seq, ack, flags, syncOptions: (flags & SYN) !== 0 }, payload);
    ids = (ids + 1) & 0xffff;
    sent.push({
      us,
      forward,
      packet: ip({ src, dst, proto: PROTO_TCP, tos: o.tos ?? 0, id: ids, ttl: forward ? 64 : 57 }, segment),
    });
    if (!again) next[mine] = (next[mine] + payload.length + (flags & (SYN | FIN) ? 1 : 0)) >>> 0;
  };

  send(true, SYN);
  if (close === 'unanswered') {
    us += 1_000_000;
    next.forward -= 1;
    send(true, SYN);
    return sent;
  }
  us += half;
  if (close === 'refused') {
    send(false, RST | ACK);
    return sent;
  }
  send(false, SYN | ACK);
  us += half;
  send(true, ACK);
  for (const { request, response, pauseUs = 300, retransmit = false } of o.exchanges) {
    us += pauseUs;
    send(true, PSH | ACK, typeof request === 'number' ? filler(request) : request);
    us += half;
    for (let left = response, i = 1; left > 0; i++) {
      const octets = Math.min(left, largest);
      left -= octets;
      const payload = filler(octets);
      send(false, left === 0 ? PSH | ACK : ACK, payload);
      if (retransmit && left === 0) {
        us += 200_000;
        send(false, PSH | ACK, payload, true);
      }
      us += 40;
      if (i % 2 === 0 || left === 0) send(true, ACK);
      us += 80;
    }
    us += half;
  }
  if (close === 'rst') send(true, RST | ACK);
  if (close === 'fin') {
    send(true, FIN | ACK);
    us += half;
    send(false, FIN | ACK);
    us += half;
    send(true, ACK);
  }
  return sent;
}

/**
 * A question and its answer over UDP.
 * @param {{client: string, server: string, sport: number, dport: number, us: number, rttUs: number, tos?: number,
 *   request: Buffer, response?: Buffer}} o
 * @returns {Sent[]}
 */
export function udpExchange(o) {
  const sent = [{ us: o.us, forward: true, packet: datagram(true, o.request) }];
  if (o.response) sent.push({ us: o.us + o.rttUs, forward: false, packet: datagram(false, o.response) });
  return sent;

  /**
   * @param {boolean} forward
   * @param {Buffer} payload
   */
  function datagram(forward, payload) {
    const [src, dst] = forward ? [o.client, o.server] : [o.server, o.client];
    const [sport, dport] = forward ? [o.sport, o.dport] : [o.dport, o.sport];
    const id = (o.sport * 31 + (forward ? 0 : 1)) & 0xffff;
    return ip(
      { src, dst, proto: PROTO_UDP, tos: o.tos ?? 0, id, ttl: forward ? 64 : 57 },
      udp({ src, dst, sport, dport }, payload),
    );
  }
}

/**
 * Echo requests and replies, one a second.
 * @param {{client: string, server: string, us: number, rttUs: number, count: number, id: number}} o
 * @returns {Sent[]}
 */
export function ping(o) {
  const v6 = o.client.includes(':');
  const proto = v6 ? PROTO_ICMPV6 : PROTO_ICMP;
  const sent = /** @type {Sent[]} */ ([]);
  for (let i = 0; i < o.count; i++) {
    const rest = o.id * 65536 + i + 1;
    for (const forward of [true, false]) {
      const [src, dst] = forward ? [o.client, o.server] : [o.server, o.client];
      const type = v6 ? (forward ? 128 : 129) : forward ? 8 : 0;
      const packet = ip({ src, dst, proto, id: o.id + i }, icmp({ src, dst, type, code: 0, rest }, filler(56)));
      sent.push({ us: o.us + i * 1_000_000 + (forward ? 0 : o.rttUs), forward, packet });
    }
  }
  return sent;
}

/**
 * A DNS question (RFC 1035) and its answer with one address.
 * @param {string} name
 * @param {Buffer} answer 4 or 16 octets
 * @param {number} id
 */
export function dns(name, answer, id) {
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label)]);
  const type = answer.length === 4 ? 1 : 28;
  const question = Buffer.from([...labels, 0, 0, type, 0, 1]);
  const header = (/** @type {number} */ flags, /** @type {number} */ answers) =>
    Buffer.from([id >> 8, id & 0xff, flags >> 8, flags & 0xff, 0, 1, 0, answers, 0, 0, 0, 0]);
  const record = Buffer.from([0xc0, 0x0c, 0, type, 0, 1, 0, 0, 1, 0x2c, 0, answer.length, ...answer]);
  return {
    query: Buffer.concat([header(0x0100, 0), question]),
    response: Buffer.concat([header(0x8180, 1), question, record]),
  };
}

/**
 * By time; packets of one instant keep the order in which they were made.
 * @template {{us: number}} T
 * @param {T[]} sent
 */
export function byTime(sent) {
  return sent.sort((a, b) => a.us - b.us);
}
