import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Daemon, describeWith, ROOT, tempDir, weir } from '../support/process.ts';
import { freeTcpPort } from '../support/tcp.ts';
import { UdpTap } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

/** The value of a sample, NaN without one. */
function sample(text: string, name: string): number {
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1) ?? Number.NaN,
  );
}

describeWith(['weir'], 'weir export --metrics and --log-format', () => {
  it('serves counters and health, and logs JSON, until it ends', async () => {
    const [port, tap, log] = [await freeTcpPort(), await UdpTap.open(), join(tempDir('log'), 'weir.log')];
    const url = `http://127.0.0.1:${port}`;
    const collector = `127.0.0.1:${tap.port}`;
    const daemon = Daemon.weir([
      ...['export', '-r', DEMO, '--speed', '4', '--active', '2', '-n', collector, '-w', tempDir('flows')],
      ...['--metrics', `127.0.0.1:${port}`, '--log', log, '--log-format', 'json'],
    ]);
    await daemon.until('ready', async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200);
    let text = '';
    await daemon.until('sent', async () => {
      text = await (await fetch(`${url}/metrics`)).text();
      return sample(text, `weir_export_datagrams_total{collector="${collector}"}`) > 0;
    });
    const metered = sample(text, 'weir_export_packets_metered_total{interface=""}');
    expect(metered).toBeGreaterThan(0);
    expect(metered).toBeLessThanOrEqual(sample(text, 'weir_export_packets_total{interface=""}'));
    const ended = ['idle', 'active', 'detected', 'forced', 'resources']
      .map((reason) => sample(text, `weir_export_flows_ended_total{reason="${reason}"}`))
      .reduce((sum, count) => sum + count);
    const created = sample(text, 'weir_export_flows_created_total');
    expect(created - ended).toBe(sample(text, 'weir_export_flows_active'));
    expect(sample(text, 'weir_export_records_total')).toBeLessThanOrEqual(ended);
    expect(sample(text, 'weir_export_store_lost_rows_total')).toBe(0);
    expect(sample(text, 'process_resident_memory_bytes')).toBeGreaterThan(1e6);
    expect(sample(text, 'weir_event_loop_delay_max_seconds')).toBeGreaterThanOrEqual(0);
    for (const line of text.trimEnd().split('\n')) expect(line).toMatch(/^(# (HELP|TYPE) |[a-z_]+(\{[^}]*\})? \d)/);
    expect((await fetch(`${url}/livez`)).status).toBe(200);

    expect((await daemon.stop()).status, daemon.output).toBe(0);
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
    expect(daemon.output).toBe('');
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    const entries = lines.map((line) => JSON.parse(line) as Record<string, string>);
    expect(entries[0]).toMatchObject({ level: 'info', command: 'export' });
    expect(entries[0]!['message']).toBe('SIGTERM: sending the flows at hand');
    for (const { time } of entries) expect(new Date(time!).toISOString()).toBe(time);
    await tap.close();
  });

  it('refuses a port in use, and a log that cannot be', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const refused = await weir(['export', '-r', DEMO, '-o', 'null', '--metrics', `127.0.0.1:${port}`]);
    server.close();
    expect([refused.status, refused.stderr]).toEqual([
      1,
      `weir: cannot serve metrics on 127.0.0.1:${port}: the port is in use by another program\n`,
    ]);
    const log = await weir(['export', '-r', DEMO, '-o', 'null', '--log', '/nowhere/log']);
    expect([log.status, log.stderr]).toEqual([
      1,
      expect.stringContaining('cannot write the log to /nowhere/log (--log)'),
    ]);
    const format = await weir(['export', '-r', DEMO, '-o', 'null', '--log-format', 'xml']);
    expect(format.stderr).toBe('weir: --log-format takes text or json, not "xml"\n');
  });
});
