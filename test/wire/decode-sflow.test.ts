import { describe, expect, test } from 'vitest';
import { add, addressOf, type Row, rowCollector } from '../support/collect-rows.ts';
import { concat, uint, v5Datagram, v9Datagram } from '../support/flow-datagrams.ts';
import {
  addressV4,
  addressV6,
  ethernetFrame,
  flowSample,
  headerRecord,
  ipv4Packet,
  sflowDatagram,
  tagged,
  udpHeader,
  words,
} from '../support/sflow-datagrams.ts';

const udp = ipv4Packet({ payload: udpHeader(5000, 53) });

function decodeAll(...payloads: Uint8Array[]) {
  const { collector, rows } = rowCollector();
  for (const payload of payloads) add(collector, { payload });
  collector.flush();
  return { rows, decode: collector.stats().decode, streams: collector.stats().streams };
}

/** The row of a flow sample with these records. */
function rowOf(...records: Uint8Array[]): Row {
  const { rows, decode } = decodeAll(sflowDatagram({ samples: [flowSample({ records })] }));
  expect(rows).toHaveLength(1);
  expect(decode.badSampleRecords).toBe(0);
  return rows[0]!;
}

const ends = (row: Row) =>
  `${row.proto} ${addressOf(row, 'srcAddr')}:${row.srcPort} ${addressOf(row, 'dstAddr')}:${row.dstPort}`;
const UDP_ENDS = '17 10.0.0.1:5000 10.0.0.2:53';

