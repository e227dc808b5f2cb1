import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { expect, it } from 'vitest';
import { flowsOf, Walker } from '../export/walk.ts';
import { makeCertificates } from '../support/certificates.ts';
import { describeWith, ROOT, tempDir, weir, weirOk } from '../support/process.ts';
import { UdpTap } from '../support/udp.ts';

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
