import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { FlowBatch } from '../../src/flow/batch.ts';
import { DatagramDecoder } from '../../src/wire/decode.ts';
import type { DecodeStream } from '../../src/wire/decode-context.ts';
import { add, type Row, rowCollector } from '../support/collect-rows.ts';
import { concat, fill } from '../support/flow-datagrams.ts';
import { fuzz } from '../support/fuzz.ts';
import { readUdp } from '../support/pcap-udp.ts';
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

const DATA = new URL('../../../shared/data/flows/', import.meta.url);

const udp = ipv4Packet({ payload: udpHeader(5000, 53) });
const frame = headerRecord(1, ethernetFrame(0x8847, concat(words(0x10140), udp), [9, 10]));
const path = concat(addressV6(1, 2), words(1, 2, 3, 1, 2, 2, 11, 12, 0, 100));
const rich = [
  frame,
  tagged(3, words(28, 17, 1, 2, 3, 4, 0, 0)),
  tagged(4, words(48, 17, 1, 0, 0, 1, 2, 0, 0, 2, 3, 4, 0, 0)),
  tagged(1001, words(1, 0, 2, 0)),
  tagged(1002, concat(addressV4('10.0.0.9'), words(8, 24))),
  tagged(1003, path),
  tagged(1006, concat(addressV4('10.0.0.9'), words(2, 256, 512, 0))),
  tagged(1007, concat(addressV4('10.0.0.9'), addressV6(1, 2))),
  tagged(1020, words(1, 2)),
];

function corpus(): Uint8Array[] {
  const made = [
    sflowDatagram({ samples: [flowSample({ records: rich }), flowSample({ input: [0, 1], records: rich })] }),
    sflowDatagram({
      agent: addressV6(0x20010db8, 1),
      samples: [tagged(2, concat(words(1, 2, 1), tagged(1, new Uint8Array(88)))), flowSample({ records: [frame] })],
    }),
  ];
  const names = existsSync(DATA) ? readdirSync(DATA).filter((name) => /sflow.*\.pcap$/.test(name)) : [];
  const real = names.flatMap((name) => readUdp(readFileSync(new URL(name, DATA))).map(({ payload }) => payload));
  return [...made, ...real];
}

/** One row a flow sample at most, and none that could not be. */
function expectSane(rows: Row[]): void {
  for (const { packets, firstMs, lastMs, exportVersion } of rows) {
    expect([packets, firstMs, lastMs]).toEqual([exportVersion === 105 ? 1n : packets, firstMs, firstMs]);
  }
}

describe('fuzzing', () => {
  test('changed octets and words in good datagrams', async () => {
    const good = corpus();
    const { collector, rows, clear } = rowCollector({ batchRows: 64 });
    await fuzz((roll) => {
      const payload = good[roll(good.length)]!.slice();
      for (let changes = roll(6); changes >= 0; changes--) {
        const at = 4 + roll(payload.length - 4);
        payload[at] = [0, 1, 255, 128, roll(256)][roll(5)]!;
        // Lengths and counts are whole words.
        if (roll(2) === 0) payload.set(words([0, 1, 0xffff, 0xffff_ffff, roll(2000)][roll(5)]!), (at & ~3) - 4);
        payload.set(words(5), 0);
      }
      add(collector, { payload });
      expectSane(rows);
      clear();
    });
    const { decode } = collector.stats();
    expect(decode.sflowDatagrams).toBe(decode.datagrams);
    expect(Math.min(decode.records, decode.badSamples, decode.badSampleRecords, decode.truncated)).toBeGreaterThan(0);
  });

  test('random samples and records', async () => {
    const { collector, rows, clear } = rowCollector({ batchRows: 64 });
    const formats = [1, 2, 3, 4, 1001, 1002, 1003, 1006, 1007, 1020, 77];
    await fuzz((roll) => {
      const records = Array.from({ length: roll(6) }, () => {
        const body = fill(roll(200), roll(2 ** 31));
        // Small numbers where counts and lengths stand.
        for (let at = 0; at + 4 <= body.length && roll(4) > 0; at += 4) body.set(words(roll(20)), at);
        return tagged(formats[roll(formats.length)]!, body);
      });
      const count = roll(3) === 0 ? roll(8) : records.length;
      const kind = roll(6);
      const sample = kind < 4 ? flowSample({ records, count }) : tagged(kind, concat(...records));
      add(collector, { payload: sflowDatagram({ samples: [sample], subAgent: roll(4), sequence: roll(100) }) });
      expectSane(rows);
      clear();
    });
    expect(collector.stats().decode.records).toBeGreaterThan(0);
  });
});

test('good datagrams cut at every length give no more than whole ones', () => {
  for (const whole of corpus()) {
    const count = (length: number) => {
      const { collector, rows } = rowCollector();
      add(collector, { payload: whole.slice(0, length) });
      collector.flush();
      return rows.length;
    };
    const most = count(whole.length);
    const step = whole.length > 600 ? 7 : 1;
    for (let length = 0; length < whole.length; length += step) expect(count(length)).toBeLessThanOrEqual(most);
  }
});

