import fc from 'fast-check';
import { parseTrack } from '../../src/cache/key-fields.ts';
import type { TestPacket } from './packets.ts';
import type { PlainPacket } from './reference-cache.ts';

/** Steps of the capture's clock in microseconds: mostly small, with edges of the timeouts, jumps ahead and back. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 400_000 }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 999_999, 1_000_000, 1_999_999, 2_000_000, 2_000_001, 3_000_000) },
  { weight: 2, arbitrary: fc.integer({ min: -600_000, max: 0 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 12_000_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: -12_000_000, max: 0 }) },
  { weight: 1, arbitrary: fc.constantFrom(5_000_000_000, -5_000_000_000) },
);

export const packet = fc.record({
  addresses: fc.integer({ min: 0, max: 5 }),
  ports: fc.constantFrom(0, 0, 0, 5, 0x10000),
  isTcp: fc.boolean(),
  tos: fc.constantFrom(0, 0, 0, 8),
  input: fc.constantFrom(1, 1, 1, 2),
  vlan: fc.constantFrom(7, 7, 7, 8, 7 | (9 << 16)),
  mac: fc.constantFrom(1, 1, 1, 2, 2 ** 40),
  step,
  octets: fc.oneof(fc.integer({ min: 20, max: 1500 }), fc.constant(0xffff_ffff)),
  flags: fc.constantFrom(0x10, 0x10, 0x18, 0x02, 0x12, 0x11, 0x04, 0x14, 0x03),
  ttl: fc.integer({ min: 0, max: 255 }),
});
export type Step = Omit<PlainPacket, 'timeUs'> & { step: number };

export const settings = fc.record({
  activeMs: fc.constantFrom(1, 1000, 5000, 30_000, 7_200_000, Number.POSITIVE_INFINITY),
  inactiveMs: fc.constantFrom(1, 1500, 2000, 10_000),
  tcpMs: fc.constantFrom(1, 1500, 3000, 20_000, 7_200_000),
  udpMs: fc.constantFrom(1, 1500, 3000, 20_000),
  finLingerMs: fc.constantFrom(0, 1, 1000, 1500, 60_000),
  rstLingerMs: fc.constantFrom(0, 1, 1000, 2500, 60_000),
  maxFlows: fc.constantFrom(1, 2, 3, 5, 1000),
  whenFull: fc.constantFrom('evict' as const, 'evict' as const, 'ignore' as const),
  key: fc
    .constantFrom('full', 'full', 'full', 'ip', 'proto', 'port', 'vlan', 'ether', 'ip,vlan', 'port,tos,mac', 'full,mac')
    .map(parseTrack),
});

const START_US = 1_700_000_000_000_000;

export function plain(steps: readonly Step[]): PlainPacket[] {
  let timeUs = START_US;
  return steps.map(({ step, ...rest }) => {
    timeUs = Math.max(0, timeUs + step);
    return { ...rest, timeUs, flags: rest.isTcp ? rest.flags : 0 };
  });
}

/** Addresses spread over both and over the versions, so that each matters somewhere. */
export function toTest({ addresses, ports, isTcp, vlan, mac, ...rest }: PlainPacket, hash: number): TestPacket {
  return {
    ...rest,
    src: [0, 0, 0xffff, 0x0a000000 + (addresses & 1)],
    dst: [0, 0, 0xffff, 0xfffffffe + ((addresses >> 1) & 1)],
    version: (addresses >> 2) & 1 ? 6 : 4,
    srcPort: ports & 0xffff,
    dstPort: ports >>> 16,
    proto: isTcp ? 6 : 17,
    vlans: [vlan & 0xffff, vlan >>> 16],
    srcMac: mac,
    dstMac: mac >= 2 ? 2 ** 48 - mac : 99,
    hash,
  };
}

/** Hashes as the addon might make them: a function of the key, by which kind of seed we choose. */
export const seeds = [
  () => 0xdeadbeef, // every packet in one chain
  (key: string) => key.length % 3,
  (key: string) => [...key].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5),
  (key: string) => (0xffff_ffff - (key.charCodeAt(0) & 3)) >>> 0, // homes at the end of the table: probing wraps
];
