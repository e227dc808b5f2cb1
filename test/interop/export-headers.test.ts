import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Daemon, describeWith, ROOT, run, runOk } from '../support/process.ts';

const CLI = join(ROOT, 'dist/cli/main.js');
const CAPTURE = join(ROOT, 'pcaps/tcp.pcap');
const NAMESPACE = `weir-headers-${process.pid}`;
const inside = (args: readonly string[]) => runOk('ip', ['netns', 'exec', NAMESPACE, ...args]);

/** Fields of the IP and UDP headers of a datagram, of both families. */
const FIELDS = {
  4: ['ip.src', 'ip.dst', 'ip.dsfield.dscp', 'ip.ttl', 'udp.dstport'],
  6: ['ipv6.src', 'ipv6.dst', 'ipv6.tclass.dscp', 'ipv6.hlim', 'udp.dstport'],
} as const;

/** A wire between `w0`, which has two addresses of each family, and `w1`, where tshark listens. */
describeWith(['weir', 'root', 'ip', 'tshark'], 'IP headers of exported datagrams, on the wire', () => {
  beforeAll(async () => {
    await runOk('ip', ['netns', 'add', NAMESPACE]);
    await inside(['ip', 'link', 'set', 'lo', 'up']);
    await inside(['ip', 'link', 'add', 'w0', 'type', 'veth', 'peer', 'name', 'w1']);
    for (const name of ['w0', 'w1']) await inside(['ip', 'link', 'set', name, 'up']);
    for (const address of ['10.8.0.1/24', '10.8.0.5/24']) await inside(['ip', 'addr', 'add', address, 'dev', 'w0']);
    for (const address of ['fd08::1/64', 'fd08::5/64'])
      await inside(['ip', 'addr', 'add', address, 'dev', 'w0', 'nodad']);
    for (const neighbour of ['10.8.0.9', 'fd08::9']) {
      await inside(['ip', 'neigh', 'add', neighbour, 'lladdr', '02:00:00:00:00:09', 'dev', 'w0', 'nud', 'permanent']);
    }
  });

  afterAll(async () => {
    await run('ip', ['netns', 'del', NAMESPACE]);
  });

  /** Headers of all datagrams that an export with these options sends, each kind once. */
  async function headers(family: 4 | 6, options: readonly string[]): Promise<string[]> {
    const fields = FIELDS[family].flatMap((field) => ['-e', field]);
    const shark = [
      'tshark',
      '-l',
      '-n',
      '-i',
      'w1',
      '-f',
      'udp port 9995',
      '-T',
      'fields',
      '-E',
      'separator= ',
      ...fields,
    ];
    const tshark = new Daemon('ip', ['netns', 'exec', NAMESPACE, ...shark]);
    await tshark.until('capturing', () => /Capturing on/.test(tshark.output));
    const lines = () => tshark.output.split('\n').filter((line) => / 9995$/.test(line));
    // It says so before it does.
    await tshark.until('seeing', async () => {
      await inside([process.execPath, CLI, 'export', '-r', CAPTURE, '-q', ...options]);
      return lines().length > 0;
    });
    await tshark.stop('SIGINT');
    return [...new Set(lines())];
  }

  it.each([
    ['as they are by default', [], '10.8.0.1 10.8.0.9 0 64 9995'],
    [
      'with what was asked for',
      ['--dscp', '46', '--ttl', '7', '--source-address', '10.8.0.5'],
      '10.8.0.5 10.8.0.9 46 7 9995',
    ],
    ['with IPFIX alike', ['--dscp', '8', '-v', '10'], '10.8.0.1 10.8.0.9 8 64 9995'],
  ])('IPv4: %s', async (_, options, header) => {
    expect(await headers(4, ['-n', '10.8.0.9:9995', ...options])).toEqual([header]);
  });

  it.each([
    ['as they are by default', [], 'fd08::1 fd08::9 0 64 9995'],
    [
      'with what was asked for',
      ['--dscp', '46', '--ttl', '7', '--source-address', 'fd08::5'],
      'fd08::5 fd08::9 46 7 9995',
    ],
  ])('IPv6: %s', async (_, options, header) => {
    expect(await headers(6, ['-n', '[fd08::9]:9995', ...options])).toEqual([expect.stringMatching(asOne(header))]);
  });

  it('multicast: one hop by default, by the interface named', async () => {
    const group = ['-n', '239.8.8.8:9995', '--multicast-interface', 'w0'];
    expect(await headers(4, group)).toEqual(['10.8.0.1 239.8.8.8 0 1 9995']);
    expect(await headers(4, [...group, '--ttl', '9', '--dscp', '10'])).toEqual(['10.8.0.1 239.8.8.8 10 9 9995']);
    const six = ['-n', '[ff15::88]:9995', '--multicast-interface', 'w0', '--source-address', 'fd08::5', '--ttl', '3'];
    expect(await headers(6, six)).toEqual(['fd08::5 ff15::88 0 3 9995']);
  });
});

/** The kernel may prefer either of two addresses that are as good. */
function asOne(header: string): string {
  return header.startsWith('fd08::1 ') ? `^fd08::[15] ${header.slice(8)}$` : `^${header}$`;
}
