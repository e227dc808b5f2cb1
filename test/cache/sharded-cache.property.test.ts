import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { P_META_DIRECTION_KNOWN, P_META_EGRESS } from '../../src/addon/packet-layout.ts';
import { FlowCache } from '../../src/cache/flow-cache.ts';
import type { FlowCacheOptions, MeteringCache } from '../../src/cache/flow-cache-options.ts';
import { parseTrack } from '../../src/cache/key-fields.ts';
import { ShardedCache } from '../../src/cache/sharded-cache.ts';
import { encode, keeping, type TestPacket } from './packets.ts';
import { openHere } from './shard-here.ts';

const START_US = 1_700_000_000_000_000;
const PROTO_ICMP = 1;
const PROTO_TCP = 6;
/** Type and code of a request, whose answer has 0. */
const ICMP_ECHO = 0x800;

const packet = fc.record({
  host: fc.integer({ min: 0, max: 7 }),
  peer: fc.integer({ min: 0, max: 1 }),
  version: fc.constantFrom(4, 4, 6),
  srcPort: fc.constantFrom(1, 1, 2, 700),
  proto: fc.constantFrom(PROTO_TCP, PROTO_TCP, 17, PROTO_ICMP),
  isBack: fc.boolean(),
  flags: fc.constantFrom(0x10, 0x10, 0x10, 0x02, 0x11, 0x04),
  tos: fc.constantFrom(0, 0, 8),
  input: fc.constantFrom(1, 1, 2),
  meta: fc.constantFrom(0, 0, P_META_DIRECTION_KNOWN, P_META_DIRECTION_KNOWN | P_META_EGRESS),
  vlan: fc.constantFrom(0, 0, 7),
  octets: fc.constantFrom(40, 1500, 0xffff_ffff),
  ttl: fc.constantFrom(1, 64),
  step: fc.oneof(
    { weight: 8, arbitrary: fc.integer({ min: 0, max: 200_000 }) },
    { weight: 4, arbitrary: fc.integer({ min: -300_000, max: 0 }) },
    { weight: 2, arbitrary: fc.constantFrom(0, 0.25, 999_999, 1_000_000, 2_000_001, -2_000_000) },
    { weight: 1, arbitrary: fc.integer({ min: -12_000_000, max: 12_000_000 }) },
    { weight: 1, arbitrary: fc.constantFrom(5e9, -5e9, Number.NaN, Number.POSITIVE_INFINITY, -1e17) },
  ),
});

const settings = fc.record({
  activeMs: fc.constantFrom(1000, 5000, 30_000, Number.POSITIVE_INFINITY),
  inactiveMs: fc.constantFrom(1, 1500, 10_000),
  udpMs: fc.constantFrom(1, 1500, 20_000),
  finLingerMs: fc.constantFrom(0, 1, 1500),
  rstLingerMs: fc.constantFrom(0, 1000),
  key: fc.constantFrom('full', 'full', 'ip', 'port', 'ip,vlan', 'ether').map(parseTrack),
  biflow: fc.boolean(),
  columns: fc.constantFrom(
    [],
    ['minTtl', 'firstNs'] as const,
    ['srcVlan', 'maxLength', 'inSrcMac', 'outOctets', 'reverseTcpFlags', 'reverseFirstMs', 'biflowDirection'] as const,
  ),
});
type Settings = Partial<FlowCacheOptions>;

type Step = typeof packet extends fc.Arbitrary<infer T> ? T : never;

function toTest(steps: readonly Step[]): TestPacket[] {
  let timeUs = START_US;
  return steps.map(({ host, peer, isBack, vlan, step, srcPort, ...rest }) => {
    // A time that cannot be is that of one packet only.
    const isOdd = !(timeUs + step >= 0 && timeUs + step < 4e15);
    if (!isOdd) timeUs += step;
    const { version, proto, flags, tos, input } = rest;
    const key = [host, peer, isBack, version, srcPort, proto, tos, input].join();
    type Address = NonNullable<TestPacket['src']>;
    const ends: [Address, Address] =
      version === 4
        ? [
            [0, 0, 0xffff, 0x0a000000 + host],
            [0, 0, 0xffff, 0xfffffff0 + peer],
          ]
        : [
            [0x20010db8, host, 0, 1],
            [0x20010db8, 0, peer, 2],
          ];
    const ports = isBack ? { srcPort: 53, dstPort: srcPort } : { srcPort, dstPort: 53 };
    return {
      ...rest,
      ...(proto === PROTO_ICMP ? { srcPort: 0, dstPort: isBack ? 0 : ICMP_ECHO } : ports),
      src: ends[isBack ? 1 : 0],
      dst: ends[isBack ? 0 : 1],
      timeUs: isOdd ? step : timeUs,
      flags: proto === PROTO_TCP ? flags : 0,
      vlans: [vlan, 0],
      srcMac: host % 3,
      nanos: host * 7,
      hash: [...key].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5),
    };
  });
}

interface Script {
  readonly portions: readonly number[];
  /** After so many portions the clock is moved on by so many microseconds, over and over. */
  readonly ticks: { readonly every: number; readonly us: number };
}

async function play(cache: MeteringCache, packets: readonly TestPacket[], { portions, ticks }: Script) {
  let at = 0;
  for (let turn = 0; at < packets.length; turn++) {
    const part = packets.slice(at, at + portions[turn % portions.length]!);
    const { words, times, extensions } = encode(part);
    await cache.addPackets(words, times, part.length, extensions);
    words.fill(0xffff_ffff); // It is somebody else's by now.
    if (turn % 3 === 0) cache.settle?.();
    at += part.length;
    if (turn % ticks.every === 0)
      cache.advance(Math.max(...part.map(({ timeUs }) => (timeUs < 4e15 ? timeUs : 0))) + ticks.us);
  }
  await cache.flush();
}

async function run(packets: readonly TestPacket[], options: Settings, script: Script, workers: number, seed = 0) {
  const { complete, records, extras, batches } = keeping(options, 7);
  const cache =
    workers === 1
      ? new FlowCache(complete)
      : new ShardedCache({ ...complete, workers, shardSeed: seed, open: openHere(seed % 4) });
  await play(cache, packets, script);
  const { slots: _, maxProbe: __, wheelEntries: ___, peak: ____, ...stats } = cache.stats();
  await (cache as ShardedCache).close?.();
  return { records, extras, batches, stats };
}

describe('a flow cache spread over workers', () => {
  it('gives what one cache gives: records, their order, batches and counters', async () => {
    const scripts = fc.record({
      portions: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 4 }),
      ticks: fc.record({ every: fc.constantFrom(2, 5, 1000), us: fc.constantFrom(0, 100, 2_500_000) }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(packet, { minLength: 1, maxLength: 200 }),
        // MAC addresses do not go with biflows.
        settings.map((options) => ({ ...options, biflow: options.biflow && !options.key.mac })),
        scripts,
        fc.constantFrom(2, 3, 5),
        fc.nat(),
        async (steps, options, script, workers, seed) => {
          const packets = toTest(steps);
          const one = await run(packets, options, script, 1);
          expect(await run(packets, options, script, workers, seed)).toEqual(one);
        },
      ),
      { numRuns: 400 },
    );
  });
});
