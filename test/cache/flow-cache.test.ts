import { describe, expect, it } from 'vitest';
import { P_META_DIRECTION_KNOWN, P_META_EGRESS } from '../../src/addon/packet-layout.ts';
import { collecting, type TestPacket } from './packets.ts';

const SECOND = 1_000_000;
const T0 = 1_700_000_000 * SECOND;
const SYN = 0x02;
const ACK = 0x10;

/** A packet `after` microseconds after T0. */
function at(after: number, rest: Partial<TestPacket> = {}): TestPacket {
  return { timeUs: T0 + after, flags: ACK, srcPort: 1, ...rest };
}

describe('records', () => {
  it('carry every field of the packets', () => {
    const { cache, records, add } = collecting({});
    const packet = {
      src: [0x20010db8, 1, 0x80000000, 0xfffefdfc] as [number, number, number, number],
      dst: [0, 0, 0xffff, 0xc0a80001] as [number, number, number, number],
      srcPort: 65_535,
      dstPort: 443,
      tos: 0xb8,
      input: 0xfffffffe,
      octets: 1500,
      version: 6,
    };
    add(at(1999, { ...packet, flags: SYN, meta: P_META_DIRECTION_KNOWN | P_META_EGRESS }));
    add(at(5_001_001, { ...packet, flags: 0x1c0, meta: 0xff00 | P_META_DIRECTION_KNOWN | P_META_EGRESS }));
    add(at(6_000_000, { proto: 1, flags: 0, srcPort: 0, dstPort: 3 * 256 + 1, meta: P_META_DIRECTION_KNOWN }));
    add(at(6_000_001, { proto: 1, flags: 0, srcPort: 0, dstPort: 3 * 256 + 2 }));
    cache.flush();
    expect(records[0]).toEqual({
      src: '20010db8:1:80000000:fffefdfc',
      dst: '0:0:ffff:c0a80001',
      srcPort: 65_535,
      dstPort: 443,
      proto: 6,
      tos: 0xb8,
      flags: 0x1c2,
      input: 0,
      output: 0xfffffffe,
      packets: 2,
      octets: 3000,
      firstMs: T0 / 1000 + 1,
      lastMs: T0 / 1000 + 5001,
      endMs: T0 / 1000 + 6000,
      reason: 4,
      direction: 1,
    });
    expect(records.slice(1).map(({ proto, dstPort, direction }) => [proto, dstPort, direction])).toEqual([
      [1, 769, 0],
      [1, 770, 255],
    ]);
  });

  it('of one interface are apart by direction: what leaves has it as output, all else as input', () => {
    const { cache, records, add } = collecting({});
    const known = P_META_DIRECTION_KNOWN;
    for (const meta of [known, known | P_META_EGRESS, 0, known | P_META_EGRESS]) add(at(0, { input: 7, meta }));
    cache.flush();
    expect(records.map(({ direction, input, output, packets }) => [direction, input, output, packets])).toEqual([
      [0, 7, 0, 2],
      [1, 0, 7, 2],
    ]);
  });

  it('count octets beyond 2^32 exactly, and saturate at 2^53', () => {
    const { cache, records, add } = collecting({});
    for (let i = 0; i < 1000; i++) add(at(i, { octets: 0xffff_ffff }));
    add(at(1000, { octets: 7 }));
    cache.flush();
    expect(records[0]).toMatchObject({ packets: 1001, octets: 1000 * 0xffff_ffff + 7 });
    expect(cache.stats()).toMatchObject({ octets: 1000 * 0xffff_ffff + 7, saturated: 0 });

    const packets = Array.from({ length: 4096 }, () => at(0, { octets: 0xffff_ffff }));
    for (let i = 0; i < 513; i++) add(...packets);
    cache.flush();
    expect(records[1]).toMatchObject({ packets: 513 * 4096, octets: Number.MAX_SAFE_INTEGER });
    expect(cache.stats().saturated).toBe(1);
  });

  it('leave in order of their end and then of their first packet, across batches', () => {
    const { cache, records, batches, add } = collecting({ inactiveMs: 2000 }, 100);
    // Opened in descending order of ports; those with an even port see a later packet, at the same time each.
    for (let port = 999; port >= 0; port--) add(at(999 - port, { srcPort: port, hash: Math.imul(port, 0x9e3779b1) }));
    for (let port = 0; port < 1000; port += 2) add(at(1500, { srcPort: port, hash: Math.imul(port, 0x9e3779b1) }));
    cache.advance(T0 + 10 * SECOND);
    expect(batches).toEqual(new Array(10).fill(100));
    const odd = Array.from({ length: 500 }, (_, i) => 999 - 2 * i);
    const even = Array.from({ length: 500 }, (_, i) => 998 - 2 * i);
    expect(records.map(({ srcPort }) => srcPort)).toEqual([...odd, ...even]);
  });
});