describe('rows of flow samples', () => {
  test('one packet with its rate, at the time of receipt, from the agent', () => {
    const sample = flowSample({ rate: 4096, records: [headerRecord(1, ethernetFrame(0x800, udp), 60, 4)] });
    const { rows } = decodeAll(sflowDatagram({ subAgent: 9, samples: [sample] }));
    expect(rows[0]).toMatchObject({
      packets: 1n,
      octets: 28n,
      sampling: 4096,
      receivedMs: 1_700_000_000_000,
      firstMs: 1_700_000_000_000,
      lastMs: 1_700_000_000_000,
      domain: 9,
      exportVersion: 105,
      inSrcMac: 0x02000000000an,
      inDstMac: 0x02000000000bn,
      etherType: 0x800,
      minTtl: 61,
      maxTtl: 61,
    });
    expect([ends(rows[0]!), addressOf(rows[0]!, 'exporter')]).toEqual([UDP_ENDS, '192.0.2.7']);
  });

  test('every header protocol that leads to IP', () => {
    const ppp = new Uint8Array([0, 0x21]);
    const label = words(0x00010140);
    const headers: [number, Uint8Array][] = [
      [1, ethernetFrame(0x800, udp)],
      [1, ethernetFrame(0x800, udp, [100])],
      [1, ethernetFrame(0x8847, concat(label, udp))],
      [7, concat(ppp, udp)],
      [11, udp],
      [13, concat(label, udp)],
      [14, concat(new Uint8Array([0xff, 3]), ppp, udp)],
    ];
    const samples = headers.map(([protocol, header]) => flowSample({ records: [headerRecord(protocol, header)] }));
    const { rows, decode } = decodeAll(sflowDatagram({ samples }));
    expect(rows.map(ends)).toEqual(headers.map(() => UDP_ENDS));
    expect(rows.map(({ octets }) => octets)).toEqual(headers.map(() => 28n));
    expect([decode.headersWithoutIp, decode.unknownHeaders]).toEqual([0, 0]);
    expect(rows.map(({ srcVlan, mpls1 }) => [srcVlan, mpls1])).toEqual(
      headers.map((_, i) => [i === 1 ? 100 : 0, i === 2 || i === 5 ? 0x101 : 0]),
    );
  });

  test('IPv6 with its flow label', () => {
    const header = concat(words(0x60012345), uint(8, 2), new Uint8Array([17, 60]));
    const addresses = concat(words(0x20010db8, 0, 0, 1), words(0x20010db8, 0, 0, 2));
    const packet = concat(header, addresses, udpHeader(1, 2));
    for (const record of [headerRecord(12, packet), headerRecord(1, ethernetFrame(0x86dd, packet, [5, 6]))]) {
      expect(ends(rowOf(record))).toBe('17 2001:db8::1:1 2001:db8::2:2');
    }
    expect(rowOf(headerRecord(1, ethernetFrame(0x86dd, packet, [5, 6])))).toMatchObject({
      flowLabel: 0x12345,
      srcVlan: 5,
      etherType: 0x86dd,
      octets: 48n,
      tos: 0,
    });
  });

  test('what is no IP keeps its frame, and refused headers do not shift those behind them', () => {
    const arp = headerRecord(1, ethernetFrame(0x806, new Uint8Array(28)), 64, 4);
    const good = (port: number) =>
      headerRecord(1, ethernetFrame(0x800, ipv4Packet({ payload: udpHeader(port, port) })));
    const samples = [good(1), arp, good(2), headerRecord(15, new Uint8Array(30), 90), arp, good(3)].map((record) =>
      flowSample({ records: [record] }),
    );
    const { rows, decode } = decodeAll(sflowDatagram({ samples }));
    expect(rows.map(({ srcPort, octets, etherType }) => [srcPort, octets, etherType])).toEqual([
      [1, 28n, 0x800],
      [0, 60n, 0x806],
      [2, 28n, 0x800],
      [0, 90n, 0],
      [0, 60n, 0x806],
      [3, 28n, 0x800],
    ]);
    expect([decode.records, decode.headersWithoutIp, decode.unknownHeaders]).toEqual([6, 2, 1]);
  });

  test('the length in the IP header counts, whatever the frame length says', () => {
    const packet = ipv4Packet({ total: 1500, payload: udpHeader(1, 2) });
    for (const frame of [0, 64, 1518, 2 ** 32 - 1]) {
      expect(rowOf(headerRecord(1, ethernetFrame(0x800, packet), frame, 4)).octets).toBe(1500n);
    }
    // Left 0 by segmentation offload: what the frame has behind the Ethernet header.
    const offloaded = ipv4Packet({ total: 0, payload: udpHeader(1, 2) });
    expect(rowOf(headerRecord(1, ethernetFrame(0x800, offloaded), 64_014)).octets).toBe(64_000n);
    expect(rowOf(headerRecord(11, offloaded, 70_018, 18)).octets).toBe(70_000n);
    // A jumbogram tells its length in a hop-by-hop option.
    const option = concat(new Uint8Array([17, 0, 0xc2, 4]), words(100_000));
    const jumbogram = concat(words(0x60000000), new Uint8Array(4), new Uint8Array(32).fill(1), option, udpHeader(1, 2));
    expect(rowOf(headerRecord(12, jumbogram, 500)).octets).toBe(100_040n);
  });

  test('Ethernet, IPv4 and IPv6 records stand in where there is no header', () => {
    const mac = (last: number) => new Uint8Array([2, 0, 0, 0, 0, last, 0, 0]);
    const ethernet = tagged(2, concat(words(64), mac(1), mac(2), words(0x806)));
    expect(rowOf(ethernet)).toMatchObject({
      octets: 64n,
      inSrcMac: 0x020000000001n,
      inDstMac: 0x020000000002n,
      etherType: 0x806,
    });
    const v4 = tagged(3, words(40, 6, 0x0a000003, 0x0a000004, 80, 443, 0x12, 0x28));
    expect(ends(rowOf(ethernet, v4))).toBe('6 10.0.0.3:80 10.0.0.4:443');
    expect(rowOf(v4, ethernet)).toMatchObject({ octets: 40n, tcpFlags: 0x12, tos: 0x28 });
    const v6 = tagged(4, words(60, 58, 1, 0, 0, 1, 2, 0, 0, 2, 0, 0, 0, 7));
    expect(ends(rowOf(v6))).toBe('58 0:1::1:0 0:2::2:0');
    // The packet itself knows better, but for what was cut off it.
    expect(ends(rowOf(v4, headerRecord(11, udp)))).toBe(UDP_ENDS);
    const cut = ipv4Packet({ total: 40, proto: 6, payload: new Uint8Array(2) });
    expect(ends(rowOf(v4, headerRecord(11, cut)))).toBe('6 10.0.0.1:80 10.0.0.2:443');
  });

  test('switch, router, gateway, MPLS and NAT records', () => {
    const row = rowOf(
      headerRecord(1, ethernetFrame(0x800, udp, [77])),
      tagged(1001, words(100, 0, 0xffff_ffff, 0)),
      tagged(1002, concat(addressV4('10.9.9.9'), words(24, 200))),
      tagged(
        1003,
        concat(
          addressV6(0x20010db8, 9),
          words(64_500, 64_501, 64_502, 2),
          words(2, 3, 11, 12, 13),
          words(1, 2, 14, 15),
          words(1, 0xabcd, 100),
        ),
      ),
      tagged(1006, concat(addressV4('0.0.0.0'), words(2, 0x00010040, 0x00020140, 0))),
      tagged(1007, concat(addressV4('198.51.100.1'), addressV4('198.51.100.2'))),
      tagged(1020, words(1111, 2222)),
    );
    expect(row).toMatchObject({ srcVlan: 100, dstVlan: 0, srcMask: 24, dstMask: 128 });
    expect(row).toMatchObject({ srcAs: 64_501, dstAs: 15, prevAs: 64_502, nextAs: 11 });
    expect(row).toMatchObject({ mpls1: 0x100, mpls2: 0x201, natSrcPort: 1111, natDstPort: 2222 });
    const addresses = ['nextHop', 'bgpNextHop', 'natSrcAddr', 'natDstAddr'].map((field) => addressOf(row, field));
    expect(addresses).toEqual(['10.9.9.9', '2001:db8::9', '198.51.100.1', '198.51.100.2']);
  });

  test('of two records of a kind the first counts', () => {
    expect(rowOf(tagged(1001, words(5, 0, 6, 0)), tagged(1001, words(7, 0, 8, 0)))).toMatchObject({
      srcVlan: 5,
      dstVlan: 6,
    });
  });

  test("the router's own AS is meant by 0 and by an empty path", () => {
    const row = rowOf(tagged(1003, concat(addressV4('0.0.0.0'), words(64_500, 0, 0, 0, 0, 100))));
    expect(row).toMatchObject({ srcAs: 64_500, dstAs: 64_500, prevAs: 0, nextAs: 0 });
    expect(addressOf(row, 'bgpNextHop')).toBe('::');
  });
});

