import { describe, expect, test } from 'vitest';
import { add, addressOf, rowCollector } from '../support/collect-rows.ts';
import {
  concat,
  fill,
  ipfixMessage,
  type TemplateField,
  uint,
  v5Datagram,
  v9Datagram,
} from '../support/flow-datagrams.ts';

const PORT: TemplateField[] = [[7, 2]];
const T = 1_700_000_000_000;
/** Address 192.0.2.n. */
const from = (n: number): [number, number, number, number] => [0, 0, 0xffff, 0xc0000200 + n];

describe('templates', () => {
  test('belong to an exporter and its domain, not to a port', () => {
    const { collector, rows } = rowCollector({ limits: { pendingBytes: 0 } });
    const data = v9Datagram({ domain: 1, data: [{ id: 256, bytes: uint(7, 2) }] });
    add(collector, {
      payload: v9Datagram({ domain: 1, templates: [{ id: 256, fields: PORT }] }),
      source: from(1),
      sourcePort: 1,
    });
    add(collector, { payload: data, source: from(1), sourcePort: 2 });
    add(collector, { payload: data, source: from(2) });
    add(collector, { payload: v9Datagram({ domain: 2, data: [{ id: 256, bytes: uint(7, 2) }] }), source: from(1) });
    add(collector, { payload: ipfixMessage({ domain: 1, data: [{ id: 256, bytes: uint(7, 2) }] }), source: from(1) });
    collector.flush();
    expect(rows.map((row) => [addressOf(row, 'exporter'), row.domain])).toEqual([['192.0.2.1', 1]]);
    expect(collector.stats().decode.setsWithoutTemplate).toBe(3);
  });

  test('the newest definition counts, and only changes are counted', () => {
    const { collector, rows } = rowCollector();
    const both = (fields: TemplateField[]) =>
      add(collector, {
        payload: ipfixMessage({ templates: [{ id: 256, fields }], data: [{ id: 256, bytes: uint(7, 2) }] }),
      });
    both(PORT);
    both(PORT);
    both([[11, 2]]);
    collector.flush();
    expect(rows.map((row) => [row.srcPort, row.dstPort])).toEqual([
      [7, 0],
      [7, 0],
      [0, 7],
    ]);
    expect(collector.stats().streams[0]).toMatchObject({ templates: 1, templatesChanged: 1 });
  });

  test('an id can change between data and options', () => {
    const { collector, rows } = rowCollector();
    add(collector, {
      payload: ipfixMessage({ templates: [{ id: 256, fields: PORT }], data: [{ id: 256, bytes: uint(7, 2) }] }),
    });
    add(collector, {
      payload: ipfixMessage({
        templates: [
          {
            id: 256,
            fields: [
              [149, 4],
              [34, 2],
            ],
            scopes: 1,
          },
        ],
        data: [{ id: 256, bytes: concat(uint(0, 4), uint(9, 2)) }],
      }),
    });
    collector.flush();
    expect([rows.length, collector.stats().streams[0]!.samplingRate]).toEqual([1, 9]);
  });

  test('no more than the limits allow', () => {
    const { collector } = rowCollector({ limits: { templatesPerStream: 3, templateFields: 39 } });
    const define = (id: number, count: number, n = 1) =>
      add(collector, {
        payload: ipfixMessage({ templates: [{ id, fields: Array.from({ length: count }, () => [4, 1] as const) }] }),
        source: from(n),
      });
    for (let id = 256; id < 266; id++) define(id, 2);
    expect(collector.stats().streams[0]!.templates).toBe(3);
    define(256, 3, 2);
    expect(collector.stats().streams[1]!.templates).toBe(0);
    // A known id whose new definition finds no room is forgotten rather than used for records of another shape.
    define(256, 9);
    expect(collector.stats().streams[0]!.templates).toBe(2);
    define(256, 3, 2);
    expect(collector.stats().streams[1]!.templates).toBe(1);
  });
});

test('what a smaller definition leaves is free again', () => {
  const { collector } = rowCollector({ limits: { templateFields: 25 } });
  const define = (id: number, count: number) =>
    add(collector, {
      payload: v9Datagram({ templates: [{ id, fields: Array.from({ length: count }, () => [4, 1] as const) }] }),
    });
  define(256, 4);
  define(256, 1);
  define(257, 3);
  expect(collector.stats().streams[0]).toMatchObject({ templates: 2, templatesRefused: 0 });
  define(258, 1);
  expect(collector.stats().streams[0]).toMatchObject({ templates: 2, templatesRefused: 1 });
});

