import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/flow/user-error.ts';
import { collecting, type TestPacket } from './packets.ts';

const SECOND = 1_000_000;
const T0 = 1_700_000_000 * SECOND;
const FIN = 0x11;
const RST = 0x04;
const SYN = 0x02;
const ACK = 0x10;

/** A packet `after` microseconds after T0. */
function at(after: number, rest: Partial<TestPacket> = {}): TestPacket {
  return { timeUs: T0 + after, flags: ACK, srcPort: 1, ...rest };
}

describe('timeouts', () => {
  it('end a record with the packet that comes at first + active, and not a microsecond before', () => {
    const { cache, records, add } = collecting({ activeMs: 60_000, inactiveMs: 60_000 });
    add(at(0), at(30 * SECOND), at(60 * SECOND - 1), at(60 * SECOND));
    cache.flush();
    expect(records.map(({ packets, reason, endMs }) => [packets, reason, endMs - T0 / 1000])).toEqual([
      [3, 2, 60_000],
      [1, 4, 60_000],
    ]);
  });

  it('end a flow with a packet more than inactive after its last', () => {
    const { cache, records, add } = collecting({ inactiveMs: 15_000 });
    add(at(0), at(15 * SECOND), at(30 * SECOND + 1));
    cache.flush();
    expect(records.map(({ packets, reason, endMs }) => [packets, reason, endMs - T0 / 1000])).toEqual([
      [2, 1, 30_000],
      [1, 4, 30_000],
    ]);
  });

  it('take a packet at exactly last + inactive in, also where that is the edge of a second', () => {
    const { cache, records, add } = collecting({ inactiveMs: 15_000 });
    add(at(0), at(SECOND), at(16 * SECOND));
    cache.flush();
    expect(records.map(({ packets }) => packets)).toEqual([3]);
  });

  it('let a flow leave on the clock that other packets drive, once its second is over', () => {
    const { cache, records, add } = collecting({ inactiveMs: 15_000 });
    add(at(0), at(15.9 * SECOND, { srcPort: 2 }));
    cache.advance(0);
    expect(records).toEqual([]);
    add(at(16 * SECOND, { srcPort: 2 }));
    cache.advance(0);
    expect(records.map(({ srcPort, reason, endMs }) => [srcPort, reason, endMs])).toEqual([[1, 1, T0 / 1000 + 15_000]]);
  });

  it('let a flow leave on a silent line that was the only one, after another that ended early', () => {
    const { cache, records, add } = collecting({ inactiveMs: 15_000, finLingerMs: 0 });
    add(at(0), at(SECOND, { flags: FIN }), at(3 * SECOND, { srcPort: 2 }));
    cache.advance(T0 + 20 * SECOND);
    expect(records.map(({ srcPort, reason }) => [srcPort, reason])).toEqual([
      [1, 3],
      [2, 1],
    ]);
  });

  it('let flows leave on a silent line as the clock is moved on', () => {
    const { cache, records, add } = collecting({ inactiveMs: 15_000, activeMs: 20_000 });
    cache.advance(T0); // before the first packet there is nothing to do
    add(at(0), at(10 * SECOND));
    cache.advance(T0 + 19 * SECOND);
    expect(records.length).toBe(0);
    cache.advance(T0 - 500 * SECOND); // never goes back
    cache.advance(T0 + 21 * SECOND);
    expect(records.map(({ packets, reason, endMs }) => [packets, reason, endMs])).toEqual([[2, 2, T0 / 1000 + 20_000]]);
    expect(cache.stats()).toMatchObject({ active: 0, waiting: 0 });
    // The moved clock counts for packets too: this one is late, by more than the active timeout.
    add(at(0));
    expect(cache.stats()).toMatchObject({ late: 1, steppedBack: 1 });
  });

  it('hold after a while without any flow, for one whose row another had', () => {
    const { cache, records, add } = collecting({ activeMs: 600_000, inactiveMs: 60_000, finLingerMs: 0 });
    add(at(0), at(SECOND, { flags: FIN }), at(5 * SECOND, { srcPort: 2 }));
    cache.advance(T0 + 67 * SECOND);
    expect(records.map(({ srcPort, reason, endMs }) => [srcPort, reason, endMs - T0 / 1000])).toEqual([
      [1, 3, 1000],
      [2, 1, 65_000],
    ]);
    expect(cache.stats().active).toBe(0);
  });

  it('work at once over years of silence, and with timeouts longer than the wheel', () => {
    const { cache, records, add } = collecting({ activeMs: 300 * 86_400_000, inactiveMs: 200 * 86_400_000 });
    add(at(0), at(1, { srcPort: 2 }), at(150 * 86_400 * SECOND, { srcPort: 2 }));
    add(at(80 * 365 * 86_400 * SECOND, { srcPort: 3 }));
    expect(cache.stats().active).toBe(1);
    cache.flush();
    expect(records.map(({ srcPort, reason, endMs }) => [srcPort, reason, (endMs - T0 / 1000) / 86_400_000])).toEqual([
      [1, 1, 200],
      [2, 2, 300],
      [3, 4, 80 * 365],
    ]);
  });

  it('are those of the protocol', () => {
    const { cache, records, add } = collecting({ inactiveMs: 4000, tcpMs: 1000, udpMs: 2000, icmpMs: 3000 });
    for (const proto of [6, 17, 1, 58, 132]) {
      for (const after of [0, 1500, 4000, 7500]) add(at(after * 1000, { proto, srcPort: 0 }));
      cache.flush();
    }
    const seen = (proto: number) =>
      records.filter((one) => one.proto === proto).map(({ packets, endMs }) => [packets, endMs - T0 / 1000]);
    const icmp = [
      [3, 7000],
      [1, 7500],
    ];
    expect(seen(6).map(([packets]) => packets)).toEqual([1, 1, 1, 1]);
    expect(seen(17)).toEqual([
      [2, 3500],
      [1, 6000],
      [1, 7500],
    ]);
    expect([seen(1), seen(58)]).toEqual([icmp, icmp]);
    expect(seen(132)).toEqual([[4, 7500]]);
  });

  it('let a record span any time when active is infinite', () => {
    const { cache, records, add } = collecting({ activeMs: Number.POSITIVE_INFINITY, inactiveMs: 60_000 });
    for (let minute = 0; minute < 3000; minute++) add(at(minute * 60 * SECOND), at(minute * 60 * SECOND - 1));
    expect(cache.stats()).toMatchObject({ steppedBack: 0, created: 1 });
    cache.flush();
    expect(records.map(({ packets, lastMs, firstMs }) => [packets, lastMs - firstMs])).toEqual([[6000, 179_940_001]]);
  });

  it('outside of their ranges are refused', () => {
    expect(() => collecting({ activeMs: 0 })).toThrow(UserError);
    expect(() => collecting({ inactiveMs: Number.NaN })).toThrow(/inactive timeout/);
    expect(() => collecting({ finLingerMs: -1 })).toThrow(/FIN linger/);
    expect(() => collecting({ maxFlows: 0 })).toThrow(/maximum number of flows/);
    expect(() => collecting({ maxFlows: 2 ** 25 })).toThrow(UserError);
  });
});