describe('interfaces', () => {
  const DISCARDED = 2 ** 30;
  const MULTIPLE = 2 ** 31;

  const cases: [string, number, number, [number, number], [number, number], number[]][] = [
    ['indexes', 3, 4, [0, 3], [0, 4], [3, 4, 0]],
    ['not known', 0, 0, [0, 0], [0, 0], [0, 0, 0]],
    ['the device itself', 0x3fff_ffff, 0x3fff_ffff, [0, 0x3fff_ffff], [0, 0x3fff_ffff], [0x3fff_ffff, 0x3fff_ffff, 0]],
    ['discarded by an access list', 3, DISCARDED + 258, [0, 3], [1, 258], [3, 0, 129]],
    ['discarded, no route', 3, DISCARDED, [0, 3], [1, 0], [3, 0, 131]],
    ['discarded for a reason of the future', 3, DISCARDED + 999, [0, 3], [1, 999], [3, 0, 128]],
    ['out of several', 3, MULTIPLE + 5, [0, 3], [2, 5], [3, 0, 0]],
  ];
  test.each(cases)('%s', (_name, input, output, wideInput, wideOutput, expected) => {
    const samples = [flowSample({ input, output }), flowSample({ input: wideInput, output: wideOutput })];
    const { rows } = decodeAll(sflowDatagram({ samples }));
    const got = rows.map(({ inIf, outIf, forwardingStatus }) => [inIf, outIf, forwardingStatus]);
    expect(got).toEqual([expected, expected]);
  });

  test('indexes of 32 bits in expanded samples', () => {
    const { rows } = decodeAll(sflowDatagram({ samples: [flowSample({ input: [0, 0x80000001], output: [0, 2] })] }));
    expect(rows[0]).toMatchObject({ inIf: 0x80000001, outIf: 2 });
  });

  test('the direction follows from where the sampler sits', () => {
    const at = (source: number, output = 4) => flowSample({ source, input: 3, output });
    const wide = flowSample({ source: 4, input: [0, 3], output: [0, 4] });
    const vlan = flowSample({ sourceType: 1, source: 3, input: 3, output: 4 });
    const { rows } = decodeAll(sflowDatagram({ samples: [at(3), at(4), at(5), at(3, 3), at(0, 0), wide, vlan] }));
    expect(rows.map(({ direction }) => direction)).toEqual([0, 1, 255, 255, 255, 1, 255]);
  });
});

