import { describe, expect, test } from 'vitest';
import { DATAGRAM_META_BYTES, DATAGRAM_META_WORDS } from '../../src/addon/datagram-layout.ts';
import { Collector } from '../../src/collect/collector.ts';
import { DatagramSlot } from '../../src/collect/datagram-slot.ts';
import { type FlowBatch, FlowBatchPool } from '../../src/flow/batch.ts';
import { add, addressOf, rowCollector } from '../support/collect-rows.ts';
import { concat, fill, type TemplateField, uint, v5Datagram, v9Datagram } from '../support/flow-datagrams.ts';

const PORT: TemplateField[] = [[7, 2]];
const T = 1_700_000_000_000;
/** Address 192.0.2.n. */
const from = (n: number): [number, number, number, number] => [0, 0, 0xffff, 0xc0000200 + n];

describe('exporters', () => {
  test('are counted each for itself', () => {
    const { collector } = rowCollector();
    for (const [n, sequence] of [
      [1, 0],
      [2, 500],
      [1, 2],
      [2, 502],
      [1, 10],
    ] as const) {
      add(collector, {
        payload: v5Datagram({ sequence, engine: n, records: fill(96, 1) }),
        source: from(n),
        timeMs: T + n,
      });
    }
    const streams = collector
      .stats()
      .streams.map(({ exporter, domain, datagrams, records, lost, lastSeenMs }) => [
        exporter,
        domain,
        datagrams,
        records,
        lost,
        lastSeenMs,
      ]);
    expect(streams).toEqual([
      ['192.0.2.1', 1, 3, 6, 6, T + 1],
      ['192.0.2.2', 2, 2, 4, 0, T + 2],
    ]);
  });

  test('sampling told under another domain of the same exporter', () => {
    const { collector, rows } = rowCollector();
    add(collector, {
      payload: v9Datagram({
        domain: 0,
        templates: [
          {
            id: 256,
            fields: [
              [1, 4],
              [34, 4],
            ],
            scopes: 1,
          },
        ],
        data: [{ id: 256, bytes: concat(uint(0, 4), uint(64, 4)) }],
      }),
    });
    add(collector, {
      payload: v9Datagram({
        domain: 5,
        templates: [{ id: 256, fields: PORT }],
        data: [{ id: 256, bytes: uint(1, 2) }],
      }),
    });
    collector.flush();
    expect(rows[0]!.sampling).toBe(64);
  });

  test('what an exporter says it has sent', () => {
    const { collector } = rowCollector();
    const fields: TemplateField[] = [
      [1, 4],
      [41, 8],
      [42, 4],
    ];
    const bytes = concat(uint(0, 4), uint(2 ** 40, 8), uint(99, 4));
    add(collector, {
      payload: v9Datagram({ templates: [{ id: 256, fields, scopes: 1 }], data: [{ id: 256, bytes }] }),
    });
    expect(collector.stats().streams[0]).toMatchObject({ reportedDatagrams: 2 ** 40, reportedRecords: 99 });
  });

  test('interface names of an options table', () => {
    const { collector } = rowCollector();
    const fields: TemplateField[] = [
      [2, 4],
      [82, 8],
      [83, 65_535],
    ];
    const bytes = concat(
      uint(17, 4),
      new TextEncoder().encode('Gi0/1\0\0\0'),
      uint(6, 1),
      new TextEncoder().encode('uplink'),
    );
    add(collector, {
      payload: v9Datagram({ templates: [{ id: 256, fields, scopes: 1 }], data: [{ id: 256, bytes }] }),
    });
    expect(collector.exporters.names.toObject()).toEqual({
      '192.0.2.1': { interfaces: { 17: { name: 'Gi0/1', description: 'uplink' } } },
    });
  });

  test('too many: v5 is decoded all the same, the idle give way', () => {
    const { collector, rows } = rowCollector({ limits: { exporters: 2, idleMs: 60_000 } });
    const send = (n: number, timeMs: number) =>
      add(collector, { payload: v5Datagram({ records: fill(48, n) }), source: from(n), timeMs });
    send(1, T);
    send(2, T + 50_000);
    send(3, T + 51_000);
    expect(collector.stats()).toMatchObject({ exporters: 2, overflowDatagrams: 1, exportersEvicted: 0 });
    send(4, T + 70_000);
    expect(collector.stats()).toMatchObject({ exporters: 2, overflowDatagrams: 1, exportersEvicted: 1 });
    collector.flush();
    expect(rows).toHaveLength(4);
  });

  test('too many, and the clock is set back: the idle give way all the same', () => {
    const { collector } = rowCollector({ limits: { exporters: 2, idleMs: 60_000 } });
    const send = (n: number, timeMs: number) =>
      add(collector, { payload: v5Datagram({ records: fill(48, n) }), source: from(n), timeMs });
    const [ahead, back] = [T + 3_600_000, T];
    send(1, ahead);
    send(2, ahead);
    send(3, ahead);
    send(3, back);
    send(2, back + 50_000);
    expect(collector.stats()).toMatchObject({ overflowDatagrams: 2, exportersEvicted: 0 });
    send(3, back + 61_000);
    expect(collector.stats()).toMatchObject({ overflowDatagrams: 2, exportersEvicted: 1 });
    expect([...collector.exporters.values()].map(({ address }) => address)).toEqual(['192.0.2.2', '192.0.2.3']);
  });
});

test('datagrams of a slot, with receive time and source', () => {
  const datagrams = [v5Datagram({ records: fill(48, 1) }), uint(0, 3), v5Datagram({ records: fill(96, 2) })];
  const slot = new DatagramSlot(new Uint8Array(4096));
  let at = datagrams.length * DATAGRAM_META_BYTES;
  datagrams.forEach((datagram, i) => {
    slot.bytes.set(datagram, at);
    const meta = i * DATAGRAM_META_WORDS;
    slot.words.set([at, datagram.length, 9995, 2055, 2, 1, 4, 3], meta);
    slot.doubles[meta / 2 + 4] = T + i + 0.75;
    at += datagram.length;
  });
  const { collector, rows } = rowCollector();
  collector.addSlot(slot, datagrams.length);
  collector.flush();
  expect(rows.map((row) => row.receivedMs)).toEqual([T, T + 2, T + 2]);
  expect(addressOf(rows[0]!, 'exporter')).toBe('0:1:0:2:0:3:0:4');
  expect(collector.stats().decode).toMatchObject({ datagrams: 3, records: 3 });
});

test('a batch belongs to the sink from the moment it gets it', () => {
  const full: { batch: FlowBatch; port: number }[] = [];
  const pool = new FlowBatchPool(2);
  const collector = new Collector({
    sink: (batch) => full.push({ batch, port: batch.get('srcPort')![0]! }),
    acquire: () => pool.acquire(),
  });
  const payload = v5Datagram({ records: fill(48 * 5, 3) });
  collector.addDatagram(payload, { receivedMs: T, hiHigh: 0, hiLow: 0, loHigh: 0xffff, loLow: 1, port: 1, session: 0 });
  expect(full).toHaveLength(2);
  expect(full[0]!.batch).not.toBe(full[1]!.batch);
  expect(full.map(({ batch, port }) => batch.rows === 2 && batch.get('srcPort')![0] === port)).toEqual([true, true]);
});
