/** Wireshark's dissector, which shares nothing with weir, reads what the exporter writes. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { FlowExporter } from '../../src/export/exporter.ts';
import type { ExportVersion } from '../../src/export/exporter-options.ts';
import { templatePresets } from '../../src/export/templates.ts';
import { describeWith, tempDir } from '../support/process.ts';
import { datagramCapture } from '../support/udp.ts';
import {
  BOOT_MS,
  batchOf,
  KeepingTransport,
  type PlainFlow,
  PROCESS_COUNTS,
  START_MS,
  sampleFlows,
} from './support.ts';

const PORT = 9995;

describeWith(['tshark'], 'tshark reads what the exporter writes', () => {
  it.each([5, 9, 10] as const)('version %i: every field of every flow', async (version) => {
    const flows = sampleFlows(400, { direction: true }).map((flow) =>
      // v5 counters have 32 bits; splitting has tests of its own.
      version === 5 ? { ...flow, octets: BigInt(flow.octets!) & 0xffff_ffffn } : flow,
    );
    const dissected = await exportAndDissect(version, flows);
    const expected = flows.filter((flow) => version !== 5 || !isV6(flow)).map((flow) => expectedLine(flow, version));
    expect(dissected.toSorted()).toEqual(expected.toSorted());
  });

  it.each(
    templatePresets.flatMap((preset) => [
      [preset, 9],
      [preset, 10],
    ]) as [(typeof templatePresets)[number], 9 | 10][],
  )('preset %s as version %i: nothing malformed, octets add up', async (preset, version) => {
    const flows = sampleFlows(120, { direction: true });
    const keep = new KeepingTransport();
    const exporter = new FlowExporter({
      version,
      template: preset,
      transports: [keep],
      clock: 'wall',
      now: () => START_MS + 60_000,
      bootMs: () => BOOT_MS,
      processCounts: () => PROCESS_COUNTS,
      sampling: { rate: 100, random: true },
      interfaces: [
        { index: 3, name: 'eth0', description: 'uplink é' },
        { index: 4, name: 'eth1' },
      ],
    });
    exporter.write(batchOf(flows));
    await exporter.close();
    const path = captureOf(keep.datagrams);
    const text = tshark(path, ['-V', '-Y', 'cflow']);
    const rows = tshark(path, ['-T', 'fields', '-E', 'aggregator=;', '-e', 'cflow.octets']);
    const octets = rows.split(/[\s;]+/).filter((value) => value !== '');
    expect(complaints(text)).toEqual([]);
    expect(text).toContain('Sampling interval: 100');
    expect(text).toContain('uplink é');
    // With the templates and at the end.
    expect(text.match(/Not sent flow.*3$|NotSentFlowTotalCount.*3$/gim)?.length).toBeGreaterThanOrEqual(2);
    const total = octets.reduce((sum, value) => sum + BigInt(value), 0n);
    expect(total).toBe(flows.reduce((sum, flow) => sum + BigInt(flow.octets!), 0n));
    expect(octets.length).toBe(exporter.stats().records);
  });
});

function complaints(text: string): string[] {
  return text
    .split('\n')
    .filter(
      (line) => /malformed|no template|expert info|unknown|enterprise/i.test(line) && !/ForwardingStatus/.test(line),
    );
}

function isV6(flow: PlainFlow): boolean {
  return String(flow.srcAddr).includes(':');
}

function expectedLine(flow: PlainFlow, version: ExportVersion): string {
  const common = [
    flow.srcAddr,
    flow.dstAddr,
    flow.octets,
    flow.packets,
    flow.srcPort,
    flow.dstPort,
    flow.proto,
    flow.tos,
    flow.tcpFlags,
    flow.inIf,
    flow.outIf,
    flow.firstMs,
    flow.lastMs,
  ];
  if (version === 5) return common.join(' ');
  return [...common, flow.endReason, isV6(flow) ? 6 : 4, flow.direction ?? '-'].join(' ');
}

function captureOf(datagrams: readonly Buffer[]): string {
  const path = join(tempDir('tshark'), 'export.pcap');
  const sent = datagrams.map((payload) => ({ payload, from: '192.0.2.1', port: PORT, ms: START_MS }));
  writeFileSync(path, datagramCapture(sent));
  return path;
}

/** One line a flow, in the form of `expectedLine`. */
async function exportAndDissect(version: ExportVersion, flows: PlainFlow[]): Promise<string[]> {
  const keep = new KeepingTransport();
  const exporter = new FlowExporter({ version, transports: [keep], clock: 'flows', bootMs: () => BOOT_MS });
  exporter.write(batchOf(flows));
  await exporter.close();
  const path = captureOf(keep.datagrams);
  expect(complaints(tshark(path, ['-V', '-Y', 'cflow']))).toEqual([]);
  const names = [
    'cflow.srcaddr',
    'cflow.srcaddrv6',
    'cflow.dstaddr',
    'cflow.dstaddrv6',
    'cflow.octets',
    'cflow.packets',
    'cflow.srcport',
    'cflow.dstport',
    'cflow.protocol',
    'cflow.tos',
    'cflow.tcpflags',
    'cflow.inputint',
    'cflow.outputint',
    'cflow.timestart',
    'cflow.timeend',
    'cflow.abstimestart',
    'cflow.abstimeend',
    'cflow.flow_end_reason',
    'cflow.ip_version',
    'cflow.direction',
    'cflow.unix_secs',
    'cflow.unix_nsecs',
    'cflow.sysuptime',
  ];
  const fields = names.flatMap((name) => ['-e', name]);
  const out = tshark(path, ['-T', 'fields', '-E', 'aggregator=;', ...fields]);
  return out
    .split('\n')
    .filter(Boolean)
    .flatMap((frame) => flowsOfFrame(frame, version));
}

/** A datagram has flows of one family and template, so the values of each field stand in the order of the flows. */
function flowsOfFrame(frame: string, version: ExportVersion): string[] {
  const columns = frame.split('\t').map((cell) => (cell === '' ? [] : cell.split(';')));
  const [src4, src6, dst4, dst6, octets, packets, sport, dport, proto, tos, flags, inIf, outIf] = columns;
  const [start, end, absStart, absEnd, reason, ipVersion, direction, secs, nsecs, uptime] = columns.slice(13);
  const clockMs = Number(secs![0] ?? 0) * 1000 + Math.round(Number(nsecs?.[0] ?? 0) / 1e6);
  const bootMs = clockMs - Math.round(Number(uptime![0]) * 1000);
  const src = [...src4!, ...src6!];
  const dst = [...dst4!, ...dst6!];
  return src.map((source, i) => {
    const times = version === 10 ? [absMs(absStart![i]!), absMs(absEnd![i]!)] : [upMs(start![i]!), upMs(end![i]!)];
    const line = [source, dst[i], octets![i], packets![i], sport![i], dport![i], proto![i], Number(tos![i])];
    line.push(Number(flags![i]), inIf![i], outIf![i], ...times);
    if (version !== 5) line.push(reason![i], ipVersion![i], direction!.length === 0 ? '-' : direction![i]);
    return line.join(' ');
  });

  function upMs(seconds: string): number {
    return bootMs + Math.round(Number(seconds) * 1000);
  }
}

function absMs(text: string): number {
  return Date.parse(text.replace(/(\.\d{3})\d*/, '$1'));
}

function tshark(path: string, options: string[]): string {
  const args = ['-r', path, '-d', `udp.port==${PORT},cflow`, ...options];
  return execFileSync('tshark', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28 });
}
