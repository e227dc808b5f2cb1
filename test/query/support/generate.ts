import type { AddressWords } from '../../../src/flow/address.ts';
import { parseAddress } from '../../../src/flow/address.ts';

/** One flow by registry field name; u64 fields and addresses as exact numbers, addresses as four words. */
export interface TestFlow {
  readonly numbers: Readonly<Record<string, number>>;
  readonly addresses: Readonly<Record<string, AddressWords>>;
  /** Of the file that the flow is in. */
  readonly ident?: string;
}

/** The numbers are those of a 32-bit xorshift: the same everywhere, so that kept answers stay right. */
export function makeRandom(seed: number): (below: number) => number {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return Math.floor((state / 0x1_0000_0000) * below);
  };
}

/** Address that "sent" every datagram. */
export const EXPORTER = '192.0.2.200';

const START_MS = Date.UTC(2026, 10, 20, 10, 0, 0);
const PROTOCOLS = [6, 6, 6, 6, 17, 17, 17, 1, 47, 50, 58, 132];
const PORTS = [22, 25, 53, 80, 123, 443, 443, 443, 993, 8080];

/**
 * A fixed population of flows in which every counter, time and address form that prints differently occurs: IPv4 and
 * IPv6, ICMP, flows of no length and of more than a day, counters below and above the K/M/G borders, MPLS, VLAN, MAC.
 * No two flows have the same octets, packets or end, so that every ordering has one answer.
 */
export function makeFlows(count: number, seed = 20261120): TestFlow[] {
  const random = makeRandom(seed);
  const flows: TestFlow[] = [];
  for (let i = 0; i < count; i++) flows.push(makeFlow(i, random));
  return flows;
}

function makeFlow(i: number, random: (below: number) => number): TestFlow {
  const proto = PROTOCOLS[random(PROTOCOLS.length)]!;
  const v6 = proto === 58 || (proto !== 1 && random(4) === 0);
  const durationMs = [0, random(900), random(60_000), random(3_000_000), 90_061_001][i % 23 === 7 ? 4 : random(4)]!;
  const firstMs = START_MS + i * 137 + random(100);
  const packets = [1 + random(9), 10 + random(900), 10_000 + random(900_000), 1_500_000 + random(1_000_000)][
    i % 17 === 3 ? 3 : random(3)
  ]!;
  const octets = packets * (40 + random(1400)) + i;
  const hasPorts = proto === 6 || proto === 17 || proto === 132;
  const service = PORTS[random(PORTS.length)]!;
  const client = 1024 + random(60_000);
  const toServer = random(2) === 0;
  const icmpWord = proto === 1 || proto === 58 ? [0x0800, 0x0000, 0x0301, 0x8000][random(4)]! : 0;
  const mpls = i % 5 === 0 ? 1 : 0;
  return {
    numbers: {
      exportVersion: 10,
      firstMs,
      lastMs: firstMs + durationMs,
      packets,
      octets,
      proto,
      srcPort: hasPorts ? (toServer ? client : service) : 0,
      dstPort: hasPorts ? (toServer ? service : client) : icmpWord,
      tcpFlags: proto === 6 ? [0x02, 0x12, 0x1b, 0x18, 0x14, 0xc2, 0x29][random(7)]! : 0,
      tos: [0, 0, 0, 32, 184][random(5)]!,
      dstTos: [0, 0, 46][random(3)]!,
      inIf: 1 + random(4),
      outIf: random(3) === 0 ? 70_000 + random(3) : 1 + random(4),
      srcMask: v6 ? 64 : 8 + random(25),
      dstMask: v6 ? 48 : 8 + random(25),
      srcAs: [0, 559, 3303, 64_512, 4_200_000_001][random(5)]!,
      dstAs: [0, 15_169, 559, 13_335][random(4)]!,
      direction: random(2),
      srcVlan: [0, 10, 20, 4094][random(4)]!,
      dstVlan: [0, 10, 30][random(3)]!,
      forwardingStatus: [0, 64, 66, 128][random(4)]!,
      endReason: 1 + random(5),
      minTtl: 30 + random(3),
      maxTtl: 60 + random(5),
      inSrcMac: 0x0200_5e00_0000 + random(4),
      outDstMac: 0x0200_5e10_0000 + random(4),
      inDstMac: 0x0200_5e20_0000 + random(2),
      outSrcMac: 0x0200_5e30_0000 + random(2),
      mpls1: mpls * (((16_000 + random(3)) << 4) | (random(8) << 1)),
      mpls2: mpls * ((24_001 << 4) | 1),
    },
    addresses: { exporter: parseAddress(EXPORTER)!, ...(v6 ? v6Addresses(random) : v4Addresses(random)) },
  };
}

function v4Addresses(random: (below: number) => number): Record<string, AddressWords> {
  return {
    srcAddr: parseAddress(`10.${random(3)}.${random(4)}.${1 + random(200)}`)!,
    dstAddr: parseAddress(
      ['192.0.2.1', '198.51.100.77', '203.0.113.254', `172.16.${random(20)}.${random(250)}`][random(4)]!,
    )!,
    nextHop: parseAddress(`192.168.0.${1 + random(3)}`)!,
    bgpNextHop: parseAddress(`172.31.0.${1 + random(3)}`)!,
  };
}

function v6Addresses(random: (below: number) => number): Record<string, AddressWords> {
  const low = (random(0xffff) + 1).toString(16);
  return {
    srcAddr: parseAddress([`2001:db8::${low}`, `2001:db8:${low}:1:20e:35ff:fec0:fed5`, `fe80::1:${low}`][random(3)]!)!,
    dstAddr: parseAddress(['2001:db8:ffff::53', '2a00:1450:4001:82b::200e', `2001:db8:0:${low}::1`][random(3)]!)!,
    nextHop: parseAddress(`fe80::${1 + random(3)}`)!,
    bgpNextHop: parseAddress(`2001:db8:31::${1 + random(3)}`)!,
  };
}