describe('the exporter', () => {
  const SENDER = '192.0.2.1';
  const cases: [string, Uint8Array, string][] = [
    ['IPv4', addressV4('198.51.100.9'), '198.51.100.9'],
    ['IPv6', addressV6(0x20010db8, 7), '2001:db8::7'],
    ['of no family', words(0), SENDER],
    ['0.0.0.0', addressV4('0.0.0.0'), SENDER],
    ['127.0.0.1', addressV4('127.0.0.1'), SENDER],
    ['::', addressV6(0, 0), SENDER],
    ['::1', addressV6(0, 1), SENDER],
    ['::ffff:127.0.0.1', words(2, 0, 0, 0xffff, 0x7f000001), SENDER],
  ];
  test.each(cases)('is the agent, or the sender where that says nothing: %s', (_name, agent, expected) => {
    const { rows, streams } = decodeAll(sflowDatagram({ agent, samples: [flowSample({})] }));
    expect([addressOf(rows[0]!, 'exporter'), streams[0]!.exporter]).toEqual([expected, expected]);
  });

  test('keeps sFlow apart from NetFlow of the same address', () => {
    const { streams } = decodeAll(
      sflowDatagram({ agent: addressV4(SENDER), subAgent: 0, samples: [flowSample({})] }),
      sflowDatagram({ agent: addressV4(SENDER), subAgent: 6, samples: [flowSample({})] }),
      v5Datagram({ records: new Uint8Array(48), sampling: 0x4000 + 50 }),
      v9Datagram({ domain: 6 }),
    );
    expect(streams.map(({ version, domain }) => [version, domain])).toEqual([
      [105, 0],
      [105, 6],
      [5, 0],
      [9, 6],
    ]);
  });
});

describe('sampling rates', () => {
  const decodeWith = (rate: number, setting?: { rate: number; isFixed: boolean }) => {
    const { collector, rows } = rowCollector({ samplingOf: () => setting });
    add(collector, { payload: sflowDatagram({ samples: [flowSample({ rate })] }) });
    collector.flush();
    return [rows[0]!.sampling, collector.stats().decode.unusualRates];
  };

  test('of the sample, of the operator where that is fixed or the sample has none', () => {
    expect(decodeWith(512)).toEqual([512, 0]);
    expect(decodeWith(512, { rate: 1000, isFixed: true })).toEqual([1000, 0]);
    expect(decodeWith(512, { rate: 1000, isFixed: false })).toEqual([512, 0]);
    expect(decodeWith(0, { rate: 1000, isFixed: false })).toEqual([1000, 0]);
    expect(decodeWith(0)).toEqual([0, 0]);
  });

  test('in the millions are kept and counted', () => {
    expect(decodeWith(5_000_000)).toEqual([5_000_000, 1]);
  });
});

