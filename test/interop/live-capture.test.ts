import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Flow, flowLines } from '../support/flow.ts';
import { meter } from '../support/flow-meter.ts';
import { Daemon, describeWith, ROOT, run, runOk, sleep, tempDir, weirOk } from '../support/process.ts';
import { readSegments } from '../support/segments.ts';
import { packetsByTshark } from '../support/tshark-meter.ts';

const CAPTURE = join(ROOT, 'pcaps/tcp.pcap');
const TIMEOUTS = { activeSec: 300, inactiveSec: 60 };
const SENDER = `weir-sender-${process.pid}`;
const METER = `weir-meter-${process.pid}`;

describeWith(['weir', 'root', 'ip', 'tshark', 'npm cap'], 'weir export on an interface', () => {
  beforeAll(async () => {
    for (const namespace of [SENDER, METER]) {
      await runOk('ip', ['netns', 'add', namespace]);
      // Without this the kernel announces itself on the new link, and that would be metered too.
      await runOk('ip', [
        'netns',
        'exec',
        namespace,
        'sh',
        '-c',
        'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6',
      ]);
    }
    await runOk('ip', [
      'link',
      'add',
      'veth-a',
      'netns',
      SENDER,
      'type',
      'veth',
      'peer',
      'name',
      'veth-b',
      'netns',
      METER,
    ]);
    await runOk('ip', ['-n', SENDER, 'link', 'set', 'veth-a', 'up']);
    await runOk('ip', ['-n', METER, 'link', 'set', 'veth-b', 'up']);
  });

  afterAll(async () => {
    for (const namespace of [SENDER, METER]) await run('ip', ['netns', 'del', namespace]);
  });

  it.each(['native', 'cap', 'pcap'])('--source %s meters frames that the npm package cap injected', async (source) => {
    const store = tempDir(`live-${source}`);
    const cli = [process.execPath, join(ROOT, 'dist/cli/main.js')];
    const options = ['export', '-i', 'veth-b', '-w', store, '--source', source];
    const weir = new Daemon('ip', ['netns', 'exec', METER, ...cli, ...options]);
    await weir.until('capturing', async () => {
      const sockets = await runOk('ip', ['netns', 'exec', METER, 'cat', '/proc/net/packet']);
      return sockets.trimEnd().split('\n').length > 1;
    });
    // libpcap turns the socket into a capture in several steps; only after the last do packets count.
    await sleep(500);
    const inject = [process.execPath, join(ROOT, 'test/support/inject-frames.mjs'), 'veth-a', CAPTURE];
    await runOk('ip', ['netns', 'exec', SENDER, ...inject]);
    await sleep(1000);
    expect((await weir.stop('SIGINT')).status, weir.output).toBe(0);

    const { packets } = await packetsByTshark(CAPTURE);
    const atOnce = packets.map((packet) => ({ ...packet, us: 0 }));
    const stored = (await readSegments(store)).map(withoutTimes);
    expect(flowLines(stored)).toEqual(flowLines(meter(atOnce, TIMEOUTS)));
  });
});

describeWith(['weir', 'npm pcap'], 'the same file through different readers', () => {
  it.each(['demo.pcap', 'tcp.pcap', 'links.pcap', 'fragments.pcap', 'cooked.pcap', 'raw-ip.pcap'])(
    '%s gives the same flows through native and pcap',
    async (name) => {
      const directory = tempDir('readers');
      for (const source of ['native', 'pcap']) {
        await weirOk(['export', '-r', join(ROOT, 'pcaps', name), '-w', join(directory, source), '--source', source]);
      }
      const native = flowLines(await readSegments(join(directory, 'native')));
      expect(native.length).toBeGreaterThan(0);
      expect(flowLines(await readSegments(join(directory, 'pcap')))).toEqual(native);
    },
  );
});

function withoutTimes(flow: Flow): Flow {
  return { ...flow, firstMs: 0, lastMs: 0 };
}
