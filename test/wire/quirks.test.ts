import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type QuirkName, quirkNames, unswappedInterval } from '../../src/wire/quirks.ts';
import { add, addressOf, type Row, rowCollector } from '../support/collect-rows.ts';
import {
  concat,
  EXPORT_SECONDS,
  ipfixMessage,
  type TemplateField,
  uint,
  v5Datagram,
  v9Datagram,
} from '../support/flow-datagrams.ts';
import { addressV4, flowSample, sflowDatagram } from '../support/sflow-datagrams.ts';

/** What a device sends, what becomes of it, and how often the quirk counts. */
interface Case {
  readonly datagrams: readonly Uint8Array[];
  readonly row?: Partial<Row>;
  readonly check?: (row: Row) => void;
  readonly times?: number;
}

type Build = typeof v9Datagram;

/** One record of a template with these elements and values. */
function record(build: Build, fields: readonly Field[]): Uint8Array {
  const template = { id: 256, fields: fields.map(({ spec }) => spec) };
  const bytes = concat(...fields.map(({ value }) => value));
  return build({ templates: [template], data: [{ id: 256, bytes }] });
}

interface Field {
  spec: TemplateField;
  value: Uint8Array;
}

function field(element: number, length: number, value: number | bigint, pen?: number): Field {
  return { spec: pen === undefined ? [element, length] : [element, length, pen], value: uint(value, length) };
}

const source = field(8, 4, 0x0a000001);
const NTP_SECONDS = 2_208_988_800 + EXPORT_SECONDS;
const v5Record = new Uint8Array(48);

/** Options of another stream that tell a sampling rate. */
function samplingOptions(rate: number): Uint8Array {
  const fields: TemplateField[] = [
    [1, 4],
    [34, 4],
  ];
  const data = [{ id: 300, bytes: concat(uint(0, 4), uint(rate, 4)) }];
  return v9Datagram({ domain: 9, templates: [{ id: 300, fields, scopes: 1 }], data });
}