describe('lengths and counts that cannot be', () => {
  const decode = (payload: Uint8Array) => {
    const { collector, rows } = rowCollector();
    add(collector, { payload });
    collector.flush();
    const { decode: counters } = collector.stats();
    const { tooShort, badHeader, truncated, badSamples, badSampleRecords } = counters;
    return { rows, faults: { tooShort, badHeader, truncated, badSamples, badSampleRecords } };
  };
  const NONE = { tooShort: 0, badHeader: 0, truncated: 0, badSamples: 0, badSampleRecords: 0 };
  const good = flowSample({ records: [frame] });

  const cases: [string, Uint8Array, Partial<typeof NONE>, number][] = [
    ['nothing behind the version', words(5), { tooShort: 1 }, 0],
    ['an address that is cut', words(5, 2, 1, 2, 3), { tooShort: 1 }, 0],
    ['a header that is cut', sflowDatagram({}).slice(0, 27), { tooShort: 1 }, 0],
    ['an address of another family', concat(words(5, 3), new Uint8Array(60)), { badHeader: 1 }, 0],
    ['257 samples', sflowDatagram({ count: 257, samples: [good] }), { badHeader: 1 }, 0],
    ['256 samples announced, one there', sflowDatagram({ count: 256, samples: [good] }), { truncated: 1 }, 1],
    ['a sample beyond the end', sflowDatagram({ samples: [good, good.slice(0, -4)] }), { truncated: 1 }, 1],
    ['a sample of 4 GB', sflowDatagram({ samples: [words(1, 0xffff_fffc)] }), { truncated: 1 }, 0],
    [
      'a sample too short for its fields',
      sflowDatagram({ samples: [tagged(1, words(1, 2, 3)), good] }),
      { badSamples: 1 },
      1,
    ],
    [
      'more records than there are',
      sflowDatagram({ samples: [flowSample({ count: 2, records: [frame] }), good] }),
      { badSamples: 1 },
      1,
    ],
    [
      '4 G records',
      sflowDatagram({ samples: [flowSample({ count: 2 ** 32 - 1, records: [frame] }), good] }),
      { badSamples: 1 },
      1,
    ],
    [
      'a record beyond its sample',
      sflowDatagram({ samples: [flowSample({ records: [words(1, 400, 0)] }), good] }),
      { badSamples: 1 },
      1,
    ],
    ['a counter sample cut short', sflowDatagram({ samples: [tagged(2, words(1, 2, 1)), good] }), { badSamples: 1 }, 1],
  ];
  test.each(cases)('%s', (_name, payload, faults, rows) => {
    const found = decode(payload);
    expect(found.faults).toEqual({ ...NONE, ...faults });
    expect(found.rows).toHaveLength(rows);
  });

  test('a record too short for its format costs that record', () => {
    const short = [
      tagged(1, words(1, 64, 0)),
      tagged(1, concat(words(1, 64, 0, 100), new Uint8Array(96))),
      tagged(2, new Uint8Array(20)),
      tagged(3, new Uint8Array(28)),
      tagged(4, new Uint8Array(52)),
      tagged(1001, new Uint8Array(12)),
      tagged(1002, words(1, 1, 8)),
      tagged(1002, words(7, 1, 8, 8)),
      tagged(1003, words(1, 1, 2, 3, 4)),
      tagged(1003, words(1, 1, 2, 3, 4, 1, 2, 2, 11)),
      tagged(1003, words(1, 1, 2, 3, 4, 1, 2, 0x4000_0001, 11)),
      tagged(1003, words(1, 1, 2, 3, 4, 2, 2, 1, 11)),
      tagged(1006, words(1, 1, 3, 1, 2)),
      tagged(1007, words(1, 1, 2, 1, 2, 3)),
      tagged(1020, words(1)),
    ];
    for (const record of short) {
      const { rows, faults } = decode(sflowDatagram({ samples: [flowSample({ records: [record] })] }));
      expect(faults).toEqual({ ...NONE, badSampleRecords: 1 });
      const { srcAs, srcMask, mpls1, srcPort, octets, srcVlan } = rows[0]!;
      expect([srcAs, srcMask, mpls1, srcPort, octets, srcVlan]).toEqual([0, 0, 0, 0, 0n, 0]);
    }
  });

  test('a path of more than 1000 AS numbers is not walked', () => {
    const asPath = (length: number) =>
      tagged(1003, concat(words(1, 0, 1, 2, 3, 1, 2, length), new Uint8Array(length * 4).fill(1)));
    const dstAs = (length: number) =>
      decode(sflowDatagram({ samples: [flowSample({ records: [asPath(length)] })] })).rows[0]!.dstAs;
    expect([dstAs(1000), dstAs(1001)]).toEqual([0x01010101, 0]);
  });
});

test('the headers of many datagrams are decoded in few calls', () => {
  const packet = sflowDatagram({ samples: [flowSample({ records: [headerRecord(11, udp)] })] });
  const slot = concat(...Array.from({ length: 2500 }, () => packet));
  let calls = 0;
  let headers = 0;
  const openFrames = () => ({
    decode(_frames: Uint8Array, _meta: Float64Array, count: number) {
      calls++;
      headers += count;
      return 0;
    },
  });
  const stream = {
    samplingFixed: false,
    samplingRate: () => 0,
    sample: () => {},
    account: () => {},
  } as unknown as DecodeStream;
  const decoder = new DatagramDecoder(
    new FlowBatch(4000),
    () => new FlowBatch(4000),
    { stream: () => stream },
    openFrames,
  );
  const origin = { receivedMs: 0, hiHigh: 0, hiLow: 0, loHigh: 0xffff, loLow: 1, port: 1, session: 0 };
  const view = new DataView(slot.buffer);
  for (let i = 0; i < 2500; i++) decoder.decode(slot, view, i * packet.length, packet.length, origin);
  decoder.settle();
  expect([calls, headers]).toEqual([10, 2500]);
});
