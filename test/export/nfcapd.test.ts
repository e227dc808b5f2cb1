/** A real nfcapd takes the datagrams off loopback; nfdump says what it understood. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FlowExporter } from '../../src/export/exporter.ts';
import type { FlowExporterOptions } from '../../src/export/exporter-options.ts';
import { throughNfcapd } from '../support/nfdump.ts';
import { describeWith, runOk, tempDir } from '../support/process.ts';
import { BOOT_MS, batchOf, KeepingTransport, PROCESS_COUNTS, START_MS, sampleFlows } from './support.ts';

describeWith(['nfcapd', 'nfdump'], 'nfcapd stores what the exporter sends', () => {
  it.each([5, 9, 10] as const)('version %i: flows, packets, octets and times', async (version) => {
    const flows = sampleFlows(300).filter((flow) => version !== 5 || !String(flow.srcAddr).includes(':'));
    const { log, lines, records } = await exportToNfcapd({ version }, flows);
    const total = (name: 'packets' | 'octets') => flows.reduce((sum, flow) => sum + BigInt(flow[name]!), 0n);
    expect(log).toContain(`Flows: ${records}, Packets: ${total('packets')}, Bytes: ${total('octets')}`);
    if (version !== 10) expect(log).toContain('Sequence Errors: 0');
    const times = flows.map((flow) => `${iso(flow.firstMs)} ${iso(flow.lastMs)} ${flow.srcAddr} ${flow.srcPort}`);
    // Flows that v5 had to split appear more than once.
    expect(new Set(lines)).toEqual(new Set(times));
  });

  it.each([5, 9, 10] as const)('version %i: the sampling rate', async (version) => {
    const flows = sampleFlows(30).filter((flow) => !String(flow.srcAddr).includes(':'));
    const { log } = await exportToNfcapd({ version, sampling: { rate: 10, random: false } }, flows);
    const packets = flows.reduce((sum, flow) => sum + BigInt(flow.packets!), 0n);
    expect(log).toContain(`Packets: ${packets * 10n},`);
  });
});

async function exportToNfcapd(
  options: Pick<FlowExporterOptions, 'version' | 'sampling'>,
  flows: ReturnType<typeof sampleFlows>,
): Promise<{ log: string; lines: string[]; records: number }> {
  const keep = new KeepingTransport();
  const exporter = new FlowExporter({
    ...options,
    transports: [keep],
    // The counts of the meter are told with every refresh: they must disturb neither sequence nor sampling.
    clock: 'wall',
    now: () => START_MS + 60_000,
    processCounts: () => PROCESS_COUNTS,
    refreshDatagrams: 5,
    bootMs: () => BOOT_MS,
  });
  exporter.write(batchOf(flows));
  await exporter.close();
  const folder = tempDir('nfcapd');
  const { output } = await throughNfcapd([keep.datagrams], ['-w', folder]);
  const file = readdirSync(folder).find((name) => name.startsWith('nfcapd.'));
  if (file === undefined) throw new Error(`nfcapd wrote no file: ${output}`);
  const text = await runOk('nfdump', ['-r', join(folder, file), '-q', '-6', '-o', 'fmt:%ts|%te|%sa|%sp']);
  const rows = text.split('\n').filter((line) => line.includes('|'));
  const lines = rows.map((line) => line.replace(/\s*\|\s*/g, ' ').trim());
  return { log: output, lines, records: exporter.stats().records };
}

function iso(ms: unknown): string {
  return new Date(Number(ms)).toISOString().replace('T', ' ').replace('Z', '');
}
