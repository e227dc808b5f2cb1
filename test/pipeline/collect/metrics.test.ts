import { expect, test } from 'vitest';
import type { InputStats } from '../../../src/pipeline/collect/inputs.ts';
import { MAX_LABELLED_EXPORTERS, renderMetrics } from '../../../src/pipeline/collect/metrics.ts';
import { add, rowCollector } from '../../support/collect-rows.ts';
import { netflow5 } from '../../support/netflow5.ts';

const received: InputStats = {
  datagrams: 10,
  bytes: 1000,
  kernelDropped: 1,
  queueDropped: 2,
  skippedPackets: 0,
  receiveBufferBytes: [4096, 8192],
  ports: [9995, 9996],
  bytesRead: 0,
  bytesTotal: 0,
  denied: 7,
  throttled: 8,
};

function metricsOf(exporters: number, label = 'none', perExporter = 2): string {
  const { collector } = rowCollector();
  for (let host = 1; host <= exporters; host++) {
    const source: [number, number, number, number] = [0, 0, 0xffff, 0x0a000000 + host];
    add(collector, { payload: netflow5(perExporter, 0), source, timeMs: 1_700_000_000_000 });
    add(collector, { payload: netflow5(perExporter, 100), source, timeMs: 1_700_000_000_000 });
  }
  const collected = collector.stats();
  const sources = [{ label, collected, storedFlows: 5, lostFlows: 1 }];
  return renderMetrics({ startedMs: 1500, received, ignoredDatagrams: 3, sources, repeated: [] });
}

test('every sample belongs to a family with help and type, no family comes twice', () => {
  const families = new Set<string>();
  for (const line of metricsOf(3).trimEnd().split('\n')) {
    const declared = /^# TYPE (\S+) (?:counter|gauge)$/.exec(line);
    if (declared !== null) {
      expect(families.has(declared[1]!), line).toBe(false);
      families.add(declared[1]!);
    } else if (!line.startsWith('# HELP ')) {
      const sample = /^([a-z_]+)(?:\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})? -?[\d.]+(?:e\+\d+)?$/.exec(line);
      expect(sample, line).not.toBe(null);
      expect([...families].at(-1), line).toBe(sample![1]);
    }
  }
  expect(families.size).toBeGreaterThan(20);
  for (const name of families) if (name.endsWith('_total')) expect(metricsOf(1)).toContain(`# TYPE ${name} counter`);
});

test('figures', () => {
  const text = metricsOf(1);
  expect(text).toContain('weir_receive_kernel_dropped_total 1\n');
  expect(text).toContain('weir_receive_queue_dropped_total 2\n');
  expect(text).toContain('weir_receive_ignored_total 3\n');
  expect(text).toContain('weir_receive_buffer_bytes{port="9996"} 8192\n');
  expect(text).toContain('weir_decode_records_total{source="none",kind="flow"} 4\n');
  expect(text).toContain('weir_store_lost_rows_total{source="none"} 1\n');
  expect(text).toContain('weir_sequence_lost_total{exporter="10.0.0.1",unit="records"} 98\n');
  expect(text).toContain('weir_exporter_last_seen_timestamp_seconds{exporter="10.0.0.1"} 1700000000\n');
});

test('a flood of exporters makes no flood of labels, and none is left out of the sums', () => {
  const text = metricsOf(MAX_LABELLED_EXPORTERS + 50);
  const samples = text.match(/^weir_exporter_records_total\{.*$/gm)!;
  expect(samples).toHaveLength(MAX_LABELLED_EXPORTERS + 1);
  expect(samples.at(-1)).toBe(`weir_exporter_records_total{exporter="other"} ${50 * 4}`);
});

test('names that an operator chose are escaped', () => {
  expect(metricsOf(1, 'a"b\\c')).toContain('{source="a\\"b\\\\c"}');
});
