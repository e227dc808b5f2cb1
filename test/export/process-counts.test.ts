import { expect, it } from 'vitest';
import { FlowExporter } from '../../src/export/exporter.ts';
import { BOOT_MS, batchOf, KeepingTransport, PROCESS_COUNTS, START_MS, sampleFlows } from './support.ts';
import { type WalkedMessage, type WalkedRecord, Walker } from './walk.ts';

async function exported(version: 9 | 10, clock: 'wall' | 'flows', flows = 100): Promise<WalkedMessage[]> {
  const keep = new KeepingTransport();
  const exporter = new FlowExporter({
    version,
    clock,
    domain: 77,
    transports: [keep],
    bootMs: () => BOOT_MS,
    now: () => START_MS,
    processCounts: () => PROCESS_COUNTS,
  });
  exporter.write(batchOf(sampleFlows(flows)));
  await exporter.close();
  const walker = new Walker();
  return keep.datagrams.map((datagram) => walker.walk(datagram));
}

function record(message: WalkedMessage, element: string): WalkedRecord | undefined {
  return message.options.find(({ values }) => values.has(element));
}

it.each([9, 10] as const)('version %i: what was counted is told with the templates and at the end', async (version) => {
  const messages = await exported(version, 'wall');
  const last = messages.at(-1)!;
  for (const message of [messages[0]!, last]) {
    expect(record(message, '164')?.values.get('164')).toBe(7n);
    expect(record(message, '164')?.values.get('163')).toBe(40n);
    const notSent = record(message, '166')!.values;
    expect([notSent.get('166'), notSent.get('167'), notSent.get('168')]).toEqual([3n, 30n, 2n ** 40n]);
    if (version === 10) {
      const selector = record(message, '318')!.values;
      expect([selector.get('318'), selector.get('319')]).toEqual([1000n, 900n]);
    } else expect(record(message, '318')).toBe(undefined);
  }
  const sent = record(last, '41')!.values;
  // With the last flows where they fit, and then with them counted in; else behind all that they count.
  const counted = last.flows.length > 0 ? messages : messages.slice(0, -1);
  expect(sent.get('41')).toBe(BigInt(counted.length));
  expect(sent.get('42')).toBe(100n);
  expect(sent.get('40')).toBe(counted.reduce((sum, message) => sum + BigInt(message.length), 0n));
});

it('a replay tells them at the end only', async () => {
  const messages = await exported(10, 'flows');
  expect(messages.filter((message) => record(message, '164') !== undefined)).toEqual([messages.at(-1)]);
  expect(messages.at(-1)!.exportMs).toBeGreaterThanOrEqual(START_MS);
});

it.each([9, 10] as const)(
  'version %i: they share the message of the last flows where there is room',
  async (version) => {
    const [only, ...more] = await exported(version, 'flows', 1);
    expect(more).toEqual([]);
    const sent = record(only!, '41')!.values;
    expect(only!.flows.length).toBe(1);
    // The record of the announcement stands before the flows, this one behind them.
    const last = only!.options.filter(({ values }) => values.has('41')).at(-1)!.values;
    expect([sent.get('41'), last.get('41'), last.get('42'), last.get('40')]).toEqual([
      0n,
      1n,
      1n,
      BigInt(only!.length),
    ]);
  },
);
