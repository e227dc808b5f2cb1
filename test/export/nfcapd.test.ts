/** A real nfcapd takes the datagrams off loopback; nfdump says what it understood. */
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { FlowExporter } from '../../src/export/exporter.ts';
import type { FlowExporterOptions } from '../../src/export/exporter-options.ts';
import { describeWith } from '../support/process.ts';
import {
  BOOT_MS,
  batchOf,
  inTemporaryFolder,
  KeepingTransport,
  PROCESS_COUNTS,
  START_MS,
  sampleFlows,
} from './support.ts';

describeWith(['nfcapd', 'nfdump'], 'nfcapd stores what the exporter sends', () => {
  it.each([5, 9, 10] as const)('version %i: flows, packets, octets and times', async (version) => {
    const flows = sampleFlows(300).filter((flow) => version !== 5 || !String(flow.srcAddr).includes(':'));
    const { log, lines, records } = await throughNfcapd({ version }, flows);
    const total = (name: 'packets' | 'octets') => flows.reduce((sum, flow) => sum + BigInt(flow[name]!), 0n);
    expect(log).toContain(`Flows: ${records}, Packets: ${total('packets')}, Bytes: ${total('octets')}`);
    if (version !== 10) expect(log).toContain('Sequence Errors: 0');
    const times = flows.map((flow) => `${iso(flow.firstMs)} ${iso(flow.lastMs)} ${flow.srcAddr} ${flow.srcPort}`);
    // Flows that v5 had to split appear more than once.
    expect(new Set(lines)).toEqual(new Set(times));
  });

  it.each([5, 9, 10] as const)('version %i: the sampling rate', async (version) => {
    const flows = sampleFlows(30).filter((flow) => !String(flow.srcAddr).includes(':'));
    const { log } = await throughNfcapd({ version, sampling: { rate: 10, random: false } }, flows);
    const packets = flows.reduce((sum, flow) => sum + BigInt(flow.packets!), 0n);
    expect(log).toContain(`Packets: ${packets * 10n},`);
  });
});

async function throughNfcapd(
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
  return inTemporaryFolder(async (folder) => {
    const port = await freePort();
    const nfcapd = spawn('nfcapd', ['-w', folder, '-b', '127.0.0.1', '-p', String(port), '-t', '3600']);
    let log = '';
    nfcapd.stdout.on('data', (chunk) => (log += chunk));
    nfcapd.stderr.on('data', (chunk) => (log += chunk));
    const ended = once(nfcapd, 'exit');
    try {
      for (let waited = 0; waited < 100 && !log.includes('Startup nfcapd'); waited++) await sleep(50);
      await sleep(200);
      await send(keep.datagrams, port);
      await sleep(300);
    } finally {
      nfcapd.kill('SIGTERM');
    }
    await ended;
    const file = readdirSync(folder).find((name) => name.startsWith('nfcapd.'));
    if (file === undefined) throw new Error(`nfcapd wrote no file: ${log}`);
    const arguments_ = ['-r', join(folder, file), '-q', '-6', '-o', 'fmt:%ts|%te|%sa|%sp'];
    const out = execFileSync('nfdump', arguments_, { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } });
    const lines = out
      .split('\n')
      .filter((line) => line.includes('|'))
      .map((line) => line.replace(/\s*\|\s*/g, ' ').trim());
    return { log, lines, records: exporter.stats().records };
  });
}

async function send(datagrams: readonly Buffer[], port: number): Promise<void> {
  const socket = createSocket('udp4');
  for (const datagram of datagrams) {
    await new Promise<void>((resolve, reject) => {
      socket.send(datagram, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
    });
    await sleep(2);
  }
  socket.close();
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

function iso(ms: unknown): string {
  return new Date(Number(ms)).toISOString().replace('T', ' ').replace('Z', '');
}
