import { describe, expect, it } from 'vitest';
import { P_META_DIRECTION_KNOWN, P_META_EGRESS } from '../../src/addon/packet-layout.ts';
import { cacheNeedsExtensions } from '../../src/cache/flow-cache.ts';
import { parseTrack } from '../../src/cache/key-fields.ts';
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

describe('the key', () => {
  const different: Partial<TestPacket>[] = [
    {},
    { src: [0, 0, 0xffff, 1] },
    { src: [1, 0, 0xffff, 0x0a000001] },
    { dst: [0, 1, 0xffff, 0x0a000001] },
    { srcPort: 2 },
    { dstPort: 1 },
    { proto: 17, flags: 0 },
    { tos: 4 },
    { input: 0x80000001 },
    { version: 6 },
  ];

  it('is addresses, ports, protocol, ToS, input and IP version, also where all hashes are equal', () => {
    for (const hash of [0, 0xffffffff]) {
      const { cache, add } = collecting({});
      for (let turn = 0; turn < 3; turn++) add(...different.map((rest, i) => at(i, { hash, ...rest })));
      expect(cache.stats()).toMatchObject({ packets: 30, created: different.length, active: different.length });
    }
  });

  it.each([
    ['ip', 2],
    ['proto', 3],
    ['port', 5],
    ['port,tos', 6],
    ['ip,interface', 3],
    ['full,vlan', 9],
    ['vlan', 9],
    ['ip,mac', 4],
    ['full,mac', 9],
    ['ether', 11],
  ])('of --track %s tells %i of these apart, whatever hashes they come with', (track, flows) => {
    for (const columns of [[], ['srcVlan' as const, 'minTtl' as const]]) {
      const { cache, records, add } = collecting({ key: parseTrack(track), hashSeed: 77, columns });
      const packets: Partial<TestPacket>[] = [
        {},
        { src: [1, 2, 3, 4] },
        { proto: 17 },
        { srcPort: 2 },
        { dstPort: 1 },
        { tos: 8 },
        { input: 1 },
        { vlans: [7, 0] },
        { vlans: [7, 8] },
        { srcMac: 2 ** 40 },
        { dstMac: 1 },
      ];
      for (let turn = 0; turn < 3; turn++) add(...packets.map((rest, i) => at(i, { hash: i + turn, ...rest })));
      expect(cache.stats()).toMatchObject({ packets: 33, created: flows });
      cache.flush();
      expect(records.reduce((sum, one) => sum + one.packets, 0)).toBe(33);
    }
  });

  it('is not told of a flow where it does not tell it apart', () => {
    const { cache, records, add } = collecting({ key: parseTrack('ip') });
    const meta = P_META_DIRECTION_KNOWN | P_META_EGRESS;
    add(at(0, { tos: 8, dstPort: 80, input: 3, meta }), at(1, { proto: 17, flags: 0, dstPort: 53 }));
    add(at(2, { flags: FIN }), at(3, { flags: SYN }));
    cache.flush();
    expect(records).toMatchObject([
      { proto: 0, tos: 0, srcPort: 0, dstPort: 0, input: 0, flags: 0, direction: 255, packets: 4, reason: 4 },
    ]);
  });

  it('is refused when it makes no sense', () => {
    for (const text of ['', 'tos', 'full,full', 'full,', 'ports', 'ip,proto']) {
      expect(() => parseTrack(text)).toThrow(UserError);
    }
  });
});

