import { describe, expect, test } from 'vitest';
import { add, addressOf, type Row, rowCollector } from '../support/collect-rows.ts';
import {
  concat,
  EXPORT_SECONDS,
  ipfixMessage,
  type TemplateField,
  UPTIME_MS,
  uint,
  v9Datagram,
} from '../support/flow-datagrams.ts';

/** A field of a record: element, width, value (octets as they are), enterprise. */
type Value = readonly [element: number, width: number, value: number | bigint | Uint8Array, pen?: number];

const EXPORT_MS = EXPORT_SECONDS * 1000;
const V6_A = new Uint8Array([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
const V6_B = new Uint8Array([0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
const V6_ZERO = new Uint8Array(16);
const V4_A = 0xc0000201;
const V4_B = 0xc6336401;

/** Decodes one record after the options records of `options` (each one template of its own). */
function decode(version: 9 | 10, values: Value[], options: { scopes: number; values: Value[] }[] = []): Row {
  const { collector, rows } = rowCollector();
  const build = version === 9 ? v9Datagram : ipfixMessage;
  const fieldsOf = (list: Value[]): TemplateField[] =>
    list.map(([element, width, , pen]) => (pen === undefined ? [element, width] : [element, width, pen]));
  const bytesOf = (list: Value[]) =>
    concat(...list.map(([, width, value]) => (value instanceof Uint8Array ? value : uint(value, width))));
  options.forEach((option, i) => {
    const id = 400 + i;
    const templates = [{ id, fields: fieldsOf(option.values), scopes: option.scopes }];
    add(collector, { payload: build({ templates, data: [{ id, bytes: bytesOf(option.values) }] }) });
  });
  add(collector, {
    payload: build({ templates: [{ id: 300, fields: fieldsOf(values) }], data: [{ id: 300, bytes: bytesOf(values) }] }),
  });
  collector.flush();
  expect(rows).toHaveLength(1);
  return rows[0]!;
}

describe('times', () => {
  const ms = 1_699_999_990_123;
  const ntpSeconds = Math.floor(ms / 1000) + 2_208_988_800;
  const ntp = (BigInt(ntpSeconds) << 32n) | BigInt(Math.ceil((0.123 * 2 ** 32) | 0));
  const cases: [string, 9 | 10, Value[], number, number][] = [
    [
      'milliseconds 152/153',
      10,
      [
        [152, 8, ms],
        [153, 8, ms + 5],
      ],
      ms,
      ms + 5,
    ],
    [
      'milliseconds of 6 octets',
      10,
      [
        [152, 6, ms],
        [153, 6, ms + 5],
      ],
      ms,
      ms + 5,
    ],
    [
      'seconds 150/151',
      10,
      [
        [150, 4, 1_699_999_990],
        [151, 4, 1_699_999_991],
      ],
      1_699_999_990_000,
      1_699_999_991_000,
    ],
    [
      'microseconds 154/155',
      10,
      [
        [154, 8, ntp],
        [155, 8, ntp],
      ],
      ms - 1,
      ms - 1,
    ],
    [
      'nanoseconds 156/157',
      9,
      [
        [156, 8, ntp],
        [157, 8, ntp],
      ],
      ms - 1,
      ms - 1,
    ],
    [
      'NTP era of 2036',
      10,
      [
        [156, 8, 5n << 32n],
        [157, 8, 6n << 32n],
      ],
      2_085_978_501_000,
      2_085_978_502_000,
    ],
    [
      'delta 158/159',
      10,
      [
        [158, 4, 2_000_999],
        [159, 4, 0],
      ],
      EXPORT_MS - 2000,
      EXPORT_MS,
    ],
    [
      'uptime 22/21',
      9,
      [
        [22, 4, UPTIME_MS - 10],
        [21, 4, UPTIME_MS - 3],
      ],
      EXPORT_MS - 10,
      EXPORT_MS - 3,
    ],
    [
      'uptime across the wrap',
      9,
      [
        [22, 4, 2 ** 32 - 7],
        [21, 4, 1],
      ],
      EXPORT_MS - UPTIME_MS - 7,
      EXPORT_MS - UPTIME_MS + 1,
    ],
    [
      'uptime after the header',
      9,
      [
        [22, 4, UPTIME_MS],
        [21, 4, UPTIME_MS + 40],
      ],
      EXPORT_MS,
      EXPORT_MS + 40,
    ],
    [
      'uptime and 160 in the record',
      10,
      [
        [22, 4, 1000],
        [21, 4, 2000],
        [160, 8, ms],
      ],
      ms + 1000,
      ms + 2000,
    ],
    [
      '160 before it, as MikroTik may',
      10,
      [
        [160, 8, ms],
        [22, 4, 1000],
        [21, 4, 2000],
      ],
      ms + 1000,
      ms + 2000,
    ],
    [
      'uptime without any clock',
      10,
      [
        [22, 4, 1000],
        [21, 4, 2000],
      ],
      0,
      0,
    ],
    [
      'start and duration 161',
      10,
      [
        [152, 8, ms],
        [161, 4, 250],
      ],
      ms,
      ms + 250,
    ],
    [
      'end and duration 162',
      10,
      [
        [153, 8, ms],
        [162, 4, 250_000],
      ],
      ms - 250,
      ms,
    ],
    ['event 323 alone', 9, [[323, 8, ms]], ms, ms],
    [
      'start and event 323',
      9,
      [
        [152, 8, ms],
        [323, 8, ms + 9],
      ],
      ms,
      ms + 9,
    ],
    [
      'finer before coarser',
      10,
      [
        [150, 4, 1],
        [152, 8, ms],
        [151, 4, 1],
        [153, 8, ms],
      ],
      ms,
      ms,
    ],
    [
      'beyond what a date can be',
      10,
      [
        [152, 8, 2n ** 63n],
        [153, 8, ms],
      ],
      0,
      ms,
    ],
    ['no times', 10, [[4, 1, 6]], 0, 0],
  ];
  test.each(cases)('%s', (_name, version, values, first, last) => {
    const row = decode(version, values);
    expect([row.firstMs, row.lastMs]).toEqual([first, last]);
  });

  test('uptime and systemInitTimeMilliseconds out of an options record', () => {
    const row = decode(
      10,
      [
        [22, 4, 1000],
        [21, 4, 2000],
      ],
      [
        {
          scopes: 1,
          values: [
            [144, 4, 1],
            [160, 8, ms],
          ],
        },
      ],
    );
    expect([row.firstMs, row.lastMs]).toEqual([ms + 1000, ms + 2000]);
  });
});

describe('counters', () => {
  const cases: [string, Value[], [bigint, bigint, bigint, bigint]][] = [
    [
      'delta before total',
      [
        [85, 8, 9],
        [1, 4, 7],
        [86, 4, 3],
        [2, 8, 2],
      ],
      [2n, 7n, 0n, 0n],
    ],
    [
      'total alone',
      [
        [85, 8, 9],
        [86, 3, 3],
      ],
      [3n, 9n, 0n, 0n],
    ],
    [
      'NSEL both ways',
      [
        [231, 4, 5],
        [232, 4, 6],
        [298, 4, 1],
        [299, 4, 2],
      ],
      [1n, 5n, 2n, 6n],
    ],
    ['layer 2 alone', [[352, 8, 64]], [0n, 64n, 0n, 0n]],
    [
      'egress meter with post counters alone',
      [
        [23, 4, 5],
        [24, 4, 1],
      ],
      [1n, 5n, 0n, 0n],
    ],
    [
      'post counters beside others',
      [
        [1, 4, 9],
        [2, 4, 2],
        [23, 4, 5],
        [24, 4, 1],
      ],
      [2n, 9n, 1n, 5n],
    ],
    [
      '64 bits',
      [
        [1, 8, 2n ** 63n + 5n],
        [2, 8, 2n ** 32n],
      ],
      [2n ** 32n, 2n ** 63n + 5n, 0n, 0n],
    ],
    [
      'reduced to 5 and 7 octets',
      [
        [1, 5, 2n ** 39n],
        [2, 7, 2n ** 55n + 1n],
      ],
      [2n ** 55n + 1n, 2n ** 39n, 0n, 0n],
    ],
    [
      'first of repeated',
      [
        [1, 4, 1],
        [1, 4, 2],
        [2, 4, 3],
        [2, 4, 4],
      ],
      [3n, 1n, 0n, 0n],
    ],
  ];
  test.each(cases)('%s', (_name, values, expected) => {
    const row = decode(10, values);
    expect([row.packets, row.octets, row.outPackets, row.outOctets]).toEqual(expected);
  });

  test('reverse direction of a biflow (RFC 5103)', () => {
    const row = decode(10, [
      [1, 8, 10],
      [2, 8, 1],
      [1, 8, 20, 29305],
      [2, 8, 2, 29305],
    ]);
    expect([row.octets, row.packets, row.outOctets, row.outPackets]).toEqual([10n, 1n, 20n, 2n]);
  });

  test("another enterprise's element 1 is no counter", () => {
    const row = decode(10, [
      [1, 8, 10],
      [1, 8, 20, 9],
      [7, 2, 99, 35632],
    ]);
    expect([row.octets, row.srcPort]).toEqual([10n, 0]);
  });
});

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
    const row = decode(10, values);
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
    const row = decode(10, [...outer, ...inner]);
    expect([addressOf(row, 'srcAddr'), row.srcPort, row.proto, row.tcpFlags, row.inIf]).toEqual([
      '198.51.100.1',
      2,
      17,
      16,
      1,
    ]);
  });

  test('an address of another length is none', () => {
    const row = decode(10, [
      [8, 3, 5],
      [27, 4, 5],
      [4, 1, 6],
    ]);
    expect([row.srcAddrHi, row.srcAddrLo, row.proto]).toEqual([0n, 0n, 6]);
  });

  test('IPv6 next hop of an IPv4 flow (RFC 8950)', () => {
    const row = decode(10, [
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
    const row = decode(10, values);
    expect([row.srcPort, row.dstPort]).toEqual([srcPort, dstPort]);
  });
});

describe('sampling', () => {
  const packets: Value[] = [[2, 4, 1]];
  const float = (value: number) => {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, value);
    return bytes;
  };
  const inRecord: [string, Value[], number][] = [
    ['34', [[34, 4, 100]], 100],
    [
      '34 before 50',
      [
        [50, 4, 7],
        [34, 4, 100],
      ],
      100,
    ],
    [
      '34 of 0 says nothing',
      [
        [50, 4, 7],
        [34, 4, 0],
      ],
      7,
    ],
    ['50 in 2 octets (ASR1000)', [[50, 2, 512]], 512],
    [
      '305 and 306 (Nokia)',
      [
        [305, 4, 1],
        [306, 4, 999],
      ],
      1000,
    ],
    ['305 alone (NCS)', [[305, 4, 64]], 64],
    ['305 alone of 1 says nothing', [[305, 4, 1]], 0],
    [
      '309 of 310',
      [
        [309, 4, 1],
        [310, 4, 256],
      ],
      256,
    ],
    [
      '309 of 0',
      [
        [309, 4, 0],
        [310, 4, 256],
      ],
      0,
    ],
    ['311', [[311, 8, float(0.001)]], 1000],
    ['none', [], 0],
  ];
  test.each(inRecord)('in the record: %s', (_name, values, rate) => {
    expect(decode(10, [...packets, ...values]).sampling).toBe(rate);
  });

  const general = {
    scopes: 1,
    values: [
      [149, 4, 0],
      [34, 4, 50],
    ] as Value[],
  };
  const sampler = (id: number, rate: number) => ({
    scopes: 1,
    values: [
      [302, 8, id],
      [309, 4, 1],
      [310, 4, rate],
    ] as Value[],
  });
  const byOptions: [string, Value[], { scopes: number; values: Value[] }[], number][] = [
    ['of the stream', [], [general], 50],
    ['of the sampler in the record', [[302, 4, 2]], [sampler(1, 10), sampler(2, 20)], 20],
    ['of samplers that agree', [], [sampler(1, 10), sampler(2, 10)], 10],
    ['of samplers that differ', [], [sampler(1, 10), sampler(2, 20)], 0],
    [
      'of the template',
      [],
      [
        general,
        {
          scopes: 1,
          values: [
            [145, 2, 300],
            [305, 4, 1],
            [306, 4, 9],
          ],
        },
      ],
      10,
    ],
    [
      'of another template',
      [],
      [
        general,
        {
          scopes: 1,
          values: [
            [145, 2, 301],
            [34, 4, 9],
          ],
        },
      ],
      50,
    ],
    ['less than the record itself', [[34, 4, 7]], [general], 7],
  ];
  test.each(byOptions)('by options: %s', (_name, values, options, rate) => {
    expect(decode(10, [...packets, ...values], options).sampling).toBe(rate);
  });

  test('v9 options with the sampler table of an ASR 9000', () => {
    const options = {
      scopes: 1,
      values: [
        [1, 4, 0],
        [48, 1, 1],
        [50, 4, 30_000],
        [49, 1, 2],
      ] as Value[],
    };
    expect(decode(9, [...packets, [48, 1, 1]], [options]).sampling).toBe(30_000);
  });
});

describe('other fields', () => {
  test('flags in 1 and 2 octets, labels, MAC, reduced and widened numbers', () => {
    const one = decode(9, [
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
    const two = decode(10, [
      [6, 2, 0x1012],
      [61, 1, 255],
      [14, 8, 7],
    ]);
    expect([two.tcpFlags, two.direction, two.outIf]).toEqual([0x1012, 255, 7]);
  });

  test('physical interfaces stand in for logical ones, and ports of 180-183', () => {
    const row = decode(10, [
      [252, 4, 5],
      [253, 4, 6],
      [10, 4, 7],
      [182, 2, 80],
      [183, 2, 81],
    ]);
    expect([row.inIf, row.outIf, row.srcPort, row.dstPort]).toEqual([7, 6, 80, 81]);
  });

  test('ASA fields above 32768 exist in v9 only', () => {
    const row = decode(9, [
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
      decode(10, [
        [4, 1, 6],
        [33002 - 32768, 2, 2025, 4242],
      ]).firewallExtEvent,
    ).toBe(0);
  });

  test('direction is unknown unless told', () => {
    expect(decode(9, [[4, 1, 6]]).direction).toBe(255);
    expect(decode(9, [[61, 1, 1]]).direction).toBe(1);
  });
});
