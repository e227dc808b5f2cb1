import { parseAddress } from '../../../src/flow/address.ts';
import { concat, ipfixMessage, uint, v5Datagram, v9Datagram } from '../../support/flow-datagrams.ts';
import type { CapturedDatagram } from '../../support/udp.ts';
import { makeRandom } from '../support/generate.ts';
import { datagramsOf, SENT_MS, UPTIME_MS, type Values } from './element-datagrams.ts';

const START_MS = Date.UTC(2026, 10, 20, 10, 0, 0);
const BOOT_MS = SENT_MS - UPTIME_MS;

/** Where the datagrams come from. */
export const EXPORTERS = {
  ipfix: '127.0.0.11',
  v9: '127.0.0.12',
  nat: '127.0.0.13',
  v5: '127.0.0.14',
  firewall: '127.0.0.15',
  sampler: '127.0.0.16',
} as const;

const ICMP = new Set<number | string | undefined>([1, 58]);

type Random = (below: number) => number;

/** What every counter has added, so that no two flows are of the same size. */
class Sizes {
  private last = 0;
  private readonly random: Random;
  constructor(random: Random) {
    this.random = random;
  }

  next(): { packets: number; octets: number } {
    const packets = [1 + this.random(20), 20 + this.random(3000), 50_000 + this.random(3_000_000)][this.random(3)]!;
    return { packets, octets: packets * (46 + this.random(1400)) + ++this.last };
  }
}

const PORTS = [22, 25, 53, 80, 123, 443, 443, 8080];
const FLAGS = [0x02, 0x12, 0x1b, 0x18, 0x14, 0xc2, 0x29, 0x1f];

interface Ends {
  readonly v6: boolean;
  readonly proto: number;
  readonly client: string;
  readonly server: string;
  readonly clientPort: number;
  readonly serverPort: number;
}

function makeEnds(random: Random): Ends {
  const proto = [6, 6, 6, 17, 17, 1, 47, 58, 132][random(9)]!;
  const v6 = proto === 58 || (proto !== 1 && random(4) === 0);
  const ports = proto === 6 || proto === 17 || proto === 132;
  const icmp = proto === 1 || proto === 58 ? [0x0800, 0x0000, 0x0303, 0x8000][random(4)]! : 0;
  return {
    v6,
    proto,
    client: v6
      ? `2001:db8:${random(3)}:1:20e:35ff:fec0:${(1 + random(9)).toString(16)}`
      : `10.${random(3)}.${random(2)}.${1 + random(12)}`,
    server: v6
      ? ['2001:db8:ffff::53', '2a00:1450:4001:82b::200e'][random(2)]!
      : ['192.0.2.1', '198.51.100.77', `172.16.${random(3)}.${1 + random(5)}`][random(3)]!,
    clientPort: ports ? 1024 + random(60_000) : 0,
    serverPort: ports ? PORTS[random(PORTS.length)]! : icmp,
  };
}

function fiveTuple({ v6, proto, client, server, clientPort, serverPort }: Ends, reversed: boolean): Values {
  const isPing = proto === 1 || proto === 58;
  const swap = reversed && !isPing;
  return {
    [v6 ? 27 : 8]: reversed ? server : client,
    [v6 ? 28 : 12]: reversed ? client : server,
    7: swap ? serverPort : clientPort,
    11: swap ? clientPort : serverPort,
    ...(isPing ? { [v6 ? 139 : 32]: serverPort } : {}),
    4: proto,
  };
}

function times(random: Random, i: number): { firstMs: number; lastMs: number } {
  const firstMs = START_MS + i * 173 + random(150);
  return { firstMs, lastMs: firstMs + [0, random(900), random(60_000), random(3_000_000)][random(4)]! };
}

