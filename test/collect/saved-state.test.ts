import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { restoreState, saveState } from '../../src/collect/saved-state.ts';
import { add, rowCollector } from '../support/collect-rows.ts';
import { ipfixMessage, uint, v9Datagram } from '../support/flow-datagrams.ts';
import { readUdp, type UdpDatagram } from '../support/pcap-udp.ts';

const NOW = 1_700_000_000_000;
const TEMPLATE = { id: 256, fields: [[1, 4]] as const };
const data = (value: number) => ({ id: 256, bytes: uint(value, 4) });

/** A collector that knows what another one does; captures need the clock of the capture. */
function nextRun(before: ReturnType<typeof rowCollector>, nowMs = NOW): ReturnType<typeof rowCollector> {
  const next = rowCollector({ limits: { pendingBytes: 0 } });
  restoreState(next.collector.exporters, saveState(before.collector.exporters), nowMs);
  return next;
}

function rowsOf(run: ReturnType<typeof rowCollector>, datagrams: readonly Partial<UdpDatagram>[]) {
  for (const datagram of datagrams) add(run.collector, datagram as UdpDatagram);
  run.collector.flush();
  return run.rows;
}

describe('what outlives a collector', () => {
  test.each([
    ['NetFlow v9', v9Datagram],
    ['IPFIX', ipfixMessage],
  ])('a template of %s decodes at once, counts as unconfirmed, and is confirmed by the next one', (_, message) => {
    const first = rowCollector();
    rowsOf(first, [{ payload: message({ templates: [TEMPLATE] }) }]);
    const second = nextRun(first);
    const stream = [...second.collector.exporters.values()][0]!.streams[0]!;
    expect(rowsOf(second, [{ payload: message({ data: [data(7)] }) }]).map((row) => row['octets'])).toEqual([7n]);
    expect(stream.templates.unconfirmed).toBe(1);
    rowsOf(second, [{ payload: message({ templates: [TEMPLATE] }) }]);
    expect(stream.templates.unconfirmed).toBe(0);
    expect(second.collector.stats().streams[0]).toMatchObject({
      templates: 1,
      templatesChanged: 0,
      templatesRefreshed: 1,
    });
  });

  test('a template that the exporter has changed replaces the one of the earlier run', () => {
    const first = rowCollector();
    rowsOf(first, [{ payload: ipfixMessage({ templates: [TEMPLATE] }) }]);
    const second = nextRun(first);
    const changed = { id: 256, fields: [[2, 4]] as const };
    const rows = rowsOf(second, [{ payload: ipfixMessage({ templates: [changed], data: [data(7)] }) }]);
    expect(rows).toMatchObject([{ packets: 7n, octets: 0n }]);
    expect(second.collector.stats().streams[0]).toMatchObject({ templatesChanged: 1 });
  });

  test('another run of a v9 exporter is not decoded with templates of the one before', () => {
    const first = rowCollector();
    rowsOf(first, [{ payload: v9Datagram({ templates: [TEMPLATE], uptimeMs: 3_600_000 }) }]);
    const second = nextRun(first);
    expect(rowsOf(second, [{ payload: v9Datagram({ data: [data(7)], uptimeMs: 5000 }) }])).toEqual([]);
    expect(second.collector.stats().streams[0]).toMatchObject({ templates: 0, setsWithoutTemplate: 1 });
  });

  test('sampling rates, of samplers and of streams', () => {
    const options = {
      id: 257,
      fields: [
        [48, 1],
        [50, 4],
      ] as const,
      scopes: 1,
    };
    const withSampler = {
      id: 256,
      fields: [
        [1, 4],
        [48, 1],
      ] as const,
    };
    const record = { id: 256, bytes: new Uint8Array([0, 0, 0, 9, 3]) };
    const first = rowCollector();
    rowsOf(first, [
      {
        payload: v9Datagram({
          templates: [options, withSampler],
          data: [{ id: 257, bytes: new Uint8Array([3, 0, 0, 3, 232]) }],
        }),
      },
    ]);
    const rows = rowsOf(nextRun(first), [{ payload: v9Datagram({ data: [record] }) }]);
    expect(rows).toMatchObject([{ octets: 9n, sampling: 1000 }]);
  });

  test('what is older than an hour is not believed', () => {
    const first = rowCollector();
    rowsOf(first, [{ payload: ipfixMessage({ templates: [TEMPLATE] }), timeMs: NOW }]);
    expect(nextRun(first, NOW + 3_600_000).collector.exporters.size).toBe(1);
    expect(nextRun(first, NOW + 3_600_001).collector.exporters.size).toBe(0);
  });

  test('limits hold: a state does not bring in more than a network could', () => {
    const first = rowCollector();
    for (let host = 1; host <= 10; host++) {
      rowsOf(first, [{ payload: ipfixMessage({ templates: [TEMPLATE] }), source: [0, 0, 0xffff, host] }]);
    }
    const next = rowCollector({ limits: { exporters: 4 } });
    restoreState(next.collector.exporters, saveState(first.collector.exporters), NOW);
    expect(next.collector.exporters.size).toBe(4);
  });

  test('text that is not ours', () => {
    const { exporters } = rowCollector().collector;
    for (const text of ['', '{', 'null', '[]', '{"schema":2}', '7']) {
      expect(() => restoreState(exporters, text, NOW), text).toThrow();
    }
    const stream = { version: 9, domain: 0, lastSeenMs: NOW, uptimeFromMs: 0, bootMs: 0 };
    const definitions = ['', 'AA==', 'AQAAAQ==', 'AQAAAQABAAQAAA==', 'AAEAAQABAAQ=', 'AQD//wABAAQ=', '!'];
    const odd = [
      { address: 'x', streams: [stream] },
      { address: '192.0.2.1', streams: [{ ...stream, version: -1 }, { ...stream, domain: 'a' }, null, 3] },
      {
        address: '192.0.2.2',
        streams: [
          {
            ...stream,
            templates: [
              ...definitions.map((definition) => ({ definition, isOptions: false })),
              { definition: 4 },
              null,
            ],
            sampling: { general: -4, samplers: [[1], 'x', [2, 0], null], templates: {} },
          },
        ],
      },
      null,
    ];
    restoreState(exporters, JSON.stringify({ schema: 1, exporters: odd }), NOW);
    expect([...exporters.values()].map(({ address, streams }) => [address, streams[0]!.templates.size])).toEqual([
      ['192.0.2.2', 0],
    ]);
  });
});

