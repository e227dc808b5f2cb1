import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FULL_KEY, parseTrack } from '../../src/cache/key-fields.ts';
import { timeoutOptions, timeoutPresetNames, timeoutPresets } from '../../src/cache/timeout-presets.ts';
import { collecting, encode, type TestColumns, type TestPacket, type TestRecord } from './packets.ts';
import { type PlainPacket, type PlainRecord, type ReferenceOptions, referenceCache } from './reference-cache.ts';

/** Steps of the capture's clock in microseconds: mostly small, with edges of the timeouts, jumps ahead and back. */
const step = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 0, max: 400_000 }) },
  { weight: 2, arbitrary: fc.constantFrom(0, 1, 999_999, 1_000_000, 1_999_999, 2_000_000, 2_000_001, 3_000_000) },
  { weight: 2, arbitrary: fc.integer({ min: -600_000, max: 0 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 12_000_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: -12_000_000, max: 0 }) },
  { weight: 1, arbitrary: fc.constantFrom(5_000_000_000, -5_000_000_000) },
);

const packet = fc.record({
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
type Step = Omit<PlainPacket, 'timeUs'> & { step: number };

const settings = fc.record({
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

function plain(steps: readonly Step[]): PlainPacket[] {
  let timeUs = START_US;
  return steps.map(({ step, ...rest }) => {
    timeUs = Math.max(0, timeUs + step);
    return { ...rest, timeUs, flags: rest.isTcp ? rest.flags : 0 };
  });
}

/** Addresses spread over both and over the versions, so that each matters somewhere. */
function toTest({ addresses, ports, isTcp, vlan, mac, ...rest }: PlainPacket, hash: number): TestPacket {
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

const extraColumns = ['minTtl', 'maxTtl', 'minLength', 'maxLength', 'srcVlan', 'innerVlan', 'inSrcMac'] as const;

function fromReference(record: PlainRecord, withExtras: boolean): object {
  const { addresses, proto, ports, tos, input, flags, packets, octets, reason, vlan } = record;
  const extras = {
    minTtl: record.minTtl,
    maxTtl: record.maxTtl,
    minLength: record.minLength,
    maxLength: record.maxLength,
    srcVlan: vlan & 0xffff,
    innerVlan: vlan >>> 16,
    inSrcMac: record.mac,
  };
  return {
    addresses: addresses & 3,
    ports,
    proto,
    tos,
    input,
    flags,
    packets,
    octets,
    firstMs: Math.floor(record.firstUs / 1000),
    lastMs: Math.floor(record.lastUs / 1000),
    endMs: Math.floor(record.endUs / 1000),
    reason,
    ...(withExtras ? extras : {}),
  };
}

function comparable(record: TestRecord, extras: TestColumns): object {
  const { src, dst, srcPort, dstPort, output: _, direction: __, ...rest } = record;
  const addresses = (src.endsWith('1') ? 1 : 0) | (dst.endsWith('f') ? 2 : 0);
  return { ...rest, addresses, ports: srcPort | (dstPort << 16), ...extras };
}

/** Hashes as the addon might make them: a function of the key, by which kind of seed we choose. */
const seeds = [
  () => 0xdeadbeef, // every packet in one chain
  (key: string) => key.length % 3,
  (key: string) => [...key].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5),
  (key: string) => (0xffff_ffff - (key.charCodeAt(0) & 3)) >>> 0, // homes at the end of the table: probing wraps
];

function run(packets: PlainPacket[], options: ReferenceOptions, seed: number, portions: number[], withExtras = false) {
  const { cache, records, extras } = collecting({ ...options, columns: withExtras ? extraColumns : [] }, 7);
  const tests = packets.map((one) => {
    const { addresses, ports, isTcp, tos, input } = one;
    return toTest(one, seeds[seed]!([addresses, ports, isTcp, tos, input].join()));
  });
  let at = 0;
  for (let turn = 0; at < tests.length; turn++) {
    const part = tests.slice(at, at + portions[turn % portions.length]!);
    const { words, times, extensions } = encode(part);
    cache.addPackets(words, times, part.length, extensions);
    at += part.length;
  }
  cache.flush();
  expect(cache.stats().active).toBe(0);
  return { records: records.map((record, i) => comparable(record, extras[i]!)), raw: records, stats: cache.stats() };
}

/** Many flows and little time between them: for tables that are always full. */
const crowd = fc.record({
  addresses: fc.integer({ min: 0, max: 7 }),
  ports: fc.integer({ min: 0, max: 12 }),
  isTcp: fc.boolean(),
  tos: fc.integer({ min: 0, max: 3 }),
  input: fc.constant(1),
  vlan: fc.constant(0),
  mac: fc.constant(0),
  step: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: -20_000, max: 0 })),
  octets: fc.constant(100),
  flags: fc.constantFrom(0x10, 0x10, 0x10, 0x11),
  ttl: fc.constant(64),
});

const CROWDED = {
  activeMs: 5000,
  inactiveMs: 1500,
  tcpMs: 1500,
  udpMs: 1200,
  finLingerMs: 100,
  rstLingerMs: 0,
  key: FULL_KEY,
};

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

describe('the flow cache and its plain reference', () => {
  it('give the same records in the same order, whatever the hashes and portions', () => {
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 1, maxLength: 150 }),
        settings,
        fc.integer({ min: 0, max: seeds.length - 1 }),
        fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 4 }),
        fc.boolean(),
        (steps, options, seed, portions, withExtras) => {
          const packets = plain(steps);
          const expected = referenceCache(packets, options);
          const { records, stats } = run(packets, options, seed, portions, withExtras);
          expect(records).toEqual(expected.records.map((record) => fromReference(record, withExtras)));
          expect(stats.ignoredPackets).toBe(expected.ignored.length);
          expect(stats.ignoredOctets).toBe(sum(expected.ignored.map(({ octets }) => octets)));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('evict or ignore the same flows when the table is full', () => {
    const some = fc.integer({ min: 10, max: 80 });
    const policy = fc.constantFrom('evict' as const, 'ignore' as const);
    fc.assert(
      fc.property(
        fc.array(crowd, { minLength: 200, maxLength: 800 }),
        some,
        some,
        policy,
        (steps, maxFlows, portion, whenFull) => {
          const options = { ...CROWDED, maxFlows, whenFull };
          const packets = plain(steps);
          const expected = referenceCache(packets, options);
          const { records, stats } = run(packets, options, 2, [portion]);
          expect(records).toEqual(expected.records.map((record) => fromReference(record, false)));
          expect(stats.ignoredPackets).toBe(expected.ignored.length);
        },
      ),
      { numRuns: 100 },
    );
  });

  it('agree over hours with gaps, clocks put back and flows of many times 2^32 octets, with every preset', () => {
    const hourly = packet.chain((one) =>
      fc
        .oneof(
          { weight: 30, arbitrary: fc.integer({ min: 0, max: 20_000_000 }) },
          { weight: 3, arbitrary: fc.constantFrom(60_000_000, 60_000_001, 182_000_001, 299_999_999, 300_000_000) },
          { weight: 2, arbitrary: fc.integer({ min: 0, max: 900_000_000 }) },
          { weight: 2, arbitrary: fc.constantFrom(-1_000_000, -300_000_000, -3_600_000_000, 3_600_000_000) },
        )
        .map((step) => ({ ...one, step, octets: one.octets > 1000 ? 0xffff_ffff : one.octets })),
    );
    const preset = fc.constantFrom(...timeoutPresetNames).map((name) => timeoutOptions(timeoutPresets[name]));
    fc.assert(
      fc.property(
        fc.array(hourly, { minLength: 50, maxLength: 600 }),
        preset,
        fc.constantFrom(4, 1000),
        (steps, timeouts, maxFlows) => {
          const options = { ...timeouts, maxFlows, whenFull: 'evict' as const, key: FULL_KEY };
          const packets = plain(steps);
          const expected = referenceCache(packets, options);
          const { records, raw } = run(packets, options, 2, [64], true);
          expect(records).toEqual(expected.records.map((record) => fromReference(record, true)));
          expect(sum(raw.map((record) => record.packets))).toBe(packets.length);
          expect(sum(raw.map((record) => record.octets))).toBe(sum(packets.map((one) => one.octets)));
        },
      ),
      { numRuns: 60 },
    );
  });

  it('hold to the limits that timeouts set, and lose no packet and no octet', () => {
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 150 }), settings, (steps, options) => {
        const packets = plain(steps);
        const { raw: records, stats } = run(packets, options, 2, [50]);
        expect(sum(records.map((record) => record.packets)) + stats.ignoredPackets).toBe(packets.length);
        expect(sum(records.map((record) => record.octets)) + stats.ignoredOctets).toBe(
          sum(packets.map((one) => one.octets)),
        );
        for (const [i, record] of records.entries()) {
          if (options.activeMs > 1) expect(record.lastMs - record.firstMs).toBeLessThanOrEqual(options.activeMs);
          expect(record.reason).toBeGreaterThan(0);
          if (i > 0) expect(record.endMs).toBeGreaterThanOrEqual(records[i - 1]!.endMs);
        }
      }),
      { numRuns: 300 },
    );
  });
});