describe('further columns', () => {
  const columns = [
    'minTtl',
    'maxTtl',
    'minLength',
    'maxLength',
    'srcVlan',
    'dstVlan',
    'innerVlan',
    'inSrcMac',
    'inDstMac',
    'outSrcMac',
    'outDstMac',
    'etherType',
    'flowLabel',
    'fragmentFlags',
    'mpls1',
    'mpls2',
    'mpls10',
  ] as const;

  it('are those of the first packet, or least and most of all', () => {
    const { cache, extras, add } = collecting({ columns });
    const first = {
      ttl: 64,
      octets: 100,
      vlans: [100, 4094] as [number, number],
      srcMac: 0xf0de_bc9a_7856,
      dstMac: 0x0200_0000_0001,
      etherType: 0x86dd,
      flowLabel: 0xfffff,
      fragment: 0x2_0000,
      mpls: [0xff_fff0, 0x00_0011],
    };
    add(at(0, first), at(1, { ttl: 255, octets: 40, vlans: [2, 0], srcMac: 5 }));
    add(at(2, { ttl: 0, octets: 70_000, fragment: 0x1_0000 }), at(3));
    cache.flush();
    expect(extras).toEqual([
      {
        minTtl: 0,
        maxTtl: 255,
        minLength: 40,
        maxLength: 65_535,
        srcVlan: 100,
        dstVlan: 0,
        innerVlan: 4094,
        inSrcMac: 0xf0de_bc9a_7856,
        inDstMac: 0x0200_0000_0001,
        outSrcMac: 0,
        outDstMac: 0,
        etherType: 0x86dd,
        flowLabel: 0xfffff,
        fragmentFlags: 0x60,
        mpls1: 0xff_fff0,
        mpls2: 0x11,
        mpls10: 0,
      },
    ]);
  });

  it('of a packet on the way out are on the other side', () => {
    const { cache, extras, add } = collecting({
      columns: ['srcVlan', 'dstVlan', 'inSrcMac', 'outSrcMac', 'outDstMac'],
    });
    const out = { vlans: [5, 0] as [number, number], srcMac: 1, dstMac: 2, meta: P_META_DIRECTION_KNOWN };
    add(at(0, { ...out, meta: P_META_DIRECTION_KNOWN | P_META_EGRESS }), at(1, { ...out, srcPort: 2 }));
    cache.flush();
    expect(extras).toEqual([
      { srcVlan: 0, dstVlan: 5, inSrcMac: 0, outSrcMac: 1, outDstMac: 2 },
      { srcVlan: 5, dstVlan: 0, inSrcMac: 1, outSrcMac: 0, outDstMac: 0 },
    ]);
  });

  it('need extension records only where packet records do not have them', () => {
    expect(cacheNeedsExtensions({ columns: ['minTtl', 'maxLength', 'nextAs', 'tos'] })).toBe(false);
    expect(cacheNeedsExtensions({ columns: ['minTtl', 'srcVlan'] })).toBe(true);
    expect(cacheNeedsExtensions({ key: parseTrack('ip,mac') })).toBe(true);
    const { cache, extras, add } = collecting({ columns: ['minTtl', 'minLength', 'nextAs'] });
    add(at(0, { ttl: 3, octets: 41 }));
    cache.flush();
    expect(extras).toEqual([{ minTtl: 3, minLength: 41 }]);
  });

  it('tell nanoseconds of the first and the last packet, whatever order they come in', () => {
    const { cache, records, extras, add } = collecting({ columns: ['firstNs', 'lastNs'] });
    add(at(5_001, { nanos: 7 }), at(5_001, { nanos: 3 }), at(7_999, { nanos: 999 }), at(7_999, { nanos: 998 }));
    add(at(2_004, { nanos: 50 }), at(6_000, { nanos: 1 }), at(2_004, { nanos: 60 }));
    cache.flush();
    expect(extras).toEqual([{ firstNs: 4_050, lastNs: 999_999 }]);
    expect(records.map(({ firstMs, lastMs }) => [firstMs - T0 / 1000, lastMs - T0 / 1000])).toEqual([[2, 7]]);
  });

  it('stay with their flow when rows are used again', () => {
    const { cache, records, extras, add } = collecting({ columns: ['srcVlan', 'maxTtl'], maxFlows: 10, spareRows: 5 });
    for (let i = 0; i < 300; i++) add(at(i, { srcPort: i, vlans: [i, 0], ttl: i & 0xff, flags: i % 3 ? ACK : FIN }));
    cache.flush();
    expect(records.map(({ srcPort }, i) => ({ ...extras[i], srcPort }))).toEqual(
      records.map(({ srcPort }) => ({ srcVlan: srcPort, maxTtl: srcPort & 0xff, srcPort })),
    );
  });
});

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