describe('FIN and RST', () => {
  it('let the tail join for the linger, then end with reason 3', () => {
    for (const flags of [FIN, RST]) {
      const { cache, records, add } = collecting({ finLingerMs: 5000 });
      add(at(0), at(1, { flags }), at(4 * SECOND), at(9 * SECOND), at(14 * SECOND + 1));
      cache.flush();
      expect(records.map(({ packets, flags, reason, endMs }) => [packets, flags, reason, endMs - T0 / 1000])).toEqual([
        [4, flags | ACK, 3, 14_000],
        [1, ACK, 4, 14_000],
      ]);
    }
  });

  it('have lingers of their own, and RST counts before FIN', () => {
    const { cache, records, add } = collecting({ finLingerMs: 1000, rstLingerMs: 3000 });
    add(at(0, { flags: FIN }), at(SECOND, { flags: RST }), at(4 * SECOND), at(7 * SECOND + 1));
    add(at(7 * SECOND + 2, { srcPort: 2, flags: RST }), at(7 * SECOND + 3, { srcPort: 2, flags: FIN }));
    add(at(10 * SECOND, { srcPort: 2 }), at(13 * SECOND + 1, { srcPort: 2 }));
    cache.flush();
    const ended = records.filter(({ reason }) => reason === 3);
    expect(ended.map(({ packets, endMs }) => [packets, endMs - T0 / 1000])).toEqual([
      [3, 7000],
      [3, 13_000],
    ]);
  });

  it('bring the deadline forward on the clock of other packets', () => {
    const { cache, records, add } = collecting({ inactiveMs: 60_000, finLingerMs: 2000 });
    add(at(0), at(SECOND, { flags: FIN }), at(4 * SECOND, { srcPort: 2 }));
    cache.advance(0);
    expect(records.map(({ reason, endMs }) => [reason, endMs - T0 / 1000])).toEqual([[3, 3000]]);
    expect(cache.stats().active).toBe(1);
  });

  it('are cut by a SYN without ACK, not by a SYN with it nor without a FIN before', () => {
    const { cache, records, add } = collecting({});
    add(at(0, { flags: SYN }), at(1, { flags: SYN }), at(2, { flags: FIN }), at(3, { flags: SYN | ACK }));
    add(at(4, { flags: SYN }), at(5));
    cache.flush();
    expect(records.map(({ packets, reason }) => [packets, reason])).toEqual([
      [4, 3],
      [2, 4],
    ]);
  });

  it('end the flow at once when there is no linger, even with its first packet', () => {
    const { cache, records, add } = collecting({ finLingerMs: 0 });
    add(at(0), at(1, { flags: FIN }), at(2), at(3, { srcPort: 2, flags: RST }));
    expect(cache.stats()).toMatchObject({ active: 1, waiting: 2 });
    cache.flush();
    expect(records.map(({ srcPort, packets, reason }) => [srcPort, packets, reason])).toEqual([
      [1, 2, 3],
      [1, 1, 4],
      [2, 1, 3],
    ]);
  });

  it('in a stream of short flows on one key do not let the wheel grow', () => {
    const { cache, add } = collecting({ finLingerMs: 5000, maxFlows: 50, spareRows: 50 });
    for (let i = 0; i < 5000; i++) add(at(i * 10, { flags: SYN }), at(i * 10 + 1, { flags: FIN }));
    expect(cache.stats()).toMatchObject({ packets: 10_000, created: 5000, active: 1 });
    expect(cache.stats().wheelEntries).toBeLessThanOrEqual(2 * 100);
  });
});