const cases: Record<QuirkName, Case> = {
  'asa-old-numbers': {
    datagrams: [record(v9Datagram, [source, field(40_003, 2, 4711), field(40_005, 1, 2)])],
    row: { natSrcPort: 4711, firewallEvent: 2 },
  },
  'v9-variable-length': {
    datagrams: [
      record(v9Datagram, [source, { spec: [96, 65_535], value: concat(uint(2, 1), uint(0x6162, 2)) }, field(7, 2, 53)]),
    ],
    row: { srcPort: 53 },
  },
  'empty-fields': {
    datagrams: [record(v9Datagram, [source, field(10, 0, 0), field(7, 2, 53)])],
    row: { srcPort: 53, inIf: 0 },
  },
  'post-counters': {
    datagrams: [record(v9Datagram, [source, field(24, 4, 5), field(23, 4, 500)])],
    row: { packets: 5n, octets: 500n, outPackets: 0n, outOctets: 0n },
  },
  'total-counters': {
    datagrams: [record(ipfixMessage, [source, field(86, 8, 5), field(85, 8, 500)])],
    row: { packets: 5n, octets: 500n },
  },
  'layer-2-octets': {
    datagrams: [record(ipfixMessage, [source, field(2, 4, 1), field(352, 8, 500)])],
    row: { octets: 500n },
  },
  'physical-interfaces': {
    datagrams: [record(ipfixMessage, [source, field(252, 4, 3), field(253, 4, 4)])],
    row: { inIf: 3, outIf: 4 },
  },
  'ports-by-protocol': {
    datagrams: [record(ipfixMessage, [source, field(4, 1, 17), field(180, 2, 53), field(181, 2, 4000)])],
    row: { srcPort: 53, dstPort: 4000 },
  },
  'both-families': {
    datagrams: [record(v9Datagram, [field(8, 4, 0), field(27, 16, (0x20010db8n << 96n) | 1n)])],
    check: (row) => expect(addressOf(row, 'srcAddr')).toBe('2001:db8::1'),
  },
  'repeated-elements': {
    datagrams: [record(ipfixMessage, [source, field(8, 4, 0x0a000002), field(2, 4, 1), field(2, 4, 2)])],
    row: { packets: 1n },
    check: (row) => expect(addressOf(row, 'srcAddr')).toBe('10.0.0.2'),
  },
  'wide-forwarding-status': {
    datagrams: [record(v9Datagram, [source, field(89, 4, 64)])],
    row: { forwardingStatus: 64 },
  },
  'rate-in-record': {
    datagrams: [record(v9Datagram, [source, field(34, 4, 1000)])],
    row: { sampling: 1000 },
  },
  'netscaler-microseconds': {
    datagrams: [
      record(ipfixMessage, [
        source,
        field(154, 8, (BigInt(NTP_SECONDS) << 32n) | 548_123n),
        field(155, 8, (BigInt(NTP_SECONDS) << 32n) | 0x8000_0000n),
        field(129, 4, 1, 5951),
      ]),
    ],
    // A number beyond a second's microseconds is a fraction.
    row: { firstMs: EXPORT_SECONDS * 1000 + 548, lastMs: EXPORT_SECONDS * 1000 + 500 },
  },
  'juniper-exception-code': {
    datagrams: [
      record(ipfixMessage, [source, field(137, 2, (2 << 10) | 7, 2636)]),
      record(ipfixMessage, [source, field(137, 2, 2 << 10, 2636)]),
      record(ipfixMessage, [source, field(137, 2, (1 << 10) | 7, 2636)]),
    ],
    row: { forwardingStatus: 128 },
    times: 3,
  },
  'uptime-in-ipfix': {
    datagrams: [
      ipfixMessage({
        templates: [
          {
            id: 400,
            fields: [
              [144, 4],
              [160, 8],
            ],
            scopes: 1,
          },
        ],
        data: [{ id: 400, bytes: concat(uint(1, 4), uint(EXPORT_SECONDS * 1000 - 60_000, 8)) }],
      }),
      record(ipfixMessage, [source, field(22, 4, 10_000), field(21, 4, 20_000)]),
    ],
    row: { firstMs: EXPORT_SECONDS * 1000 - 50_000, lastMs: EXPORT_SECONDS * 1000 - 40_000 },
  },
  'swapped-interval': {
    datagrams: [record(v9Datagram, [source, field(34, 4, 0x0100_0000)])],
    row: { sampling: 1 },
  },
  'icmp-in-source-port': {
    datagrams: [record(v9Datagram, [source, field(4, 1, 1), field(7, 2, 0x0003), field(11, 2, 0)])],
    row: { srcPort: 0, dstPort: 0x0300 },
  },
  'zero-tail': {
    datagrams: [concat(record(v9Datagram, [source]), new Uint8Array(40))],
  },
  'v5-interval-of-16-bits': {
    datagrams: [v5Datagram({ sampling: 50_000, records: v5Record })],
    row: { sampling: 50_000 },
  },
  'v5-nanoseconds': {
    datagrams: [v5Datagram({ nanoseconds: 1_500_000_000, records: v5Record })],
    row: { exportMs: EXPORT_SECONDS * 1000 },
  },
  'sampler-of-other-stream': {
    datagrams: [samplingOptions(500), record(v9Datagram, [source])],
    row: { sampling: 500 },
  },
  'v9-sequence-of-records': {
    datagrams: [
      v9Datagram({ sequence: 0, templates: [{ id: 256, fields: [[8, 4]] }] }),
      ...Array.from({ length: 20 }, (_, i) =>
        v9Datagram({ sequence: i * 30, data: [{ id: 256, bytes: new Uint8Array(120) }] }),
      ),
    ],
    times: 1,
  },
  'sflow-agent': {
    datagrams: [sflowDatagram({ agent: addressV4('127.0.0.1'), samples: [flowSample({})] })],
    check: (row) => expect(addressOf(row, 'exporter')).toBe('192.0.2.1'),
  },
  'sflow-high-rate': {
    datagrams: [sflowDatagram({ samples: [flowSample({ rate: 5_000_000 })] })],
    row: { sampling: 5_000_000 },
  },
};

