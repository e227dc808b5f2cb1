import { describe, expect, test } from 'vitest';
import { add, rowCollector } from '../support/collect-rows.ts';
import { decodeOne, type Value } from '../support/decode-one.ts';
import { concat, EXPORT_SECONDS, ipfixMessage, UPTIME_MS, uint, v9Datagram } from '../support/flow-datagrams.ts';

const EXPORT_MS = EXPORT_SECONDS * 1000;

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
      ms,
      ms,
    ],
    [
      'nanoseconds 156/157',
      9,
      [
        [156, 8, ntp],
        [157, 8, ntp],
      ],
      ms,
      ms,
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
      EXPORT_MS - 2001,
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
    const row = decodeOne(version, values);
    expect([row.firstMs, row.lastMs]).toEqual([first, last]);
  });

  test('uptime and systemInitTimeMilliseconds out of an options record', () => {
    const row = decodeOne(
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

describe('below the millisecond', () => {
  /** 2023-11-14T22:13:10Z and a fraction, as it stands on the wire. */
  const at = (fraction: number) => concat(uint(0xe8fe_6f76, 4), uint(fraction >>> 0, 4));
  const ms = 1_699_999_990_000;
  const cases: [string, number, number, Uint8Array, number, number][] = [
    // 0.123456789 s is 530242871.2 / 2^32: exporters cut or round up.
    ['nanoseconds, cut', 156, 157, at(530_242_871), ms + 123, 456_789],
    ['nanoseconds, rounded up', 156, 157, at(530_242_872), ms + 123, 456_789],
    ['nanoseconds, the last', 156, 157, at(0xffff_ffff), ms + 1000, 0],
    ['nanoseconds, a whole second', 156, 157, at(0), ms, 0],
    // 0.123456 s is 530239482.4 / 2^32; RFC 7011 has the 11 lowest bits ignored.
    ['microseconds', 154, 155, at(530_239_482), ms + 123, 456_000],
    ['microseconds, low bits 0', 154, 155, at(530_239_482 & ~0x7ff), ms + 123, 456_000],
    ['microseconds, low bits set', 154, 155, at(530_239_482 | 0x7ff), ms + 123, 456_000],
    ['microseconds, the last', 154, 155, at(0xffff_ffff), ms + 1000, 0],
    ['seconds alone', 156, 157, at(0).subarray(0, 4), ms, 0],
    ['no time', 156, 157, new Uint8Array(8), 0, 0],
  ];
  test.each(cases)('%s', (_name, start, end, value, milliseconds, ns) => {
    const row = decodeOne(10, [
      [4, 1, 6],
      [start, value.length, value],
      [end, value.length, value],
    ]);
    expect([row.firstMs, row.firstNs]).toEqual([milliseconds, ns]);
    expect([row.lastMs, row.lastNs]).toEqual([milliseconds, ns]);
  });

  const exact: [string, [number, number, number | Uint8Array][], number[]][] = [
    [
      'deltas 158 and 159',
      [
        [158, 4, 2_000_999],
        [159, 4, 1_500_000],
      ],
      [EXPORT_MS - 2001, 1000, EXPORT_MS - 1500, 0],
    ],
    [
      'deltas in fewer octets',
      [
        [158, 2, 65_535],
        [159, 1, 1],
      ],
      [EXPORT_MS - 66, 465_000, EXPORT_MS - 1, 999_000],
    ],
    [
      'start and duration 162',
      [
        [156, 8, at(530_242_871)],
        [162, 4, 1_700],
      ],
      [ms + 123, 456_789, ms + 125, 156_789],
    ],
    [
      'end and duration 162',
      [
        [157, 8, at(530_242_871)],
        [162, 4, 1_700],
      ],
      [ms + 121, 756_789, ms + 123, 456_789],
    ],
    [
      'start and duration 161',
      [
        [156, 8, at(530_242_871)],
        [161, 4, 5],
      ],
      [ms + 123, 456_789, ms + 128, 456_789],
    ],
  ];
  test.each(exact)('%s', (_name, values, times) => {
    const row = decodeOne(10, values);
    expect([row.firstMs, row.firstNs, row.lastMs, row.lastNs]).toEqual(times);
  });

  test('count before milliseconds beside them; a start and an end of their own', () => {
    const row = decodeOne(10, [
      [152, 8, ms + 123],
      [156, 8, at(530_242_871)],
      [153, 8, ms + 999],
    ]);
    expect([row.firstMs, row.firstNs, row.lastMs, row.lastNs]).toEqual([ms + 123, 456_789, ms + 999, 0]);
  });

  test('NetScaler: microseconds in place of the fraction', () => {
    const row = decodeOne(10, [
      [154, 8, at(123_456)],
      [155, 8, at(999_999)],
      [128, 4, 1, 5951],
    ]);
    expect([row.firstMs, row.firstNs, row.lastMs, row.lastNs]).toEqual([ms + 123, 456_000, ms + 999, 999_000]);
  });

  test('rows of other templates in the same batch have none', () => {
    const { collector, rows } = rowCollector();
    const templates = [
      { id: 300, fields: [[156, 8] as const, [157, 8] as const] },
      { id: 301, fields: [[152, 8] as const, [153, 8] as const] },
    ];
    const later = concat(uint(ms, 8), uint(ms, 8));
    const value = at(530_242_871);
    const data = [
      { id: 301, bytes: later },
      { id: 300, bytes: concat(value, value, value, value) },
      { id: 301, bytes: later },
    ];
    add(collector, { payload: ipfixMessage({ templates, data }) });
    collector.flush();
    expect(rows.map(({ firstNs, lastNs }) => [firstNs, lastNs])).toEqual([
      [0, 0],
      [456_789, 456_789],
      [456_789, 456_789],
      [0, 0],
    ]);
  });
});

describe('times that cannot be are not known', () => {
  const ms = 1_700_000_000_000;

  test.each<[string, Value[], number, number]>([
    [
      'an end beyond all time',
      [
        [152, 8, ms],
        [161, 8, 2n ** 63n],
      ],
      ms,
      0,
    ],
    [
      'a start before 1970',
      [
        [153, 8, ms],
        [161, 8, ms + 1],
      ],
      0,
      ms,
    ],
    [
      'milliseconds of 7 octets before none',
      [
        [152, 7, 2n ** 56n - 1n],
        [153, 8, ms],
      ],
      0,
      ms,
    ],
  ])('%s', (_, values, firstMs, lastMs) => {
    expect(decodeOne(10, values)).toMatchObject({ firstMs, lastMs });
  });

  // The one by the addon, the other by the loops here: with a field that is no plain copy.
  test.each<[string, (readonly [number, number])[]]>([
    ['plain', []],
    ['with an interval', [[34, 4]]],
  ])('uptimes beside a clock that was never set, %s', (_, more) => {
    const { collector, rows } = rowCollector();
    const fields = [[22, 4] as const, [21, 4] as const, ...more];
    const bytes = concat(uint(UPTIME_MS - 5000, 4), uint(UPTIME_MS + 2000, 4), new Uint8Array(4 * more.length));
    const payload = v9Datagram({ exportSeconds: 1, templates: [{ id: 300, fields }], data: [{ id: 300, bytes }] });
    add(collector, { payload });
    collector.flush();
    expect(rows).toMatchObject([{ firstMs: 0, lastMs: 3000 }]);
  });
});
