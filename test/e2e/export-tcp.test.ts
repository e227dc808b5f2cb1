import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { expect, it } from 'vitest';
import { flowsOf, Walker } from '../export/walk.ts';
import { makeCertificates } from '../support/certificates.ts';
import { Daemon, describeWith, ROOT, sleep, tempDir, weir, weirOk } from '../support/process.ts';
import { freeTcpPort } from '../support/tcp.ts';
import { freeUdpPort, sendDatagrams, UdpTap } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

describeWith(['weir', 'openssl'], 'weir export to tls://', () => {
  it('sends IPFIX to who shows a good certificate, and says why not to others', async () => {
    const { ca, collector, exporter, stranger } = makeCertificates(tempDir('tls'));
    const chunks: Buffer[] = [];
    const server = createTlsServer(
      { ...collector, ca: ca.cert, requestCert: true, rejectUnauthorized: true },
      (socket) => socket.on('data', (data: Buffer) => chunks.push(data)),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const args = ['export', '-r', DEMO, '-q', '-n', `tls://127.0.0.1:${port}`];
    const ours = ['--tls-cert', exporter.certPath, '--tls-key', exporter.keyPath];
    await weirOk([...args, ...ours, '--tls-ca', ca.certPath]);
    const refused = await weir([...args, ...ours, '--tls-ca', stranger.certPath]);
    expect(refused.status).toBe(1);
    expect(refused.stderr).toMatch(/^weir: tls:.*: cannot connect: certificate of the collector not accepted: .*\n$/);
    server.close();
    await once(server, 'close');
    expect(flowsOf(Buffer.concat(chunks))).toBe(810);
  });

  it('checks its options', async () => {
    const { ca } = makeCertificates(tempDir('tls'));
    const cases: [string[], RegExp][] = [
      [['-n', '127.0.0.1:9', '--tls-ca', ca.certPath], /--tls-ca has a meaning with -n tls:/],
      [['-n', 'tls://127.0.0.1', '--tls-cert', ca.certPath], /go together/],
      [['-n', 'tls://127.0.0.1', '--tls-ca', 'gone.pem'], /--tls-ca gone\.pem: cannot read/],
      [['-n', 'tls://127.0.0.1', '--tls-cert', ca.keyPath, '--tls-key', ca.certPath], /cannot be used/],
    ];
    for (const [args, message] of cases) {
      const { status, stderr } = await weir(['export', '-r', DEMO, '--check', ...args]);
      expect([status, stderr]).toEqual([1, expect.stringMatching(message)]);
    }
  });
});

describeWith(['weir'], 'weir export to tcp://', () => {
  it('sends IPFIX, beside a collector over UDP', async () => {
    const chunks: Buffer[] = [];
    const server = createServer((socket) => socket.on('data', (data: Buffer) => chunks.push(data)));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const tap = await UdpTap.open();
    await weirOk(['export', '-r', DEMO, '-q', '-n', `tcp://127.0.0.1:${port}`, '-n', `127.0.0.1:${tap.port}`]);
    server.close();
    await once(server, 'close');
    expect(flowsOf(Buffer.concat(chunks))).toBe(810);
    const byUdp = new Walker();
    const datagrams = await tap.close();
    expect(datagrams.reduce((sum, datagram) => sum + byUdp.walk(datagram).flows.length, 0)).toBe(810);
  });

  it('says when nobody is there, and that v5 cannot', async () => {
    const gone = await weir(['export', '-r', DEMO, '-q', '-n', 'tcp://127.0.0.1:1']);
    expect(gone.status).toBe(1);
    expect(gone.stderr).toMatch(/^weir: tcp:\/\/127\.0\.0\.1:1: cannot connect: .*\n$/);
    const v5 = await weir(['export', '-r', DEMO, '-q', '-v', '5', '-n', 'tcp://127.0.0.1:1']);
    expect(v5.stderr).toMatch(/v5 goes over UDP only/);
  });
});

describeWith(['weir', 'root'], 'weir export that is stopped while its collector takes nothing', () => {
  it.each(['in patience', 'in a hurry'])('%s', async (mood) => {
    const [nobody, port] = [await freeTcpPort(), await freeUdpPort()];
    const collector = `tcp://127.0.0.1:${nobody}`;
    const args = ['export', '-i', 'lo', '-n', collector, '--inactive', '1', 'udp', 'dst', 'port', String(port)];
    const exporter = Daemon.weir(args);
    await exporter.until('capturing', () => exporter.output.includes('capturing on'));
    await sleep(300);
    await sendDatagrams([Buffer.from('x')], port);
    await sleep(500);
    exporter.child.kill('SIGINT');
    const waiting = new RegExp(
      `${collector}: waiting for the collector to take \\d+ octets, until .* another signal ends at once`,
    );
    await exporter.until('told', () => waiting.test(exporter.output));
    const { status } = mood === 'in a hurry' ? await exporter.stop('SIGINT') : await exporter.end();
    expect(status, exporter.output).toBe(1);
    expect(/\d messages to tcp:.* failed/.test(exporter.output)).toBe(mood === 'in patience');
  });
});