describe('quirks of devices', () => {
  for (const [name, { datagrams, row, check, times }] of Object.entries(cases)) {
    test(name, () => {
      const { collector, rows } = rowCollector();
      for (const payload of datagrams) add(collector, { payload });
      collector.flush();
      expect(rows.length).toBeGreaterThan(0);
      if (row !== undefined) expect(rows[0]).toMatchObject(row);
      check?.(rows[0]!);
      const met = collector.stats().streams.reduce((sum, { quirks }) => sum + (quirks[name] ?? 0), 0);
      expect(met).toBe(times ?? 1);
    });
  }

  test('none is met where devices do as everybody does', () => {
    const { collector } = rowCollector();
    add(collector, { payload: record(v9Datagram, [source, field(12, 4, 1), field(2, 4, 1), field(1, 4, 100)]) });
    add(collector, { payload: v5Datagram({ sampling: 0x4000 | 100, records: v5Record }) });
    collector.flush();
    expect(collector.stats().streams.map(({ quirks }) => quirks)).toEqual([{}, {}]);
  });

  test('intervals are swapped only where no sampler could mean them', () => {
    expect([1, 1000, 65_536, 131_072, 0x00ff_ffff].map(unswappedInterval)).toEqual([
      1, 1000, 65_536, 131_072, 0xff_ffff,
    ]);
    expect([0x0100_0000, 0xe803_0000, 0x0100_0001, 2 ** 40].map(unswappedInterval)).toEqual([
      1,
      1000,
      0x0100_0001,
      2 ** 40,
    ]);
  });

  test('docs/quirks.md lists each', () => {
    const page = readFileSync(new URL('../../docs/quirks.md', import.meta.url), 'utf8');
    const listed = [...page.matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, name]) => name);
    expect(listed).toEqual([...quirkNames]);
    expect(Object.keys(cases)).toEqual([...quirkNames]);
  });
});

const NETSCALER = new URL('../../../shared/data/flows/ipfix-netscaler.pcap', import.meta.url);

test.skipIf(!existsSync(NETSCALER))(
  'a real NetScaler (shared/data/flows): times within the second of the header',
  async () => {
    const { readUdp } = await import('../support/pcap-udp.ts');
    const { collector, rows } = rowCollector();
    for (const datagram of readUdp(readFileSync(NETSCALER))) add(collector, datagram);
    collector.flush();
    expect(rows.length).toBe(3);
    expect(collector.stats().streams[0]!.quirks['netscaler-microseconds']).toBeGreaterThan(0);
    // As a fraction of 2^32 all three would lie in the first millisecond of their second.
    expect(rows.every(({ firstMs }) => Number(firstMs) % 1000 > 1)).toBe(true);
  },
);

test('what a v5 header tells, or a rate of 1, is no sampler of another stream; looking at the accounts counts nothing', () => {
  const { collector, rows } = rowCollector();
  for (const payload of [
    samplingOptions(1),
    v5Datagram({ records: v5Record }),
    record(v9Datagram, [source]),
    samplingOptions(500),
    v5Datagram({ sampling: 100, records: v5Record }),
  ]) {
    add(collector, { payload });
    collector.stats();
  }
  collector.flush();
  expect(rows.map(({ sampling }) => sampling)).toEqual([1, 1, 100]);
  const { streams } = collector.stats();
  expect(streams.map(({ version, samplingRate }) => [version, samplingRate])).toEqual([
    [9, 500],
    [5, 100],
    [9, 500],
  ]);
  expect(streams.flatMap(({ quirks }) => Object.keys(quirks))).not.toContain('sampler-of-other-stream');
});