describe('a full table', () => {
  it('loses the flow that is longest idle, with reason 5', () => {
    const { cache, records, add } = collecting({ maxFlows: 3 });
    add(at(0, { srcPort: 1 }), at(1, { srcPort: 2 }), at(2, { srcPort: 3 }), at(3, { srcPort: 1 }));
    add(at(4, { srcPort: 4 }), at(5, { srcPort: 5 }), at(6, { srcPort: 1 }), at(7, { srcPort: 6 }));
    cache.flush();
    expect(records.filter(({ reason }) => reason === 5).map(({ srcPort }) => srcPort)).toEqual([2, 3, 4]);
    expect(records.filter(({ reason }) => reason === 4).map(({ srcPort }) => srcPort)).toEqual([1, 5, 6]);
    expect(cache.stats()).toMatchObject({ created: 6, peak: 3, endedBy: [0, 0, 0, 0, 3, 3] });
  });

  it('hands records on in parts when more end within a second than there are spare rows', () => {
    const { cache, records, add } = collecting({ maxFlows: 10, spareRows: 5 }, 1000);
    for (let port = 0; port < 200; port++) add(at(port, { srcPort: port }));
    cache.advance(0);
    expect(records.length).toBeGreaterThan(150);
    cache.flush();
    expect(records.map(({ srcPort }) => srcPort)).toEqual(Array.from({ length: 200 }, (_, i) => i));
  });
});

describe('the table', () => {
  it('grows with its use, and finds every flow again', () => {
    const { cache, records, add } = collecting({ maxFlows: 60_000 }, 65_536);
    const packets = Array.from({ length: 50_000 }, (_, i) =>
      at(i, { src: [0, 0, 0xffff, i], hash: Math.imul(i, 0x9e3779b1) >>> 0 }),
    );
    add(...packets);
    add(...packets.map((packet) => ({ ...packet, timeUs: packet.timeUs + 100_000 })));
    expect(cache.stats()).toMatchObject({ created: 50_000, active: 50_000, peak: 50_000 });
    expect(cache.stats().slots).toBeGreaterThan(100_000);
    cache.flush();
    expect(records.every(({ packets }) => packets === 2)).toBe(true);
    expect(records.map(({ src }) => Number.parseInt(src.split(':')[3]!, 16))).toEqual([...records.keys()]);
  });

  it('is as new after a flush, its clock included', () => {
    const { cache, records, add } = collecting({});
    cache.flush();
    expect(records).toEqual([]);
    add(at(100 * SECOND), at(100 * SECOND, { srcPort: 2 }));
    cache.flush();
    add(at(0), at(2 * SECOND));
    cache.flush();
    expect(records.map(({ packets, reason }) => [packets, reason])).toEqual([
      [1, 4],
      [1, 4],
      [2, 4],
    ]);
    expect(cache.stats()).toMatchObject({ packets: 4, late: 0, active: 0 });
  });
});
