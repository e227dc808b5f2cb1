import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import { FULL_KEY } from '../../src/cache/key-fields.ts';
import { timeoutOptions, timeoutPresetNames, timeoutPresets } from '../../src/cache/timeout-presets.ts';
import { packet, plain, seeds, settings, toTest } from './arbitrary-packets.ts';
import { collecting, encode, type TestColumns, type TestRecord } from './packets.ts';
import { type PlainPacket, type PlainRecord, type ReferenceOptions, referenceCache } from './reference-cache.ts';

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

/** The runs of packet records, as the addon finds them; only the records of first packets stay. */
function fold(words: Uint32Array): Uint32Array {
  const bytes = addon().foldPackets(new Uint8Array(words.buffer));
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}

function run(
  packets: PlainPacket[],
  options: ReferenceOptions,
  seed: number,
  portions: number[],
  withExtras = false,
  withRuns = false,
) {
  let joined = 0;
  const { cache, records, extras } = collecting({ ...options, columns: withExtras ? extraColumns : [] }, 7);
  const tests = packets.map((one) => {
    const { addresses, ports, isTcp, tos, input } = one;
    return toTest(one, seeds[seed]!([addresses, ports, isTcp, tos, input].join()));
  });
  let at = 0;
  for (let turn = 0; at < tests.length; turn++) {
    const part = tests.slice(at, at + portions[turn % portions.length]!);
    const { words, times, extensions } = encode(part);
    const runs = withRuns ? fold(words) : undefined;
    if (runs !== undefined && runs[0]! > 0) joined += part.length - runs[0]!;
    cache.addPackets(words, times, part.length, extensions, undefined, runs);
    at += part.length;
  }
  cache.flush();
  expect(cache.stats().active).toBe(0);
  const compared = records.map((record, i) => comparable(record, extras[i]!));
  return { records: compared, raw: records, stats: cache.stats(), joined };
}

/** Few flows with many packets, mostly in order: as runs are made of. */
const busy = packet.chain((one) =>
  fc
    .record({
      step: fc.oneof(
        { weight: 60, arbitrary: fc.integer({ min: 0, max: 3000 }) },
        { weight: 10, arbitrary: fc.integer({ min: 0, max: 300_000 }) },
        { weight: 2, arbitrary: fc.integer({ min: 0, max: 3_000_000 }) },
        { weight: 1, arbitrary: fc.integer({ min: -5000, max: 0 }) },
      ),
      flags: fc.oneof(
        { weight: 20, arbitrary: fc.constantFrom(0x10, 0x18, 0x00) },
        { weight: 1, arbitrary: fc.constantFrom(0x02, 0x12, 0x11, 0x04) },
      ),
      addresses: fc.constantFrom(0, 0, 0, 1, 5),
    })
    .map((more) => ({ ...one, tos: 0, ...more })),
);

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

  it('give the same when packets come in runs', () => {
    let joined = 0;
    fc.assert(
      fc.property(
        fc.array(busy, { minLength: 50, maxLength: 300 }),
        settings,
        fc.constantFrom(2, 3, 8, 1000),
        fc.integer({ min: 0, max: seeds.length - 1 }),
        fc.integer({ min: 20, max: 120 }),
        (steps, some, maxFlows, seed, portion) => {
          const options = { ...some, maxFlows, key: FULL_KEY };
          const packets = plain(steps);
          const expected = referenceCache(packets, options);
          const found = run(packets, options, seed, [portion], false, true);
          expect(found.records).toEqual(expected.records.map((record) => fromReference(record, false)));
          const plainly = run(packets, options, seed, [portion]).stats;
          expect({ ...found.stats, maxProbe: 0, wheelEntries: 0 }).toEqual({
            ...plainly,
            maxProbe: 0,
            wheelEntries: 0,
          });
          joined += found.joined;
        },
      ),
      { numRuns: 250 },
    );
    expect(joined).toBeGreaterThan(1000);
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
