import { expect, it } from 'vitest';
import { parseTemplateFields } from '../../src/export/compose-template.ts';
import { FlowExporter } from '../../src/export/exporter.ts';
import type { FlowExporterOptions } from '../../src/export/exporter-options.ts';
import { BOOT_MS, batchOf, KeepingTransport, START_MS, sampleFlows } from './support.ts';
import { type WalkedMessage, Walker } from './walk.ts';

type Options = Pick<FlowExporterOptions, 'version'> & Partial<FlowExporterOptions>;

async function through(options: Options, use: (exporter: FlowExporter) => void): Promise<WalkedMessage[]> {
  const keep = new KeepingTransport();
  const exporter = new FlowExporter({ transports: [keep], clock: 'flows', bootMs: () => BOOT_MS, ...options });
  use(exporter);
  await exporter.close();
  const walker = new Walker();
  return keep.datagrams.map((datagram) => walker.walk(datagram));
}

const flows = sampleFlows(90, { direction: true });
const other = parseTemplateFields('srcAddr,dstAddr,octets,packets');

function changing(exporter: FlowExporter): void {
  exporter.write(batchOf(flows));
  exporter.changeTemplate(other);
  exporter.write(batchOf(flows));
  exporter.changeTemplate('default');
  exporter.write(batchOf(flows));
}

function expectAll(messages: readonly WalkedMessage[]): void {
  const records = messages.flatMap((message) => message.flows);
  expect(records.length).toBe(270);
  expect(records.filter(({ values }) => !values.has('7')).length).toBe(90);
  const octets = records.reduce((sum, { values }) => sum + values.get('1')!, 0n);
  expect(octets).toBe(3n * flows.reduce((sum, flow) => sum + BigInt(flow.octets!), 0n));
}

it('over a connection IPFIX withdraws templates no longer used, and sequence numbers go on', async () => {
  const messages = await through({ version: 10, withdraws: true }, changing);
  expectAll(messages);
  let sequence = 0;
  for (const message of messages) {
    expect(message.sequence).toBe(sequence);
    sequence += message.flows.length + message.options.length;
  }
  const withdrawals = messages.filter(({ withdrawnIds }) => withdrawnIds.length > 0);
  expect(withdrawals.length).toBe(2);
  const [first, second] = withdrawals;
  const before = messages.slice(0, messages.indexOf(first!));
  expect(new Set(first!.withdrawnIds)).toEqual(new Set(before.flatMap(({ templateIds }) => templateIds)));
  expect(second!.withdrawnIds.filter((id) => first!.withdrawnIds.includes(id))).toEqual([]);
  // The same fields have their number again.
  expect(new Set(messages.at(-1)!.flows.map(({ templateId }) => templateId))).not.toEqual(
    new Set(second!.withdrawnIds),
  );
});

it.each([9, 10] as const)(
  'over UDP version %i withdraws nothing: new templates have numbers of their own',
  async (version) => {
    const messages = await through({ version }, changing);
    expectAll(messages);
    expect(messages.flatMap(({ withdrawnIds }) => withdrawnIds)).toEqual([]);
  },
);

it('presets that have the same number for different fields do not get it one after the other', async () => {
  const messages = await through({ version: 9, template: 'ng_netflow' }, (exporter) => {
    exporter.write(batchOf(flows));
    exporter.changeTemplate('netflowsink');
    exporter.write(batchOf(flows));
  });
  const numbers = messages.map(({ flows: sent }) => new Set(sent.map(({ templateId }) => templateId)));
  const [first, last] = [numbers.find(({ size }) => size > 0)!, numbers.at(-1)!];
  expect(first).toContain(256);
  expect(last.size).toBeGreaterThan(0);
  expect([...last].filter((id) => first.has(id))).toEqual([]);
});

it.each([5, 9, 10] as const)('version %i: no more flows in a message than asked for', async (version) => {
  const messages = await through({ version, maxRecords4: 3, maxRecords6: 2, refreshDatagrams: 4 }, (exporter) => {
    exporter.write(batchOf(sampleFlows(100).map((flow) => ({ ...flow, octets: 1 }))));
  });
  const v6 = (message: WalkedMessage) => message.flows[0]!.values.has('27');
  const sizes = (is6: boolean) =>
    messages.filter((m) => m.flows.length > 0 && v6(m) === is6).map((m) => m.flows.length);
  expect(Math.max(...sizes(false))).toBe(3);
  if (version !== 5) expect(Math.max(...sizes(true))).toBe(2);
});

it('a message over a connection holds up to 64 KiB', async () => {
  const messages = await through({ version: 10, maxDatagramBytes: 65_504 }, (exporter) => {
    exporter.write(batchOf(sampleFlows(5000).map((flow) => ({ ...flow, exportMs: START_MS }))));
  });
  expect(Math.max(...messages.map(({ length }) => length))).toBeGreaterThan(65_400);
});
