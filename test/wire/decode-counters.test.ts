import { describe, expect, test } from 'vitest';
import { decodeOne, type Value } from '../support/decode-one.ts';

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
    const row = decodeOne(10, values);
    expect([row.packets, row.octets, row.outPackets, row.outOctets]).toEqual(expected);
  });

  test('reverse direction of a biflow (RFC 5103)', () => {
    const row = decodeOne(10, [
      [1, 8, 10],
      [2, 8, 1],
      [1, 8, 20, 29305],
      [2, 8, 2, 29305],
    ]);
    expect([row.octets, row.packets, row.outOctets, row.outPackets]).toEqual([10n, 1n, 20n, 2n]);
  });

  test("another enterprise's element 1 is no counter", () => {
    const row = decodeOne(10, [
      [1, 8, 10],
      [1, 8, 20, 9],
      [7, 2, 99, 35632],
    ]);
    expect([row.octets, row.srcPort]).toEqual([10n, 0]);
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
    expect(decodeOne(10, [...packets, ...values]).sampling).toBe(rate);
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
    expect(decodeOne(10, [...packets, ...values], options).sampling).toBe(rate);
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
    expect(decodeOne(9, [...packets, [48, 1, 1]], [options]).sampling).toBe(30_000);
  });
});
