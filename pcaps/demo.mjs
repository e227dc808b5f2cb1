// @ts-check
/** A small office for two minutes: web, name resolution, mail, backups, monitoring and a port scan. */
import { address } from './frames.mjs';
import { Random } from './random.mjs';
import { byTime, dns, ping, tcpConversation, udpExchange } from './traffic.mjs';

/** @typedef {import('./traffic.mjs').Sent} Sent */

const DURATION_US = 120_000_000;
const RESOLVER = { v4: '192.0.2.2', v6: '2001:db8:1::2' };
const SCANNER = '203.0.113.66';

/** Hosts of the office: the last part of both of their addresses. */
const CLIENTS = [10, 11, 12, 14, 17, 21, 22, 23, 30, 31, 42, 57];

const SITES = [
  { name: 'www.example.com', v4: '198.51.100.10', v6: '2001:db8:a::10', port: 443 },
  { name: 'cdn.example.net', v4: '198.51.100.80', v6: '2001:db8:a::80', port: 443 },
  { name: 'video.example.org', v4: '203.0.113.25', v6: '2001:db8:b::25', port: 443 },
  { name: 'mail.example.com', v4: '198.51.100.25', v6: '2001:db8:a::25', port: 993 },
  { name: 'git.example.org', v4: '203.0.113.22', v6: '2001:db8:b::22', port: 22 },
  { name: 'intranet.example', v4: '192.0.2.80', v6: '2001:db8:1::80', port: 80 },
];

/** @returns {Sent[]} about three thousand packets by time */
export function demo() {
  const random = new Random(20240514);
  const sent = /** @type {Sent[]} */ ([]);
  let port = 49_152;
  for (let visit = 0; visit < 170; visit++) {
    const host = random.pick(CLIENTS);
    const site = random.pick(SITES);
    const v6 = random.below(4) === 0;
    const us = random.below(DURATION_US - 10_000_000);
    const rttUs = 4_000 + random.below(60_000);
    const client = v6 ? `2001:db8:1::${host}` : `192.0.2.${host}`;
    const server = v6 ? site.v6 : site.v4;
    const { query, response } = dns(site.name, address(server), random.below(65_536));
    const resolver = v6 ? RESOLVER.v6 : RESOLVER.v4;
    sent.push(
      ...udpExchange({ client, server: resolver, sport: port++, dport: 53, us, rttUs: 900, request: query, response }),
    );
    const exchanges = Array.from({ length: 1 + random.below(2) }, () => ({
      request: 100 + random.below(500),
      response: random.heavyTailed(500, site.name.startsWith('video') ? 90_000 : 30_000),
      pauseUs: random.below(400_000),
    }));
    const close = random.below(12) === 0 ? /** @type {const} */ ('rst') : /** @type {const} */ ('fin');
    sent.push(
      ...tcpConversation({ client, server, sport: port++, dport: site.port, us: us + 2_000, rttUs, exchanges, close }),
    );
  }
  // A nightly copy: most of the bytes, on one connection marked as bulk (CS1).
  const upload = Array.from({ length: 60 }, () => ({ request: 1448, response: 1448, pauseUs: 1_500_000 }));
  sent.push(
    ...tcpConversation({
      client: '192.0.2.12',
      server: '203.0.113.140',
      sport: 50_000,
      dport: 873,
      us: 1_000_000,
      rttUs: 12_000,
      tos: 0x20,
      exchanges: upload,
    }),
  );
  for (let scanned = 0; scanned < 60; scanned++) {
    const close = scanned % 3 === 0 ? /** @type {const} */ ('unanswered') : /** @type {const} */ ('refused');
    sent.push(
      ...tcpConversation({
        client: SCANNER,
        server: '192.0.2.80',
        sport: 61_000,
        dport: 1 + scanned * 17,
        us: 60_000_000 + scanned * 20_000,
        rttUs: 400,
        exchanges: [],
        close,
      }),
    );
  }
  for (const [i, host] of CLIENTS.entries()) {
    sent.push(
      ...udpExchange({
        client: `192.0.2.${host}`,
        server: '203.0.113.123',
        sport: 123,
        dport: 123,
        us: i * 7_000_000,
        rttUs: 21_000,
        tos: 0xb8,
        request: ntp(3),
        response: ntp(4),
      }),
    );
  }
  sent.push(
    ...ping({ client: '192.0.2.10', server: '198.51.100.10', us: 3_000_000, rttUs: 11_000, count: 20, id: 513 }),
  );
  sent.push(
    ...ping({ client: '2001:db8:1::10', server: '2001:db8:a::10', us: 4_000_000, rttUs: 13_000, count: 20, id: 514 }),
  );
  return byTime(sent);
}

/**
 * An NTP packet (RFC 5905), version 4.
 * @param {3 | 4} mode client or server
 */
function ntp(mode) {
  const packet = Buffer.alloc(48);
  packet[0] = (4 << 3) | mode;
  packet[1] = mode === 4 ? 2 : 0;
  packet[2] = 6;
  return packet;
}
