import { describe, expect, it } from 'vitest';
import { FlowBatch } from '../../src/flow/batch.ts';
import { collecting, encode, type TestPacket } from './packets.ts';

const SECOND = 1_000_000;
const T0 = 1_700_000_000 * SECOND;

/** A packet of the flow with this source port, `after` microseconds after T0. */
function packet(srcPort: number, after: number, rest: Partial<TestPacket> = {}): TestPacket {
  return { timeUs: T0 + after, srcPort, hash: Math.imul(srcPort, 0x9e3779b1), ...rest };
}

function manyFlows(count: number): TestPacket[] {
  return Array.from({ length: count }, (_, i) => packet(i + 1, i));
}

describe('FlowCache.snapshot', () => {
  it('copies every flow once, in portions, and changes nothing', () => {
    const { cache, records, add } = collecting({});
    add(...manyFlows(1000), packet(7, SECOND));
    const before = cache.stats();
    const ports: number[] = [];
    let portions = 0;
    for (let from = 1; from !== 0; portions++) {
      const batch = new FlowBatch(64);
      from = cache.snapshot(batch, from, 5000);
      for (let row = 0; row < batch.rows; row++) {
        const port = batch.get('srcPort')![row]!;
        ports.push(port);
        expect(batch.get('packets')![row << 1]).toBe(port === 7 ? 2 : 1);
        expect([batch.get('endReason')![row], batch.get('exportMs')![row]]).toEqual([0, 5000]);
      }
    }
    expect(portions).toBe(Math.ceil(1000 / 64));
    expect(ports.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i + 1));
    expect(cache.stats()).toEqual(before);
    expect(records).toEqual([]);
    cache.flush();
    expect(records).toHaveLength(1000);
  });

  it('of an empty cache is empty', () => {
    const { cache } = collecting({});
    const batch = new FlowBatch(64);
    expect(cache.snapshot(batch, 1, 0)).toBe(0);
    expect(batch.rows).toBe(0);
  });
});

describe('FlowCache.expire', () => {
  it('ends flows in portions; packets that come later open new ones', () => {
    const { cache, records, add } = collecting({ activeMs: 60_000, inactiveMs: 60_000 });
    add(...manyFlows(1000));
    const sizes: number[] = [];
    for (let from = 1, before = 0; from !== 0; before = records.length) {
      from = cache.expire(from, 300);
      sizes.push(records.length - before);
    }
    expect(sizes.reduce((sum, size) => sum + size)).toBe(1000);
    expect(Math.max(...sizes)).toBe(300);
    expect(new Set(records.map(({ reason }) => reason))).toEqual(new Set([4]));
    expect(cache.stats()).toMatchObject({ active: 0, created: 1000 });
    add(packet(1, 2 * SECOND), packet(1, 3 * SECOND));
    expect(cache.stats()).toMatchObject({ active: 1, created: 1001 });
    cache.advance(T0 + 70 * SECOND);
    expect(records.at(-1)).toMatchObject({ srcPort: 1, packets: 2, reason: 2 });
  });

  it('loses no packet, whatever comes between the portions', () => {
    const { cache, records, add } = collecting({ activeMs: 20_000, inactiveMs: 5000 });
    let packets = 0;
    let from = 1;
    for (let i = 0; i < 20_000; i++) {
      add(packet(1 + ((i * 7919) % 997), i * 4000));
      packets++;
      if (i % 50 === 0) from = cache.expire(from, 20) || 1;
    }
    cache.flush();
    expect(records.reduce((sum, record) => sum + record.packets, 0)).toBe(packets);
    expect(cache.stats().active).toBe(0);
  });
});

describe('FlowCache.setTimeouts', () => {
  it('ends what is over by shorter ones, and the others when they are due', () => {
    const { cache, records, add } = collecting({ activeMs: 600_000, inactiveMs: 300_000 });
    add(packet(1, 0), packet(2, 50 * SECOND), packet(3, 60 * SECOND));
    cache.setTimeouts({ activeMs: 600_000, inactiveMs: 15_000 });
    cache.advance(T0 + 61.5 * SECOND);
    expect(records.map(({ srcPort, reason }) => [srcPort, reason])).toEqual([[1, 1]]);
    cache.advance(T0 + 67 * SECOND);
    expect(records.map(({ srcPort }) => srcPort)).toEqual([1, 2]);
    cache.advance(T0 + 77 * SECOND);
    expect(records.map(({ srcPort, endMs }) => [srcPort, endMs - T0 / 1000])).toEqual([
      [1, 60_000],
      [2, 65_000],
      [3, 75_000],
    ]);
  });

  it('keeps flows for longer ones, beyond the reach that the wheel was made for', () => {
    const { cache, records, add } = collecting({ activeMs: 10_000, inactiveMs: 5000 });
    add(packet(1, 0));
    cache.setTimeouts({ activeMs: 7_200_000, inactiveMs: 3_600_000 });
    cache.advance(T0 + 3599 * SECOND);
    expect(records).toEqual([]);
    cache.advance(T0 + 3602 * SECOND);
    expect(records.map(({ endMs }) => endMs - T0 / 1000)).toEqual([3_600_000]);
  });

  it('refuses what cannot be, and keeps the old ones', () => {
    const { cache, records, add } = collecting({ activeMs: 10_000, inactiveMs: 5000 });
    add(packet(1, 0));
    expect(() => cache.setTimeouts({ activeMs: 10_000, inactiveMs: 0 })).toThrow('inactive timeout');
    const late = { activeMs: 60_000, inactiveMs: 60_000, rstLingerMs: -1 };
    expect(() => cache.setTimeouts(late)).toThrow('RST linger');
    cache.advance(T0 + 7 * SECOND);
    expect(records).toHaveLength(1);
  });
});

describe('other columns', () => {
  it('flows at hand leave with those they have, the next ones have the others, and nothing is lost', () => {
    const { cache, records, extras, add } = collecting({ columns: ['minTtl'] });
    add({ ...packet(1, 0), ttl: 9 });
    cache.setColumns(['maxTtl', 'inSrcMac']);
    expect(records.map(({ srcPort, reason }) => [srcPort, reason])).toEqual([[1, 4]]);
    expect(extras).toEqual([{ minTtl: 9 }]);
    const { words, times } = encode([packet(2, 1)]);
    expect(() => cache.addPackets(words, times, 1)).toThrow('no extension records');
    add({ ...packet(1, 2), ttl: 8, srcMac: 77 }, { ...packet(1, 3), ttl: 7, srcMac: 77 });
    const batch = new FlowBatch(10);
    cache.snapshot(batch, 1, 0);
    expect([batch.get('maxTtl')![0], batch.get('inSrcMac')![0], batch.get('minTtl')]).toEqual([8, 77, undefined]);
    cache.setColumns([]);
    cache.addPackets(words, times, 1);
    cache.flush();
    expect(records.map(({ packets }) => packets)).toEqual([1, 2, 1]);
    expect(cache.stats()).toMatchObject({ packets: 4, created: 3, active: 0 });
  });
});