describe('accounting', () => {
  test('datagrams of each sub-agent, samples of each source, drops of the agent', () => {
    const at = (sequence: number, uptimeMs: number, samples: Uint8Array[]) =>
      sflowDatagram({ subAgent: 2, sequence, uptimeMs, samples });
    const sample = (sequence: number, drops: number, source = 1) => flowSample({ sequence, drops, source });
    const { streams } = decodeAll(
      at(10, 1000, [sample(100, 7), sample(900, 0, 2), sample(101, 7)]),
      at(11, 1010, [sample(102, 9)]),
      at(14, 1040, [sample(106, 9), sample(901, 0, 2)]),
      // Late, and sent twice.
      at(12, 1020, [sample(103, 9)]),
      at(14, 1040, [sample(106, 9), sample(901, 0, 2)]),
    );
    expect(streams).toHaveLength(1);
    expect(streams[0]).toMatchObject({
      version: 105,
      domain: 2,
      datagrams: 5,
      records: 9,
      lost: 1,
      lostUnit: 'datagrams',
      duplicated: 1,
      reordered: 1,
      resets: 0,
      samplesLost: 2,
      samplesDropped: 2,
      skewMs: 0,
    });
  });

  test('a source is its type and index, in samples of either form', () => {
    const compact = [flowSample({ source: 1, sequence: 7 }), flowSample({ sourceType: 2, source: 1, sequence: 500 })];
    const expanded = [
      flowSample({ source: 1, sequence: 8, input: [0, 1] }),
      flowSample({ sourceType: 2, source: 1, sequence: 504, input: [0, 1] }),
    ];
    const { streams } = decodeAll(
      sflowDatagram({ sequence: 1, samples: compact }),
      sflowDatagram({ sequence: 2, samples: expanded }),
    );
    expect(streams[0]).toMatchObject({ lost: 0, samplesLost: 3, resets: 0 });
  });

  test('a restart of the agent is no loss', () => {
    const { collector } = rowCollector();
    const at = (timeMs: number, uptimeMs: number, sequence: number) =>
      add(collector, {
        timeMs: 1_700_000_000_000 + timeMs,
        payload: sflowDatagram({ sequence, uptimeMs, samples: [flowSample({ sequence, source: 1, drops: sequence })] }),
      });
    at(0, 500_000, 5000);
    at(1000, 501_000, 5001);
    at(60_000, 2000, 1);
    at(61_000, 3000, 2);
    const [stream] = collector.stats().streams;
    expect(stream).toMatchObject({ lost: 0, resets: 1, samplesLost: 0, samplesDropped: 2 });
  });

  test('sources beyond the limit are decoded and not followed', () => {
    const { collector, rows } = rowCollector({ limits: { sampleSources: 1 } });
    for (const sequence of [1, 5]) {
      const samples = [flowSample({ source: 1, sequence }), flowSample({ source: 2, sequence })];
      add(collector, { payload: sflowDatagram({ sequence, samples }) });
    }
    collector.flush();
    expect([rows.length, collector.stats().streams[0]!.samplesLost]).toEqual([4, 3]);
  });
});

test('samples that are no flows are counted', () => {
  const counters = tagged(1, new Uint8Array(88));
  const { rows, decode } = decodeAll(
    sflowDatagram({
      samples: [
        tagged(2, concat(words(1, 2, 1), counters)),
        tagged(4, concat(words(1, 0, 2, 2), counters, tagged(4000, new Uint8Array(5)))),
        tagged(5, concat(words(1, 0, 2, 0, 3, 4, 258, 1), tagged(1, new Uint8Array(8)))),
        tagged(4413 * 4096 + 1, new Uint8Array(7)),
        flowSample({ records: [tagged(8800 * 4096 + 1, new Uint8Array(11)), headerRecord(11, udp)] }),
      ],
    }),
  );
  expect(rows.map(ends)).toEqual([UDP_ENDS]);
  const { counterSamples, discardSamples, unknownSamples, badSamples, truncated, records } = decode;
  expect([counterSamples, discardSamples, unknownSamples, badSamples, truncated, records]).toEqual([2, 1, 1, 0, 0, 1]);
});

test('rows of a full batch are whole when it is handed on, among those of other protocols', () => {
  const { collector, rows } = rowCollector({ batchRows: 3 });
  const samples = [1, 2, 3, 4].map((port) =>
    flowSample({ records: [headerRecord(11, ipv4Packet({ payload: udpHeader(port, port) }))] }),
  );
  for (let round = 0; round < 300; round++) {
    add(collector, { payload: sflowDatagram({ samples }) });
    add(collector, { payload: v5Datagram({ records: new Uint8Array(48) }) });
  }
  collector.flush();
  expect(rows.map(({ srcPort }) => srcPort)).toEqual(Array.from({ length: 300 }, () => [1, 2, 3, 4, 0]).flat());
});