/** A record of IPFIX with nearly everything. */
function fullRecord(i: number, random: Random, sizes: Sizes): Values {
  const ends = makeEnds(random);
  const { firstMs, lastMs } = times(random, i);
  const { packets, octets } = sizes.next();
  const out = random(3) === 0 ? { packets: 0, octets: 0 } : sizes.next();
  const mpls = (n: number) => (i % 4 === 0 ? ((16_000 + n * 10 + random(3)) << 4) | (random(8) << 1) : 0);
  return {
    ...fiveTuple(ends, random(3) === 0),
    [ends.v6 ? 62 : 15]: ends.v6 ? `fe80::${1 + random(3)}` : `192.168.0.${1 + random(3)}`,
    [ends.v6 ? 63 : 18]: ends.v6 ? `2001:db8:31::${1 + random(3)}` : `172.31.0.${1 + random(3)}`,
    152: firstMs,
    153: lastMs,
    1: octets,
    2: packets,
    23: out.octets,
    24: out.packets,
    6: ends.proto === 6 ? FLAGS[random(FLAGS.length)]! : 0,
    5: [0, 0, 32, 184][random(4)]!,
    55: [0, 46][random(2)]!,
    10: 1 + random(4),
    14: random(3) === 0 ? 70_000 + random(3) : 1 + random(4),
    [ends.v6 ? 29 : 9]: ends.v6 ? 48 : 16 + random(9),
    [ends.v6 ? 30 : 13]: ends.v6 ? 64 : 16 + random(9),
    16: [0, 559, 3303, 64_512, 4_200_000_001][random(5)]!,
    17: [0, 15_169, 559, 13_335][random(4)]!,
    128: [0, 1299, 3356][random(3)]!,
    129: [0, 6939, 174][random(3)]!,
    61: random(2),
    58: [0, 10, 20, 4094][random(4)]!,
    59: [0, 10, 30][random(3)]!,
    89: [0, 64, 66, 128][random(4)]!,
    197: [0, 0x40, 0x20, 0x60][i % 4]!,
    136: 1 + random(5),
    52: 30 + random(3),
    53: 60 + random(5),
    56: 0x0200_5e00_0000 + random(4),
    57: 0x0200_5e10_0000 + random(4),
    80: 0x0200_5e20_0000 + random(2),
    81: 0x0200_5e30_0000 + random(2),
    ...Object.fromEntries([70, 71, 72].map((element, n) => [element, mpls(n)])),
    234: random(3),
    235: random(3),
  };
}

/** A conversation of v9: both directions, seldom more than one record of each. */
function conversation(i: number, random: Random, sizes: Sizes): Values[] {
  const ends = makeEnds(random);
  return Array.from({ length: 1 + random(4) }, (_, n) => {
    const { firstMs, lastMs } = times(random, i + n);
    const { packets, octets } = sizes.next();
    return {
      ...fiveTuple(ends, n % 2 === 1),
      1: octets,
      2: packets,
      22: firstMs - BOOT_MS,
      21: lastMs - BOOT_MS,
      6: ends.proto === 6 ? FLAGS[random(FLAGS.length)]! : 0,
      5: [0, 8][random(2)]!,
      10: 1 + (n % 2),
      14: 2 - (n % 2),
      16: 65_001,
      17: 65_002,
    };
  });
}

/** A translation, logged by the device that made it. */
function natRecord(i: number, random: Random): Values {
  return {
    8: `10.0.${random(2)}.${1 + random(9)}`,
    12: `198.51.100.${1 + random(3)}`,
    7: 1024 + random(60_000),
    11: [80, 443][random(2)]!,
    4: [6, 17][random(2)]!,
    225: `203.0.113.${1 + random(4)}`,
    226: `198.51.100.${1 + random(3)}`,
    227: 1024 + random(60_000),
    228: [80, 443][random(2)]!,
    230: [1, 2, 4, 5][random(4)]!,
    152: START_MS + i * 911,
    153: START_MS + i * 911,
    323: START_MS + i * 911,
  };
}

/** A block of ports that was given to a host (RFC 8158). */
function portBlockRecord(i: number, random: Random): Values {
  const start = 1024 + random(20) * 512;
  return {
    8: `10.0.${random(2)}.${1 + random(9)}`,
    12: `198.51.100.${1 + random(3)}`,
    225: `203.0.113.${1 + random(4)}`,
    4: [6, 17][random(2)]!,
    230: [16, 17][random(2)]!,
    361: start,
    362: start + 511,
    363: 1 + random(2),
    364: 512,
    7: [start + 10, 1023, start + 512][i % 3]!,
    11: [80, start, start + 511, start - 1][i % 4]!,
    138: 1 + random(3),
    152: START_MS + i * 777,
    153: START_MS + i * 777 + random(5),
    323: START_MS + i * 777,
  };
}

const SAMPLER = 1;
const SAMPLING_INTERVAL = 100;
const OPTIONS_ID = 400;
const SAMPLER_DOMAIN = 600;

/** A flow of a sampler, which an options record gives the rate of. */
function sampledRecord(i: number, random: Random): Values {
  const ends = makeEnds(random);
  const { firstMs, lastMs } = times(random, i);
  const packets = 1 + random(40);
  const tuple = fiveTuple({ ...ends, proto: ends.proto === 58 || ends.proto === 1 ? 17 : ends.proto }, false);
  const octets = packets * (46 + random(1400)) + i;
  return { ...tuple, 1: octets, 2: packets, 22: firstMs - BOOT_MS, 21: lastMs - BOOT_MS, 48: SAMPLER };
}

/** What tells the rate (NetFlow v9: elements 48, 49 and 50, scope 1 is the device). */
function samplerOptions(): Uint8Array {
  const interval = concat(uint(0, 4), uint(SAMPLER, 1), uint(1, 1), uint(SAMPLING_INTERVAL, 4));
  return v9Datagram({
    domain: SAMPLER_DOMAIN,
    exportSeconds: SENT_MS / 1000,
    uptimeMs: UPTIME_MS,
    templates: [
      {
        id: OPTIONS_ID,
        scopes: 1,
        fields: [
          [1, 4],
          [48, 1],
          [49, 1],
          [50, 4],
        ],
      },
    ],
    data: [{ id: OPTIONS_ID, bytes: interval }],
  });
}

