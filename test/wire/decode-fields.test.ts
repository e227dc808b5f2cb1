import { describe, expect, test } from 'vitest';
import { addressOf } from '../support/collect-rows.ts';
import { decodeOne, type Value } from '../support/decode-one.ts';

const V6_A = new Uint8Array([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
const V6_B = new Uint8Array([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
const V6_ZERO = new Uint8Array(16);
const V4_A = 0xc0000201;
const V4_B = 0xc6336401;

describe('addresses', () => {
  const dual = (src4: number, dst4: number, src6: Uint8Array, dst6: Uint8Array): Value[] => [
    [8, 4, src4],
    [12, 4, dst4],
    [27, 16, src6],
    [28, 16, dst6],
    [9, 1, 24],
    [13, 1, 16],
    [29, 1, 64],
    [30, 1, 48],
  ];
  const cases: [string, Value[], string, string, number, number][] = [
    ['both families, IPv4 used', dual(V4_A, V4_B, V6_ZERO, V6_ZERO), '192.0.2.1', '198.51.100.1', 24, 16],
    ['both families, IPv6 used', dual(0, 0, V6_A, V6_B), '2001:db8::1', '2001:db8::2', 64, 48],
    ['IPv6 from the unspecified address', dual(0, 0, V6_ZERO, V6_B), '::', '2001:db8::2', 64, 48],
    ['IPv4 from 0.0.0.0', dual(0, V4_B, V6_ZERO, V6_ZERO), '0.0.0.0', '198.51.100.1', 24, 16],
    ['both used, ipVersion 4', [...dual(V4_A, V4_B, V6_A, V6_B), [60, 1, 4]], '192.0.2.1', '198.51.100.1', 24, 16],
    ['both used, ipVersion 6', [[60, 1, 6], ...dual(V4_A, V4_B, V6_A, V6_B)], '2001:db8::1', '2001:db8::2', 64, 48],
    [
      'both used, ipVersion of the inner header',
      [[60, 1, 6], ...dual(V4_A, V4_B, V6_A, V6_B), [60, 1, 4]],
      '192.0.2.1',
      '198.51.100.1',
      24,
      16,
    ],
    ['both used, inner header last', dual(V4_A, V4_B, V6_A, V6_B), '2001:db8::1', '2001:db8::2', 64, 48],
  ];
  test.each(cases)('%s', (_name, values, src, dst, srcMask, dstMask) => {
    const row = decodeOne(10, values);
    expect([addressOf(row, 'srcAddr'), addressOf(row, 'dstAddr'), row.srcMask, row.dstMask]).toEqual([
      src,
      dst,
      srcMask,
      dstMask,
    ]);
  });

  test('last of repeated addresses, ports, protocols and flags: the inner header', () => {
    const outer: Value[] = [
      [8, 4, V4_A],
      [7, 2, 1],
      [4, 1, 4],
      [6, 1, 0],
      [10, 4, 1],
    ];
    const inner: Value[] = [
      [8, 4, V4_B],
      [7, 2, 2],
      [4, 1, 17],
      [6, 1, 16],
      [10, 4, 2],
    ];
    const row = decodeOne(10, [...outer, ...inner]);
    expect([addressOf(row, 'srcAddr'), row.srcPort, row.proto, row.tcpFlags, row.inIf]).toEqual([
      '198.51.100.1',
      2,
      17,
      16,
      1,
    ]);
  });

  test('an address of another length is none', () => {
    const row = decodeOne(10, [
      [8, 3, 5],
      [27, 4, 5],
      [4, 1, 6],
    ]);
    expect([row.srcAddrHi, row.srcAddrLo, row.proto]).toEqual([0n, 0n, 6]);
  });

  test('IPv6 next hop of an IPv4 flow (RFC 8950)', () => {
    const row = decodeOne(10, [
      [8, 4, V4_A],
      [12, 4, V4_B],
      [15, 4, 0],
      [62, 16, V6_A],
    ]);
    expect(addressOf(row, 'nextHop')).toBe('2001:db8::1');
  });
});

describe('ICMP', () => {
  const cases: [string, Value[], number, number][] = [
    [
      'type and code',
      [
        [4, 1, 1],
        [7, 2, 9],
        [11, 2, 77],
        [176, 1, 3],
        [177, 1, 1],
      ],
      9,
      0x301,
    ],
    [
      'type and code of echo reply beside an identifier',
      [
        [4, 1, 1],
        [11, 2, 77],
        [176, 1, 0],
        [177, 1, 0],
      ],
      0,
      0,
    ],
    [
      'combined',
      [
        [4, 1, 1],
        [32, 2, 0x800],
      ],
      0,
      0x800,
    ],
    [
      'combined for IPv6',
      [
        [4, 1, 58],
        [139, 2, 0x8000],
        [32, 2, 0],
      ],
      0,
      0x8000,
    ],
    [
      'combined 0 beside a port',
      [
        [4, 1, 1],
        [11, 2, 0x800],
        [32, 2, 0],
      ],
      0,
      0x800,
    ],
    [
      'port alone',
      [
        [4, 1, 58],
        [7, 2, 0],
        [11, 2, 0x8700],
      ],
      0,
      0x8700,
    ],
    [
      'source port, bytes swapped',
      [
        [4, 1, 1],
        [7, 2, 0x0008],
        [11, 2, 0],
      ],
      0,
      0x800,
    ],
    [
      'not ICMP',
      [
        [4, 1, 6],
        [7, 2, 8],
        [11, 2, 0],
        [32, 2, 0x301],
        [176, 1, 3],
      ],
      8,
      0,
    ],
  ];
  test.each(cases)('%s', (_name, values, srcPort, dstPort) => {
    const row = decodeOne(10, values);
    expect([row.srcPort, row.dstPort]).toEqual([srcPort, dstPort]);
  });
});

describe('other fields', () => {
  test('flags in 1 and 2 octets, labels, MAC, reduced and widened numbers', () => {
    const one = decodeOne(9, [
      [6, 1, 0x12],
      [70, 3, 0x04e251],
      [56, 6, 0x0050_56c0_0001],
      [89, 4, 0x40],
      [16, 2, 65535],
      [10, 3, 0x123456],
    ]);
    expect([one.tcpFlags, one.mpls1, one.inSrcMac, one.forwardingStatus, one.srcAs, one.inIf]).toEqual([
      0x12,
      0x04e251,
      0x0050_56c0_0001n,
      0x40,
      65535,
      0x123456,
    ]);
    const two = decodeOne(10, [
      [6, 2, 0x1012],
      [61, 1, 255],
      [14, 8, 7],
    ]);
    expect([two.tcpFlags, two.direction, two.outIf]).toEqual([0x1012, 255, 7]);
  });

  test('physical interfaces stand in for logical ones, and ports of 180-183', () => {
    const row = decodeOne(10, [
      [252, 4, 5],
      [253, 4, 6],
      [10, 4, 7],
      [182, 2, 80],
      [183, 2, 81],
    ]);
    expect([row.inIf, row.outIf, row.srcPort, row.dstPort]).toEqual([7, 6, 80, 81]);
  });

  test('ASA fields above 32768 exist in v9 only', () => {
    const row = decodeOne(9, [
      [40001, 4, V4_A],
      [40003, 2, 81],
      [40005, 1, 2],
      [33002, 2, 2025],
    ]);
    expect([addressOf(row, 'natSrcAddr'), row.natSrcPort, row.firewallEvent, row.firewallExtEvent]).toEqual([
      '192.0.2.1',
      81,
      2,
      2025,
    ]);
    expect(
      decodeOne(10, [
        [4, 1, 6],
        [33002 - 32768, 2, 2025, 4242],
      ]).firewallExtEvent,
    ).toBe(0);
  });

  test('direction is unknown unless told', () => {
    expect(decodeOne(9, [[4, 1, 6]]).direction).toBe(255);
    expect(decodeOne(9, [[61, 1, 1]]).direction).toBe(1);
  });
});
