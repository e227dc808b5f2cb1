import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ipfixMessage } from '../support/flow-datagrams.ts';
import { Daemon, describeWith, ROOT, runOk, sleep, tempDir, weir, weirOk } from '../support/process.ts';
import { freeTcpPort } from '../support/tcp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');
const message = ipfixMessage({
  templates: [{ id: 256, fields: [[1, 4]] }],
  data: [{ id: 256, bytes: new Uint8Array(12).fill(1) }],
});

async function collector(args: readonly string[]): Promise<Daemon> {
  const daemon = Daemon.weir(['collect', ...args]);
  await daemon.until('listening', () => daemon.output.includes('listening on'));
  return daemon;
}

describeWith(['weir'], 'weir collect over TCP', () => {
  it.each(['9', '10'])('takes what weir export -v %s sends', async (version) => {
    const directory = tempDir('tcp');
    const port = await freeTcpPort();
    const daemon = await collector(['-w', directory, '-b', '127.0.0.1', '-p', `tcp:${port}`]);
    await weirOk(['export', '-r', DEMO, '-q', '-v', version, '-n', `tcp://127.0.0.1:${port}`]);
    expect((await daemon.stop()).status).toBe(0);
    expect(daemon.output).toMatch(/810 flows stored/);
    expect(await weirOk(['exporters', '-r', directory])).toMatch(new RegExp(`127\\.0\\.0\\.1 +${version} +0 +tcp `));
  });

  it('says what is wrong with a listener', async () => {
    const directory = tempDir('tcp');
    for (const [args, text] of [
      [['--listen', 'tls://:0'], /needs --tls-cert FILE and --tls-key FILE/],
      [['--listen', 'http://x:1'], /--listen takes udp:\/\/, tcp:\/\/ or tls:\/\//],
      [['--tls-cert', 'x'], /are for a listener tls:/],
      [['-p', 'tcp:99999'], /-p takes a port from 0 to 65535, tcp:PORT or tls:PORT/],
      [['-4', '-6'], /-4 and -6 exclude each other/],
      [['-f', DEMO, '-p', 'tcp:1'], /-f and -d read captured datagrams/],
      [['-p', 'tls:0', '--tls-cert', DEMO, '--tls-key', DEMO], /--tls-key or --tls-ca cannot be used/],
    ] as const) {
      const { status, stderr } = await weir(['collect', '-w', directory, ...args]);
      expect(stderr).toMatch(text);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(status).toBe(1);
    }
  });
});

describeWith(['weir', 'openssl'], 'weir collect over TLS', () => {
  it('takes clients of its authority, and no others', async () => {
    const directory = tempDir('tls');
    const file = (name: string) => join(directory, name);
    const openssl = (...args: string[]) => runOk('openssl', args);
    for (const name of ['ca', 'other']) {
      const names = ['-keyout', file(`${name}.key`), '-out', file(`${name}.pem`), '-subj', `/CN=${name}`];
      await openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...names);
    }
    for (const name of ['server', 'client']) {
      const names = ['-keyout', file(`${name}.key`), '-out', file(`${name}.csr`), '-subj', `/CN=${name}`];
      await openssl('req', '-newkey', 'rsa:2048', '-nodes', ...names);
      const signed = ['-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-days', '2'];
      await openssl('x509', '-req', '-in', file(`${name}.csr`), ...signed, '-out', file(`${name}.pem`));
    }
    const port = await freeTcpPort();
    const identity = ['--tls-cert', file('server.pem'), '--tls-key', file('server.key'), '--tls-ca', file('ca.pem')];
    const daemon = await collector(['-w', file('out'), '--listen', `tls://127.0.0.1:${port}`, ...identity]);
    const send = async (...certificate: string[]) => {
      const client = spawn('openssl', ['s_client', '-quiet', '-connect', `127.0.0.1:${port}`, ...certificate]);
      const closed = once(client, 'close');
      client.stdin.on('error', () => undefined);
      client.stdin.write(message);
      await sleep(500);
      client.kill();
      await closed;
    };
    await send('-cert', file('client.pem'), '-key', file('client.key'));
    await send('-cert', file('other.pem'), '-key', file('other.key'));
    await send();
    expect((await daemon.stop()).status).toBe(0);
    expect(daemon.output).toMatch(/3 flows stored/);
    expect(daemon.output).toMatch(/TLS with .* failed: certificate of the client not accepted/);
    expect(daemon.output).toMatch(/2 connections without a handshake of TLS/);
  });
});