const DATA = new URL('../../../shared/data/flows/', import.meta.url);
const hasData = existsSync(new URL('expected.json', DATA));

describe.skipIf(!hasData)('captures of real exporters (shared/data/flows)', () => {
  const captures: Record<string, { file: string }> = hasData
    ? JSON.parse(readFileSync(new URL('expected.json', DATA), 'utf8')).captures
    : {};

  test.each(Object.entries(captures))('%s: a restart after any datagram changes no record', (_, { file }) => {
    const datagrams = readUdp(readFileSync(new URL(file, DATA)));
    const uninterrupted = rowCollector({ limits: { pendingBytes: 0 } });
    const whole = rowsOf(uninterrupted, datagrams);
    const places = datagrams.length <= 12 ? datagrams.map((_each, i) => i) : [1, 2, 3, 5, datagrams.length >> 1];
    for (const at of places.slice(datagrams.length <= 12 ? 1 : 0)) {
      const first = rowCollector({ limits: { pendingBytes: 0 } });
      const before = rowsOf(first, datagrams.slice(0, at));
      // At once: some of the captures are put together of pieces that lie hours apart.
      const next = nextRun(first, datagrams[at - 1]!.timeMs);
      const after = rowsOf(next, datagrams.slice(at));
      expect([...before, ...after], `restart before datagram ${at + 1}`).toEqual(whole);
      expect([...first.extras, ...next.extras], `extra, restart before ${at + 1}`).toEqual(uninterrupted.extras);
    }
  });
});