test('templates can be looked at', () => {
  const { collector } = rowCollector();
  add(collector, {
    payload: ipfixMessage({
      domain: 3,
      templates: [
        {
          id: 256,
          fields: [
            [8, 4],
            [96, 65_535],
            [5, 2, 637],
            [999, 1],
          ],
        },
      ],
    }),
  });
  add(collector, {
    payload: v9Datagram({
      templates: [
        {
          id: 257,
          fields: [
            [1, 0],
            [34, 4],
          ],
          scopes: 1,
        },
      ],
    }),
  });
  expect(collector.templates()).toEqual([
    {
      exporter: '192.0.2.1',
      version: 10,
      domain: 3,
      id: 256,
      isOptions: false,
      fields: ['sourceIPv4Address(4)', 'applicationName(v)', '637/5(2)', '999(1)'],
    },
    {
      exporter: '192.0.2.1',
      version: 9,
      domain: 0,
      id: 257,
      isOptions: true,
      fields: ['scope 1(0)', 'samplingInterval(4)'],
    },
  ]);
});

describe('data before its template', () => {
  const data = (value: number, seconds = 1_600_000_000) =>
    v9Datagram({ exportSeconds: seconds, data: [{ id: 256, bytes: uint(value, 2) }] });
  const template = v9Datagram({ templates: [{ id: 256, fields: PORT }] });

  test('is decoded when the template comes, with its own times', () => {
    const { collector, rows } = rowCollector();
    add(collector, { payload: data(1), timeMs: T });
    add(collector, { payload: data(2), timeMs: T + 1 });
    add(collector, { payload: template, timeMs: T + 5000 });
    add(collector, { payload: data(3), timeMs: T + 6000 });
    collector.flush();
    expect(rows.map((row) => [row.srcPort, row.receivedMs, row.exportMs])).toEqual([
      [1, T, 1_600_000_000_000],
      [2, T + 1, 1_600_000_000_000],
      [3, T + 6000, 1_600_000_000_000],
    ]);
    expect(collector.stats().pending).toEqual({ bytes: 0, stored: 2, replayed: 2, expired: 0, dropped: 0 });
  });

  test('within one datagram', () => {
    const { collector, rows } = rowCollector();
    const [early, late] = [
      data(1),
      v9Datagram({ templates: [{ id: 256, fields: PORT }], data: [{ id: 256, bytes: uint(2, 2) }] }),
    ];
    add(collector, { payload: concat(early, late.subarray(20)) });
    collector.flush();
    expect(rows.map((row) => row.srcPort).sort()).toEqual([1, 2]);
  });

  test('goes to the exporter it came from', () => {
    const { collector, rows } = rowCollector();
    add(collector, { payload: data(1), source: from(1) });
    add(collector, { payload: template, source: from(2) });
    collector.flush();
    expect(rows).toHaveLength(0);
    expect(collector.stats().pending.bytes).toBeGreaterThan(0);
  });

  test('is given up after its time', () => {
    const { collector, rows } = rowCollector();
    add(collector, { payload: data(1), timeMs: T });
    add(collector, { payload: v5Datagram({ records: fill(48, 1) }), timeMs: T + 300_001 });
    add(collector, { payload: template, timeMs: T + 300_002 });
    collector.flush();
    expect(rows).toHaveLength(1);
    expect(collector.stats().pending).toEqual({ bytes: 0, stored: 1, replayed: 0, expired: 1, dropped: 0 });
  });

  test('stays within its limits: the oldest gives way, one stream cannot take all', () => {
    const { collector } = rowCollector({ limits: { pendingBytes: 4096, pendingBytesPerStream: 1500 } });
    for (let n = 0; n < 200; n++) {
      const payload = v9Datagram({ domain: n % 10, data: [{ id: 300 + (n % 7), bytes: fill(100, n) }] });
      add(collector, { payload, timeMs: T + n });
      expect(collector.stats().pending.bytes).toBeLessThanOrEqual(4096);
    }
    const { stored, dropped } = collector.stats().pending;
    expect(dropped).toBeGreaterThan(0);
    expect(stored - 4096 / 356).toBeLessThanOrEqual(dropped);
    for (let n = 0; n < 10; n++)
      add(collector, { payload: v9Datagram({ domain: 77, data: [{ id: 256, bytes: fill(100, n) }] }) });
    add(collector, { payload: v9Datagram({ domain: 77, templates: [{ id: 256, fields: [[7, 100]] }] }) });
    expect(collector.stats().pending.replayed).toBe(4);
  });
});