describe('the clock', () => {
  it('never goes back: first is the smallest, last the largest time', () => {
    const { cache, records, add } = collecting({ activeMs: 60_000, inactiveMs: 15_000 });
    add(at(20 * SECOND), at(5 * SECOND), at(10 * SECOND));
    expect(cache.stats()).toMatchObject({ late: 2, steppedBack: 0 });
    cache.flush();
    expect(records.map(({ packets, firstMs, lastMs }) => [packets, firstMs - T0 / 1000, lastMs - T0 / 1000])).toEqual([
      [3, 5000, 20_000],
    ]);
  });

  it('steps back by the active timeout or more: counted, and no record spans that long', () => {
    const { cache, records, add } = collecting({ activeMs: 60_000, inactiveMs: 15_000 });
    add(at(60 * SECOND), at(0), at(10 * SECOND), at(26 * SECOND));
    expect(cache.stats()).toMatchObject({ late: 3, steppedBack: 1 });
    cache.flush();
    const end = T0 / 1000 + 60_000;
    expect(records.map(({ packets, reason, endMs }) => [packets, reason, endMs])).toEqual([
      [1, 2, end],
      [2, 1, end],
      [1, 4, end],
    ]);
  });

  it('takes times that are none, or out of range, at the nearest that is in it', () => {
    const { cache, records, add } = collecting({});
    const odd = (timeUs: number, srcPort: number) => add({ timeUs, srcPort, flags: ACK });
    odd(Number.NaN, 1);
    odd(-5, 2);
    add(at(0, { srcPort: 3 }));
    odd(Number.NaN, 3);
    odd(-1e300, 4);
    odd(1e300, 5);
    odd(Number.POSITIVE_INFINITY, 5);
    odd(Number.NEGATIVE_INFINITY, 6);
    expect(cache.stats()).toMatchObject({ packets: 8, badTimes: 7 });
    cache.flush();
    expect(records.reduce((sum, record) => sum + record.packets, 0)).toBe(8);
    expect(records.find((record) => record.srcPort === 3)).toMatchObject({ packets: 2, firstMs: T0 / 1000 });
    expect(records.find((record) => record.srcPort === 5)!.lastMs).toBe(2 ** 32 * 1000 - 1);
    for (const { firstMs, lastMs } of records) expect(firstMs >= 0 && lastMs < 2 ** 32 * 1000).toBe(true);
  });

  it('counts microseconds whole', () => {
    const { cache, records, add } = collecting({ activeMs: 1000, inactiveMs: 1000 });
    add(at(0.75), at(999_999.75), at(1_000_000.25));
    cache.flush();
    expect(records.map(({ packets }) => packets)).toEqual([2, 1]);
  });
});
