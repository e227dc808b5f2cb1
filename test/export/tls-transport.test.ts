import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer as createPlainServer } from 'node:net';
import { createServer, type Server, type TlsOptions } from 'node:tls';
import { afterEach, expect, it } from 'vitest';
import { FlowExporter } from '../../src/export/exporter.ts';
import type { TlsIdentity } from '../../src/export/tcp-connection.ts';
import { TcpTransport } from '../../src/export/tcp-transport.ts';
import { makeCertificates } from '../support/certificates.ts';
import { describeWith, findTool, sleep, tempDir, until } from '../support/process.ts';
import { BOOT_MS, batchOf, sampleFlows } from './support.ts';
import { flowsOf } from './walk.ts';

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

interface Peer {
  readonly server: Server;
  readonly port: number;
  /** What came, in order of connections. */
  readonly sessions: Buffer[];
  readonly protocols: (string | null)[];
  readonly names: string[];
}

async function listen(options: TlsOptions, port = 0): Promise<Peer> {
  const sessions: Buffer[] = [];
  const protocols: (string | null)[] = [];
  const names: string[] = [];
  const server = createServer(options, (socket) => {
    const index = sessions.push(Buffer.alloc(0)) - 1;
    protocols.push(socket.getProtocol());
    names.push(String(socket.getPeerCertificate().subject?.CN));
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      sessions[index] = Buffer.concat([sessions[index]!, data]);
    });
    open.push(() => socket.destroy());
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  open.push(() => server.close());
  return { server, port: (server.address() as { port: number }).port, sessions, protocols, names };
}

async function transportTo(port: number, tls: TlsIdentity, required = true) {
  const lines: string[] = [];
  const log = (line: string) => lines.push(line);
  const transport = await TcpTransport.open({ host: '127.0.0.1', port, tls, required, log });
  open.push(() => transport.abort());
  return { transport, lines };
}

async function sendFlows(transport: TcpTransport, count: number, version: 9 | 10 = 10): Promise<FlowExporter> {
  const exporter = new FlowExporter({ version, transports: [transport], clock: 'flows', bootMs: () => BOOT_MS });
  transport.onSessionEnd(() => exporter.restartSession());
  await exporter.write(batchOf(sampleFlows(count)));
  return exporter;
}

