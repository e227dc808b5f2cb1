import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Daemon, describeWith, ROOT, run, runOk, sleep, tempDir } from '../support/process.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');
const CLI = join(ROOT, 'dist/cli/main.js');
const NAMESPACE = `weir-multicast-${process.pid}`;

function inside(args: readonly string[]): Promise<string> {
  return runOk('ip', ['netns', 'exec', NAMESPACE, ...args]);
}

describeWith(['weir', 'root', 'ip', 'tshark'], 'weir export to multicast', () => {
  beforeAll(async () => {
    await runOk('ip', ['netns', 'add', NAMESPACE]);
    for (const pair of ['one', 'two']) {
      await inside(['ip', 'link', 'add', `${pair}-a`, 'type', 'veth', 'peer', 'name', `${pair}-b`]);
      await inside(['ip', 'link', 'set', `${pair}-a`, 'up']);
      await inside(['ip', 'link', 'set', `${pair}-b`, 'up']);
    }
    await inside(['ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'one-a']);
    await inside(['ip', 'addr', 'add', '198.51.100.1/24', 'dev', 'two-a']);
    await inside(['ip', 'addr', 'add', '2001:db8::1/64', 'dev', 'two-a', 'nodad']);
  });

  afterAll(async () => {
    await run('ip', ['netns', 'del', NAMESPACE]);
  });

  it.each([
    ['239.255.1.2', ['ip.src', 'ip.dst', 'ip.dsfield.dscp', 'ip.ttl'], '198.51.100.1'],
    ['[ff15::1:2]', ['ipv6.src', 'ipv6.dst', 'ipv6.tclass.dscp', 'ipv6.hlim'], '2001:db8::1'],
  ])('%s: leaves by the interface, with code point and hops as asked', async (group, fields, source) => {
    const file = join(tempDir('multicast'), 'seen.pcapng');
    const capture = ['tshark', '-q', '-i', 'two-b', '-w', file, '-f', 'udp port 9995'];
    const tshark = new Daemon('ip', ['netns', 'exec', NAMESPACE, ...capture]);
    await tshark.until('capturing', () => /Capturing on/.test(tshark.output));
    await sleep(500);
    const settings = ['--dscp', '46', '--ttl', '5', '--multicast-interface', 'two-a', '--source-address'];
    const plan = [process.execPath, CLI, 'export', '-r', DEMO, '-q', '-n', `${group}:9995`, ...settings, source];
    await inside(plan);
    await sleep(500);
    await tshark.stop('SIGINT');
    const columns = [...fields, 'cflow.count'].flatMap((field) => ['-e', field]);
    const out = await runOk('tshark', ['-r', file, '-d', 'udp.port==9995,cflow', '-T', 'fields', ...columns]);
    const rows = out
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(rows.length).toBeGreaterThan(5);
    const address = group.replaceAll(/[[\]]/g, '');
    for (const [from, to, dscp, hops, count] of rows) {
      expect([from, to, dscp, hops]).toEqual([source, address, '46', '5']);
      expect(Number(count)).toBeGreaterThan(0);
    }
  });

  it('says when the interface is not there, and that connections have none of this', async () => {
    const refused = await run(process.execPath, [
      ...[CLI, 'export', '-r', DEMO, '-q', '-n', '239.1.1.1:9995', '--multicast-interface', 'gone0'],
    ]);
    expect([refused.status, refused.stderr]).toEqual([
      1,
      expect.stringMatching(/239\.1\.1\.1:9995: this host has no interface gone0/),
    ]);
    const tcp = await run(process.execPath, [CLI, 'export', '-r', DEMO, '-n', 'tcp://127.0.0.1', '--dscp', '10']);
    expect(tcp.stderr).toMatch(/no -n that goes over UDP/);
  });
});
