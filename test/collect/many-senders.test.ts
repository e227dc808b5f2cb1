import { describe, expect, test } from 'vitest';
import { Collector } from '../../src/collect/collector.ts';
import { FlowBatchPool } from '../../src/flow/batch.ts';
import { add, rowCollector } from '../support/collect-rows.ts';
import {
  fill,
  ipfixMessage,
  ROUTER_FIELDS,
  recordBytes,
  type TemplateField,
  uint,
  v9Datagram,
} from '../support/flow-datagrams.ts';
import { fuzz } from '../support/fuzz.ts';

const EXPORTERS = 500;
const DOMAINS = 4;
/** The fields of routers with IPv6 addresses. */
const FIELDS6 = ROUTER_FIELDS.map(
  ([element, length]): TemplateField => (element === 8 ? [27, 16] : element === 12 ? [28, 16] : [element, length]),
);
const sourceOf = (exporter: number): [number, number, number, number] => [0, 0, 0xffff, 0x0a00_0000 + exporter];

test(`${EXPORTERS} exporters with ${DOMAINS} domains each: every record, every template, and memory`, () => {
  const pool = new FlowBatchPool();
  let rows = 0;
  const collector = new Collector({
    acquire: () => pool.acquire(),
    sink: (batch) => {
      rows += batch.rows;
      pool.release(batch);
    },
  });
  const templates = [
    { id: 256, fields: ROUTER_FIELDS },
    { id: 257, fields: FIELDS6 },
    {
      id: 258,
      fields: [
        [1, 4],
        [34, 4],
      ] as const,
      scopes: 1,
    },
  ];
  const data = [
    { id: 256, bytes: fill(recordBytes(ROUTER_FIELDS) * 10, 1) },
    { id: 257, bytes: fill(recordBytes(FIELDS6) * 8, 2) },
  ];
  const residentBefore = process.memoryUsage.rss();
  const rounds = 6;
  for (let round = 0; round < rounds; round++) {
    for (let exporter = 0; exporter < EXPORTERS; exporter++) {
      for (let domain = 0; domain < DOMAINS; domain++) {
        // Templates come again and again, as they do over UDP.
        const payload = v9Datagram({ ...(round % 2 === 0 ? { templates } : {}), data, domain, sequence: round });
        add(collector, { payload, source: sourceOf(exporter) });
      }
    }
  }
  collector.flush();
  const stats = collector.stats();
  expect(stats.exporters).toBe(EXPORTERS);
  expect(stats.streams).toHaveLength(EXPORTERS * DOMAINS);
  expect(new Set(stats.streams.map((stream) => stream.templates))).toEqual(new Set([3]));
  expect(rows).toBe(rounds * EXPORTERS * DOMAINS * 18);
  expect(stats.streams.reduce((sum, { lost, setsWithoutTemplate }) => sum + lost + setsWithoutTemplate, 0)).toBe(0);
  const grown = (process.memoryUsage.rss() - residentBefore) / 2 ** 20;
  console.log(`${EXPORTERS} exporters, ${DOMAINS} domains, 3 templates each: memory grew by ${grown.toFixed(0)} MiB`);
});

describe('hostile senders', () => {
  test('spoofed addresses, floods of templates and sets without one stay within the limits', async () => {
    // Reached within seconds, so that a long run shows whether memory stays where it is then.
    const limits = {
      exporters: 512,
      streams: 2048,
      templateFields: 60_000,
      optionEntries: 10_000,
      pendingBytes: 1 << 20,
    };
    const { collector, rows, clear } = rowCollector({ limits });
    const before = { domain: 9999, source: sourceOf(1) };
    const template = { id: 256, fields: [[7, 2]] as TemplateField[] };
    add(collector, { payload: v9Datagram({ templates: [template], domain: before.domain }), source: before.source });
    await fuzz((roll) => {
      const build = roll(2) === 0 ? v9Datagram : ipfixMessage;
      const templates = Array.from({ length: roll(12) }, () => ({
        id: 256 + roll(65_000),
        // Some have records of no octets.
        fields: Array.from(
          { length: 1 + roll(24) },
          (): TemplateField => [1 + roll(400), [0, 1, 2, 4, 8, 16][roll(6)]!],
        ),
        ...(roll(4) === 0 ? { scopes: 1 } : {}),
      }));
      const data = Array.from({ length: roll(4) }, () => ({
        id: 256 + roll(65_000),
        bytes: fill(roll(300), roll(2 ** 31)),
      }));
      const payload = build({ templates, data, domain: roll(3) === 0 ? roll(2 ** 31) : roll(3) });
      // Most of the time somebody new.
      const source = sourceOf(roll(3) === 0 ? roll(10) : roll(0x00ff_ffff));
      add(collector, { payload, source });
      clear();
    });
    const { exporters, streams, pending } = collector.stats();
    expect(exporters).toBeLessThanOrEqual(limits.exporters);
    expect(streams.length).toBeLessThanOrEqual(limits.streams);
    expect(pending.bytes).toBeLessThanOrEqual(limits.pendingBytes);
    const fields = collector.templates().reduce((sum, template) => sum + template.fields.length, 0);
    expect(fields).toBeGreaterThan(1000);
    expect(fields).toBeLessThanOrEqual(limits.templateFields);
    // Who was there before is heard on.
    const data = [{ id: 256, bytes: uint(80, 2) }];
    add(collector, { payload: v9Datagram({ data, domain: before.domain }), source: before.source });
    collector.flush();
    expect(rows.at(-1)?.srcPort).toBe(80);
  });
});