/** An event of a firewall of Cisco's; access lists are places in `ACCESS_LISTS`. */
function firewallRecord(i: number, random: Random, sizes: Sizes): Values {
  const { packets, octets } = sizes.next();
  return {
    8: `10.5.${random(2)}.${1 + random(9)}`,
    12: `192.0.2.${1 + random(5)}`,
    7: 1024 + random(60_000),
    11: PORTS[random(PORTS.length)]!,
    4: [6, 17][random(2)]!,
    148: 900_000 + i,
    152: START_MS + i * 333,
    323: START_MS + i * 333,
    233: 1 + random(3),
    33002: [0, 1001, 1002, 1003, 1004][random(5)]!,
    225: `203.0.113.${1 + random(4)}`,
    226: `192.0.2.${1 + random(5)}`,
    227: 1024 + random(60_000),
    228: PORTS[random(PORTS.length)]!,
    231: octets,
    232: random(9000),
    298: packets,
    299: random(50),
    33000: i % 3,
    33001: (i >> 1) % 3,
  };
}

function v5Record(i: number, random: Random, sizes: Sizes): Uint8Array {
  const { firstMs, lastMs } = times(random, i);
  const { packets, octets } = sizes.next();
  const address = (text: string) => uint(parseAddress(text)![3], 4);
  return concat(
    address(`10.9.${random(2)}.${1 + random(9)}`),
    address(`192.0.2.${1 + random(5)}`),
    address('10.9.255.1'),
    uint(3, 2),
    uint(4, 2),
    uint(packets, 4),
    uint(octets % 0xffff_ffff, 4),
    uint(firstMs - BOOT_MS, 4),
    uint(lastMs - BOOT_MS, 4),
    uint(1024 + random(60_000), 2),
    uint(PORTS[random(PORTS.length)]!, 2),
    uint(0, 1),
    uint(FLAGS[random(FLAGS.length)]!, 1),
    uint(6, 1),
    uint([0, 16][random(2)]!, 1),
    uint(65_010, 2),
    uint(65_020 + random(3), 2),
    uint(0, 4),
  );
}

/**
 * The flows that parity with nfdump is tested on, as exporters send them: IPFIX with nearly every field, NetFlow v9 with
 * both directions of conversations, a log of translations, NetFlow v5. The same bytes on every run. `scale` makes more of
 * everything but v5; without `icmp` for collectors that do not keep its types, without `events`: firewalls,
 * blocks of ports, and flows of a sampler.
 */
export function makeDatagrams(options: { scale?: number; icmp?: false; events?: false } = {}): CapturedDatagram[] {
  const { scale = 1 } = options;
  const isWanted = (record: Values) => options.icmp !== false || !ICMP.has(record[4]);
  const random = makeRandom(20_261_121);
  const sizes = new Sizes(random);
  const make = <T>(count: number, one: (i: number) => T) => Array.from({ length: count * scale }, (_, i) => one(i));
  const full = make(140, (i) => fullRecord(i, random, sizes));
  const pairs = make(50, (i) => conversation(i, random, sizes)).flat();
  const translations = make(25, (i) => natRecord(i, random));
  const old = make(25, (i) => v5Record(i, random, sizes));
  const [blocks, firewall, sampled] =
    options.events === false
      ? [[], [], []]
      : [
          make(15, (i) => portBlockRecord(i, random)),
          make(30, (i) => firewallRecord(i, random, sizes)),
          make(30, (i) => sampledRecord(i, random)),
        ];
  const v5 = v5Datagram({
    records: concat(...old.slice(0, 25)),
    engine: 0x0102,
    exportSeconds: SENT_MS / 1000,
    uptimeMs: UPTIME_MS,
  });
  const streams: readonly (readonly [string, readonly Uint8Array[]])[] = [
    [EXPORTERS.ipfix, datagramsOf(full.filter(isWanted), ipfixMessage, 7)],
    [EXPORTERS.v9, datagramsOf(pairs.filter(isWanted), v9Datagram, 300)],
    [EXPORTERS.nat, datagramsOf([...translations, ...blocks], ipfixMessage, 9)],
    [EXPORTERS.v5, [v5]],
    [EXPORTERS.firewall, firewall.length === 0 ? [] : datagramsOf(firewall, v9Datagram, 0)],
    [
      EXPORTERS.sampler,
      sampled.length === 0 ? [] : [samplerOptions(), ...datagramsOf(sampled, v9Datagram, SAMPLER_DOMAIN)],
    ],
  ];
  return streams.flatMap(([from, payloads]) =>
    payloads.map((payload) => ({ payload: Buffer.from(payload), from, port: 2055, ms: SENT_MS })),
  );
}
