import { describe, expect, it } from 'vitest';
import { P_META_DIRECTION_KNOWN, P_META_EGRESS } from '../../src/addon/packet-layout.ts';
import { cacheNeedsExtensions } from '../../src/cache/flow-cache.ts';
import { parseTrack } from '../../src/cache/key-fields.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { collecting, type TestPacket } from './packets.ts';

const SECOND = 1_000_000;
const T0 = 1_700_000_000 * SECOND;
const FIN = 0x11;
const SYN = 0x02;
const ACK = 0x10;

/** A packet `after` microseconds after T0. */
function at(after: number, rest: Partial<TestPacket> = {}): TestPacket {
  return { timeUs: T0 + after, flags: ACK, srcPort: 1, ...rest };
}

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
