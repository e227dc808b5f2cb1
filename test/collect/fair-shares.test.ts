import { expect, test } from 'vitest';
import { renderMetrics } from '../../src/pipeline/collect/metrics.ts';
import { add, rowCollector } from '../support/collect-rows.ts';
import { concat, ipfixMessage, type TemplateField, uint } from '../support/flow-datagrams.ts';
import { sflowDatagram, tagged, words } from '../support/sflow-datagrams.ts';

/** One device that floods, and one that tells little and later. */
const FLOOD: [number, number, number, number] = [0, 0, 0xffff, 0x0a00_0001];
const QUIET: [number, number, number, number] = [0, 0, 0xffff, 0x0a00_0002];

const agent = (source: readonly number[]) => words(1, source[3]!);

function counterSample(index: number): Uint8Array {
  return tagged(2, concat(words(1, index, 1), tagged(1, concat(uint(index, 4), new Uint8Array(84)))));
}

test('interfaces: a flood of one agent leaves room for the next', () => {
  const { collector } = rowCollector({ limits: { interfaces: 1000 } });
  for (let index = 1; index <= 5000; index++) {
    add(collector, { payload: sflowDatagram({ agent: agent(FLOOD), samples: [counterSample(index)] }), source: FLOOD });
  }
  for (let index = 1; index <= 48; index++) {
    add(collector, { payload: sflowDatagram({ agent: agent(QUIET), samples: [counterSample(index)] }), source: QUIET });
  }
  const { interfaces, refusals } = collector.stats();
  const count = (exporter: string) => interfaces.filter((each) => each.exporter === exporter).length;
  expect([count('10.0.0.1'), count('10.0.0.2')]).toEqual([800, 48]);
  const none = { optionEntries: 0, sampleSources: 0, names: 0 };
  expect(refusals).toEqual([{ exporter: '10.0.0.1', interfaces: 4200, ...none }]);
});

const TELLING: TemplateField[] = [
  [346, 4],
  [303, 2],
  [339, 1],
  [341, 0xffff],
];

/** Options data that gives a name to an element (RFC 5610), and to an interface. */
function telling(number: number): Uint8Array {
  const name = new TextEncoder().encode(`e${number}`);
  return concat(uint(64_999, 4), uint(number, 2), uint(2, 1), uint(name.length, 1), name);
}

test('elements, templates and names: likewise, and /metrics says what was refused', () => {
  const { collector } = rowCollector({ limits: { optionEntries: 100, templateFields: 1000 } });
  const tell = (source: typeof FLOOD, numbers: number, from = 1) => {
    const records = Array.from({ length: numbers }, (_, i) => telling(from + i));
    const data = [{ id: 400, bytes: concat(...records) }];
    add(collector, { payload: ipfixMessage({ templates: [{ id: 400, scopes: 2, fields: TELLING }], data }), source });
  };
  tell(FLOOD, 300);
  tell(QUIET, 10);
  for (let id = 500; id < 900; id++) {
    add(collector, { payload: ipfixMessage({ templates: [{ id, fields: [[1, 4]] }] }), source: FLOOD });
  }
  for (let id = 500; id < 505; id++) {
    add(collector, { payload: ipfixMessage({ templates: [{ id, fields: [[1, 4]] }] }), source: QUIET });
  }
  const collected = collector.stats();
  const { streams, refusals } = collected;
  expect([...collector.exporters.values()].map(({ told }) => told.size)).toEqual([80, 10]);
  expect(refusals).toEqual([{ exporter: '10.0.0.1', interfaces: 0, optionEntries: 220, sampleSources: 0, names: 0 }]);
  expect(streams.map(({ templates }) => templates)[1]).toBe(6);
  expect(streams[0]!.templates).toBeGreaterThan(80);
  expect(streams.map(({ templatesRefused }) => templatesRefused > 0)).toEqual([true, false]);
  const received = {
    ...{ datagrams: 1, bytes: 1, kernelDropped: 0, queueDropped: 0, skippedPackets: 0, bytesRead: 0, bytesTotal: 0 },
    ...{ receiveBufferBytes: [], ports: [], denied: 0, throttled: 0 },
  };
  const sources = [{ label: 'none', collected, storedFlows: 0, lostFlows: 0 }];
  const text = renderMetrics({ startedMs: 0, received, ignoredDatagrams: 0, sources, repeated: [] });
  expect(text).toContain('weir_exporter_refused_total{exporter="10.0.0.1",kind="option_entries"} 220\n');
});
