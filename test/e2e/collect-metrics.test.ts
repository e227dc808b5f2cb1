import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { startCollector } from '../support/collector.ts';
import { netflow5 } from '../support/netflow5.ts';
import { describeWith, tempDir, weir } from '../support/process.ts';
import { freeTcpPort } from '../support/tcp.ts';
import { drained, freeUdpPort, sendDatagrams } from '../support/udp.ts';

describeWith(['weir'], 'weir collect --metrics', () => {
  it('serves counters and health, and ends with the collector', async () => {
    const [port, http] = [await freeUdpPort(), await freeTcpPort()];
    const url = `http://127.0.0.1:${http}`;
    const collector = await startCollector(['-w', tempDir('metrics'), '--metrics', `127.0.0.1:${http}`], port);
    await collector.until('ready', async () => (await fetch(`${url}/readyz`).catch(() => undefined))?.status === 200);
    await sendDatagrams([netflow5(30, 0), netflow5(30, 130)], port);
    await drained(port);
    let text = '';
    await collector.until('stored', async () => {
      text = await (await fetch(`${url}/metrics`)).text();
      return text.includes('weir_store_rows_total{source="none"} 60\n');
    });
    expect(text).toContain('weir_receive_datagrams_total 2\n');
    expect(text).toContain('weir_sequence_lost_total{exporter="127.0.0.1",unit="records"} 100\n');
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    expect((await fetch(`${url}/`)).status).toBe(404);
    expect((await fetch(`${url}/metrics`, { method: 'POST' })).status).toBe(405);
    expect((await collector.stop()).status, collector.output).toBe(0);
  });

  it('refuses a port in use', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const args = ['-b', '127.0.0.1', '-p', '0', '-w', tempDir('metrics-port'), '--metrics', `127.0.0.1:${port}`];
    const refused = await weir(['collect', ...args]);
    server.close();
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(new RegExp(`cannot serve metrics on 127\\.0\\.0\\.1:${port}: .*in use`));
  });
});