describeWith(['openssl'], 'TLS to a collector', () => {
  const directory = tempDir('tls');
  const { ca, collector, exporter: client, stranger } = makeCertificates(directory);

  it('brings every message, with certificates on both sides', async () => {
    const peer = await listen({ ...collector, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    const { transport, lines } = await transportTo(peer.port, { ca: ca.cert, cert: client.cert, key: client.key });
    const exporter = await sendFlows(transport, 3000);
    await exporter.close();
    await until(() => peer.sessions[0] !== undefined && peer.sessions[0].length === transport.stats().bytes);
    expect(flowsOf(peer.sessions[0]!)).toBe(3000);
    expect(peer.names).toEqual(['exporter']);
    expect(peer.protocols).toEqual(['TLSv1.3']);
    expect([transport.stats().failed, lines]).toEqual([0, []]);
  });

  it('speaks TLS 1.2, and nothing older', async () => {
    const old = await listen({ ...collector, maxVersion: 'TLSv1.2' });
    const { transport } = await transportTo(old.port, { ca: ca.cert });
    await (await sendFlows(transport, 10)).close();
    await until(() => old.sessions[0]?.length === transport.stats().bytes);
    expect(old.protocols).toEqual(['TLSv1.2']);
    // Security level 0, or OpenSSL itself would refuse.
    const ancient = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    const older = await listen({ ...collector, ...ancient });
    await expect(transportTo(older.port, { ca: ca.cert })).rejects.toThrow(/cannot connect: TLS: .*version/);
  });

  it('takes no collector that cannot show who it is', async () => {
    const self = await listen(stranger);
    await expect(transportTo(self.port, { ca: ca.cert })).rejects.toThrow(
      /^tls:\/\/127\.0\.0\.1:\d+: cannot connect: certificate of the collector not accepted: self-signed certificate.* \(--tls-ca names/,
    );
    const peer = await listen(collector);
    // Without --tls-ca: authorities that the world trusts, not this one.
    await expect(transportTo(peer.port, {})).rejects.toThrow(/not accepted: unable to verify.* \(--tls-ca names/);
    await expect(transportTo(peer.port, { ca: ca.cert, serverName: 'other.test' })).rejects.toThrow(
      /not accepted: it is for DNS:collector\.test, IP Address:127\.0\.0\.1, not for other\.test \(--tls-server-name/,
    );
    const { transport } = await transportTo(peer.port, { ca: ca.cert, serverName: 'collector.test' });
    await (await sendFlows(transport, 1)).close();
    expect(self.sessions).toEqual([]);
  });

  it('a collector of TCP is not one of TLS', async () => {
    const server = createPlainServer((socket) => socket.end('hello there\r\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    open.push(() => server.close());
    const { port } = server.address() as { port: number };
    await expect(transportTo(port, { ca: ca.cert })).rejects.toThrow(/cannot connect: TLS: /);
    const silent = createPlainServer((socket) => socket.once('data', () => socket.end()));
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    open.push(() => silent.close());
    const { port: silentPort } = silent.address() as { port: number };
    await expect(transportTo(silentPort, { ca: ca.cert })).rejects.toThrow(/closed .* before TLS was agreed on/);
  });

  it('live: one line for a bad certificate, then attempts until a good one comes', async () => {
    const bad = await listen(stranger);
    const { transport, lines } = await transportTo(bad.port, { ca: ca.cert }, false);
    const exporter = await sendFlows(transport, 100);
    await sleep(900);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/cannot connect: certificate of the collector not accepted: .*; trying again$/);
    bad.server.close();
    const good = await listen(collector, bad.port);
    await until(() => lines.length > 1);
    expect(lines[1]).toMatch(/: connected$/);
    await exporter.close();
    await until(() => good.sessions[0]?.length === transport.stats().bytes);
    expect(flowsOf(good.sessions[0]!)).toBe(100);
    expect(transport.stats().failed).toBe(0);
  });

  it('a collector that refuses our certificate after the handshake: what it took counts as lost', async () => {
    const peer = await listen({ ...collector, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    const { transport, lines } = await transportTo(peer.port, { ca: ca.cert, cert: stranger.cert, key: stranger.key });
    const exporter = await sendFlows(transport, 500);
    await exporter.close();
    // With TLS 1.3 the refusal comes after the handshake, and after what we sent.
    await until(() => transport.stats().failed > 0);
    expect(peer.sessions).toEqual([]);
    const { sent, bytes, failed } = transport.stats();
    expect([sent, bytes, failed]).toEqual([0, 0, exporter.stats().datagrams]);
    expect(lines[0]).toMatch(
      /connection lost: closed by the collector, which may not accept our certificate; trying again$/,
    );
  });

  it('so does what it took before it could say that, however long that takes', async () => {
    const peer = await listen({ ...collector, ca: ca.cert, requestCert: true, rejectUnauthorized: true });
    // A collector that is busy: what follows the first flight of the handshake comes to it later.
    const busy = createPlainServer({ allowHalfOpen: true }, (near) => {
      const far = connect({ port: peer.port, host: '127.0.0.1', allowHalfOpen: true });
      near.once('data', (hello: Buffer) => {
        far.write(hello);
        near.pause();
        setTimeout(() => near.pipe(far), 1500);
      });
      far.pipe(near);
      for (const socket of [near, far]) socket.on('error', () => undefined);
      open.push(() => far.destroy());
      open.push(() => near.destroy());
    }).listen(0, '127.0.0.1');
    await once(busy, 'listening');
    open.push(() => busy.close());
    const { transport, lines } = await transportTo((busy.address() as { port: number }).port, { ca: ca.cert });
    const exporter = await sendFlows(transport, 300);
    await exporter.close();
    expect(lines.join()).toMatch(/connection lost: TLS: tlsv13 alert certificate required/);
    expect(transport.stats()).toMatchObject({ sent: 0, bytes: 0 });
    expect(transport.stats().failed).toBeGreaterThan(0);
  });

  it.each(['taken', 'refused'])('openssl s_server: %s', async (how) => {
    const port = 20_000 + (process.pid % 20_000);
    const mutual = ['-CAfile', ca.certPath, '-Verify', '1', '-verify_return_error'];
    const identity = ['-cert', collector.certPath, '-key', collector.keyPath];
    const server = spawn(findTool('openssl')!, [
      's_server',
      '-accept',
      `127.0.0.1:${port}`,
      ...identity,
      ...mutual,
      '-quiet',
      '-naccept',
      '1',
    ]);
    open.push(() => server.kill('SIGKILL'));
    const chunks: Buffer[] = [];
    server.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    let errors = '';
    server.stderr.on('data', (chunk) => (errors += chunk));
    const ours = how === 'taken' ? client : stranger;
    const identityOfOurs = { ca: ca.cert, cert: ours.cert, key: ours.key, serverName: 'collector.test' };
    const { transport, lines } = await transportTo(port, identityOfOurs, false);
    const exporter = await sendFlows(transport, 1000);
    await exporter.close();
    if (how === 'refused') {
      expect(lines.join()).toMatch(/connection lost: TLS: .*unknown ca/);
      expect(transport.stats().failed).toBe(exporter.stats().datagrams);
      expect(chunks).toEqual([]);
      return;
    }
    await until(() => Buffer.concat(chunks).length >= transport.stats().bytes || server.exitCode !== null);
    expect(flowsOf(Buffer.concat(chunks)), errors).toBe(1000);
  });
});
