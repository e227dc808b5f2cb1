import { expect, test } from 'vitest';
import { add, addressOf, rowCollector } from '../support/collect-rows.ts';
import { concat, EXPORT_SECONDS, fill, UPTIME_MS, uint, v5Datagram } from '../support/flow-datagrams.ts';

const EXPORT_MS = EXPORT_SECONDS * 1000;

/** The part that all versions begin with. */
const common = concat(
  uint(0x0a000001, 4),
  uint(0x0a000002, 4),
  uint(0x0a0000fe, 4),
  uint(3, 2),
  uint(4, 2),
  uint(10, 4),
  uint(4_000_000_000, 4),
  uint(UPTIME_MS - 2000, 4),
  uint(UPTIME_MS - 1000, 4),
  uint(50_000, 2),
  uint(443, 2),
);
const routed = concat(
  uint(0, 1),
  uint(0x1b, 1),
  uint(6, 1),
  uint(0x20, 1),
  uint(65_001, 2),
  uint(65_002, 2),
  uint(24, 1),
  uint(16, 1),
);

function decode(datagram: Uint8Array) {
  const { collector, rows } = rowCollector();
  add(collector, { payload: datagram });
  collector.flush();
  return { rows, counters: collector.stats().decode, streams: collector.stats().streams };
}

test.each([
  [1, concat(common, uint(0, 2), uint(6, 1), uint(0x20, 1), uint(0x1b, 1), new Uint8Array(11))],
  [5, concat(common, routed, uint(0, 2))],
  [7, concat(common, routed, uint(0, 2), uint(0x0a0000aa, 4))],
])('v%i record', (version, record) => {
  const { rows } = decode(v5Datagram({ version, records: record, nanoseconds: 250_999_999 }));
  expect(rows).toHaveLength(1);
  const row = rows[0]!;
  expect(row).toMatchObject({
    exportVersion: version,
    exportMs: EXPORT_MS + 250,
    receivedMs: 1_700_000_000_000,
    firstMs: EXPORT_MS + 250 - 2000,
    lastMs: EXPORT_MS + 250 - 1000,
    packets: 10n,
    octets: 4_000_000_000n,
    inIf: 3,
    outIf: 4,
    srcPort: 50_000,
    dstPort: 443,
    proto: 6,
    tos: 0x20,
    tcpFlags: 0x1b,
    srcAs: version === 1 ? 0 : 65_001,
    dstAs: version === 1 ? 0 : 65_002,
    srcMask: version === 1 ? 0 : 24,
    dstMask: version === 1 ? 0 : 16,
  });
  expect(['srcAddr', 'dstAddr', 'nextHop', 'exporter'].map((field) => addressOf(row, field))).toEqual([
    '10.0.0.1',
    '10.0.0.2',
    '10.0.0.254',
    '192.0.2.1',
  ]);
});

test('the engine is the domain, the low 14 bits of the last header word the sampling rate', () => {
  const { rows } = decode(v5Datagram({ engine: 0x1102, sampling: 0x4000 | 1000, records: fill(48, 1) }));
  expect([rows[0]!.domain, rows[0]!.sampling]).toEqual([0x1102, 1000]);
});

test('nanoseconds beyond a second are not believed', () => {
  const { rows } = decode(v5Datagram({ nanoseconds: 4_000_000_000, records: fill(48, 1) }));
  expect(rows[0]!.exportMs).toBe(EXPORT_MS);
});

test('the operator overrides the sampling rate, or fills it in', () => {
  for (const [isFixed, header, expected] of [
    [true, 10, 77],
    [false, 10, 10],
    [false, 0, 77],
  ] as const) {
    const { collector, rows } = rowCollector({ samplingOf: () => ({ rate: 77, isFixed }) });
    add(collector, { payload: v5Datagram({ sampling: header, records: fill(48, 1) }) });
    collector.flush();
    expect(rows[0]!.sampling).toBe(expected);
  }
});

test('a datagram with fewer records than announced is read as far as it goes', () => {
  const { rows, counters } = decode(v5Datagram({ count: 5, records: fill(48 * 2 + 20, 1) }));
  expect(rows).toHaveLength(2);
  expect(counters.truncated).toBe(1);
});

test('a count that no v5 datagram has is refused', () => {
  const { rows, counters } = decode(v5Datagram({ count: 55_582, records: fill(48 * 30, 1) }));
  expect(rows).toHaveLength(0);
  expect(counters.badHeader).toBe(1);
});

test('octets behind the announced records are left alone', () => {
  expect(decode(v5Datagram({ count: 1, records: fill(48 * 3, 1) })).rows).toHaveLength(1);
});

test('what is no flow export is counted by kind', () => {
  const kinds: [Uint8Array, 'tooShort' | 'unknownVersion'][] = [
    [new Uint8Array(0), 'tooShort'],
    [new Uint8Array([5]), 'tooShort'],
    [uint(5, 4), 'tooShort'],
    [uint(0x00050000, 4), 'tooShort'],
    [uint(0xffff0000, 4), 'unknownVersion'],
    [uint(0x00090000, 6), 'unknownVersion'],
    // sFlow versions 2 and 4.
    [concat(uint(2, 4), fill(60, 1)), 'unknownVersion'],
    [concat(uint(4, 4), fill(60, 1)), 'unknownVersion'],
  ];
  for (const [payload, kind] of kinds) {
    const { tooShort, unknownVersion } = decode(payload).counters;
    expect([tooShort, unknownVersion]).toEqual(kind === 'tooShort' ? [1, 0] : [0, 1]);
  }
});
