import { describe, expect, test } from 'vitest';
import { add, addressOf, rowCollector } from '../support/collect-rows.ts';
import { concat, v5Datagram, v9Datagram } from '../support/flow-datagrams.ts';
import {
  addressV4,
  addressV6,
  flowSample,
  headerRecord,
  ipv4Packet,
  sflowDatagram,
  tagged,
  udpHeader,
  words,
} from '../support/sflow-datagrams.ts';
import { decodeAll, ends, UDP_ENDS, udp } from './sflow-rows.ts';

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
    // One of two: the other is for an exporter that comes later.
    const { collector, rows } = rowCollector({ limits: { sampleSources: 2 } });
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
