import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { collecting, encode, type TestPacket, type TestRecord } from './packets.ts';
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
  key: fc.integer({ min: 0, max: 11 }),
  tos: fc.constantFrom(0, 0, 0, 8),
  step,
  octets: fc.oneof(fc.integer({ min: 20, max: 1500 }), fc.constant(0xffff_ffff)),
  flags: fc.constantFrom(0x10, 0x10, 0x18, 0x02, 0x12, 0x11, 0x04, 0x14, 0x03),
  isTcp: fc.boolean(),
});

const options = fc.record({
  activeMs: fc.constantFrom(1, 1000, 5000, 30_000, 7_200_000),
  inactiveMs: fc.constantFrom(1, 1500, 2000, 10_000),
  finLingerMs: fc.constantFrom(0, 1, 1000, 1500, 60_000),
  maxFlows: fc.constantFrom(1, 2, 3, 5, 1000),
  tosInKey: fc.boolean(),
});

const START_US = 1_700_000_000_000_000;

function plain(steps: { step: number; key: number; tos: number; octets: number; flags: number; isTcp: boolean }[]) {
  let timeUs = START_US;
  return steps.map(({ step, ...rest }): PlainPacket => {
    timeUs = Math.max(0, timeUs + step);
    return { ...rest, timeUs, flags: rest.isTcp ? rest.flags : 0 };
  });
}

/** The key spread over all parts of a packet's key, so that each of them matters somewhere. */
function toTest({ key, tos, timeUs, octets, flags, isTcp }: PlainPacket, hash: number): TestPacket {
  return {
    src: [0, 0, 0xffff, 0x0a000000 + (key & 1)],
    dst: [0, 0, 0xffff, 0xfffffffe + ((key >> 1) & 1)],
    srcPort: ((key >> 2) & 1) | ((key >> 4) << 1),
    version: (key >> 3) & 1 ? 6 : 4,
    proto: isTcp ? 6 : 17,
    tos,
    timeUs,
    octets,
    flags,
    hash,
  };
}

const ids = (isTcp: boolean, key: number) => (isTcp ? 100 + key : key);

function fromReference(record: PlainRecord): object {
  const isTcp = record.key >= 100;
  const {
    src: _,
    dst: __,
    ...rest
  } = toTest({ ...record, key: record.key % 100, isTcp, timeUs: 0 }, 0) as Required<TestPacket>;
  return {
    srcPort: rest.srcPort,
    proto: rest.proto,
    tos: record.tos,
    flags: record.flags,
    packets: record.packets,
    octets: record.octets,
    firstMs: Math.floor(record.firstUs / 1000),
    lastMs: Math.floor(record.lastUs / 1000),
    endMs: Math.floor(record.endUs / 1000),
    reason: record.reason,
    last: (record.key % 100) & 3,
  };
}

function comparable(record: TestRecord): object {
  const { src, dst, dstPort: _, input: __, output: ___, direction: ____, ...rest } = record;
  return { ...rest, last: (src.endsWith('1') ? 1 : 0) | (dst.endsWith('f') ? 2 : 0) };
}

/** Hashes as the addon might make them: a function of the key, by which kind of seed we choose. */
const seeds = [
  () => 0xdeadbeef, // every packet in one chain
  (key: string) => key.length % 3,
  (key: string) => [...key].reduce((hash, char) => Math.imul(hash ^ char.charCodeAt(0), 0x01000193) >>> 0, 0x811c9dc5),
  (key: string) => (0xffff_ffff - (key.charCodeAt(0) & 3)) >>> 0, // homes at the end of the table: probing wraps
];

function run(packets: PlainPacket[], settings: ReferenceOptions, seed: number, portions: number[]): TestRecord[] {
  const { cache, records } = collecting(settings, 7);
  const tests = packets.map((one) => {
    const id = `${ids(one.isTcp, one.key)}/${one.tos}`;
    return toTest(one, seeds[seed]!(id));
  });
  let at = 0;
  for (let turn = 0; at < tests.length; turn++) {
    const part = tests.slice(at, at + portions[turn % portions.length]!);
    const { words, times } = encode(part);
    cache.addPackets(words, times, part.length);
    at += part.length;
  }
  cache.flush();
  expect(cache.stats().active).toBe(0);
  return records;
}

/** Many flows and little time between them: for tables that are always full. */
const crowd = fc.record({
  key: fc.integer({ min: 0, max: 99 }),
  tos: fc.integer({ min: 0, max: 3 }),
  step: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20_000 }), fc.integer({ min: -20_000, max: 0 })),
  octets: fc.constant(100),
  flags: fc.constantFrom(0x10, 0x10, 0x10, 0x11),
  isTcp: fc.boolean(),
});

describe('the flow cache and its plain reference', () => {
  it('give the same records in the same order, whatever the hashes and portions', () => {
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 1, maxLength: 150 }),
        options,
        fc.integer({ min: 0, max: seeds.length - 1 }),
        fc.array(fc.integer({ min: 1, max: 70 }), { minLength: 1, maxLength: 4 }),
        (steps, settings, seed, portions) => {
          const packets = plain(steps);
          const expected = referenceCache(
            packets.map((one) => ({ ...one, key: ids(one.isTcp, one.key) })),
            settings,
          );
          const records = run(packets, settings, seed, portions);
          expect(records.map(comparable)).toEqual(expected.map(fromReference));
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('evict the same flows from a full table', () => {
    const some = fc.integer({ min: 10, max: 80 });
    fc.assert(
      fc.property(fc.array(crowd, { minLength: 200, maxLength: 800 }), some, some, (steps, maxFlows, portion) => {
        const settings = { activeMs: 5000, inactiveMs: 1500, finLingerMs: 100, maxFlows, tosInKey: true };
        const packets = plain(steps);
        const expected = referenceCache(
          packets.map((one) => ({ ...one, key: ids(one.isTcp, one.key) })),
          settings,
        );
        expect(run(packets, settings, 2, [portion]).map(comparable)).toEqual(expected.map(fromReference));
      }),
      { numRuns: 100 },
    );
  });

  it('hold to the limits that timeouts set, and lose no packet and no octet', () => {
    fc.assert(
      fc.property(fc.array(packet, { minLength: 1, maxLength: 150 }), options, (steps, settings) => {
        const packets = plain(steps);
        const records = run(packets, settings, 2, [50]);
        const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
        expect(sum(records.map((record) => record.packets))).toBe(packets.length);
        expect(sum(records.map((record) => record.octets))).toBe(sum(packets.map((one) => one.octets)));
        for (const [i, record] of records.entries()) {
          if (settings.activeMs > 1) expect(record.lastMs - record.firstMs).toBeLessThanOrEqual(settings.activeMs);
          expect(record.reason).toBeGreaterThan(0);
          if (i > 0) expect(record.endMs).toBeGreaterThanOrEqual(records[i - 1]!.endMs);
        }
      }),
      { numRuns: 300 },
    );
  });
});
