import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startCollector } from '../support/collector.ts';
import { type Flow, flowLines, lineDifferences } from '../support/flow.ts';
import { nfdumpInstallations } from '../support/nfcapd-archive.ts';
import { readWithNfdump } from '../support/nfdump.ts';
import { Daemon, describeWith, ROOT, run, tempDir, weir, weirOk } from '../support/process.ts';
import { readSegments, type StoredFlow } from '../support/segments.ts';
import { drained, freeUdpPort, kernelQueue } from '../support/udp.ts';

const CAPTURE = join(ROOT, 'pcaps/demo.pcap');
/** Slow enough for collectors on a busy machine, fast enough for a test. */
const RATE = ['--rate', '20000'];

describeWith(['weir'], 'weir replay to weir collect', () => {
  it.each(['9', '10', '5'])(
    'gives the same flows with -v %s',
    async (version) => {
      const [from, to] = [tempDir('replay'), tempDir('replay')];
      await weirOk(['export', '-r', CAPTURE, '-w', from, '-q']);
      const port = await freeUdpPort();
      const collector = await startCollector(['-w', to, '-q'], port);
      const { status, stderr } = await weir(['replay', '-R', from, '-n', `127.0.0.1:${port}`, '-v', version, ...RATE]);
      await drained(port);
      await collector.stop();
      const stored = await readSegments(from);
      const v6 = stored.filter(({ src }) => src.includes(':')).length;
      expect(v6).toBeGreaterThan(0);
      const sent = version === '5' ? stored.filter(({ src }) => !src.includes(':')) : stored;
      expect(stderr).toContain(`${stored.length} flows read`);
      expect(stderr).toContain(`${sent.length} records in`);
      expect(status, 'IPv6 left out is told by the status').toBe(version === '5' ? 1 : 0);
      expect(lineDifferences(`-v ${version}`, lines(await readSegments(to)), lines(sent))).toEqual([]);
    },
    60_000,
  );

  it('sends what the filter matches', async () => {
    const [from, to] = [tempDir('replay'), tempDir('replay')];
    await weirOk(['export', '-r', CAPTURE, '-w', from, '-q']);
    const port = await freeUdpPort();
    const collector = await startCollector(['-w', to, '-q'], port);
    await weirOk(['replay', '-R', from, '-n', `127.0.0.1:${port}`, ...RATE, 'proto', 'udp', 'and', 'port', '53']);
    await drained(port);
    await collector.stop();
    const isDns = (flow: StoredFlow) => flow.proto === 17 && (flow.srcPort === 53 || flow.dstPort === 53);
    const expected = (await readSegments(from)).filter(isDns);
    expect(expected.length).toBeGreaterThan(0);
    expect(lineDifferences('udp port 53', lines(await readSegments(to)), lines(expected))).toEqual([]);
  }, 60_000);
});

describeWith(['weir', 'nfcapd', 'nfdump'], 'weir replay to nfcapd', () => {
  it('gives the same flows', async () => {
    const [from, to] = [tempDir('replay'), tempDir('replay')];
    await weirOk(['export', '-r', CAPTURE, '-w', from, '-q']);
    const [installed] = await nfdumpInstallations();
    const port = await freeUdpPort();
    const nfcapd = new Daemon(installed!.tool('nfcapd'), [
      '-b',
      '127.0.0.1',
      '-p',
      String(port),
      '-w',
      to,
      '-B',
      '4000000',
    ]);
    await nfcapd.until('listening', () => kernelQueue(port).listeners > 0);
    await weirOk(['replay', '-R', from, '-n', `127.0.0.1:${port}`, ...RATE]);
    await drained(port);
    const again = setInterval(() => nfcapd.child.kill('SIGTERM'), 1000);
    await nfcapd.stop();
    clearInterval(again);
    expect(readdirSync(to).length).toBeGreaterThan(0);
    // nfcapd 1.7.1 does not take type and code of ICMP out of the destination port of v9.
    const comparable = (flows: readonly Flow[]) =>
      flowLines(flows.map((flow) => (flow.proto === 1 || flow.proto === 58 ? { ...flow, dstPort: 0 } : flow)));
    const [got, wanted] = [await readWithNfdump(to), await readSegments(from)];
    expect(lineDifferences('nfcapd', comparable(got), comparable(wanted))).toEqual([]);
  }, 60_000);
});

describeWith(['weir'], 'weir replay', () => {
  it.each([
    [['-R', '.'], /-n HOST:PORT/],
    [['-n', '127.0.0.1:9'], /give -r or -R/],
    [['-R', '.', '-n', '127.0.0.1:9', '--rate', '1', '--speed', '1'], /exclude each other/],
  ])('says what is wrong with %j', async (args, message) => {
    const { status, stderr } = await run(process.execPath, [join(ROOT, 'dist/cli/main.js'), 'replay', ...args]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(message) });
  });
});

function lines(flows: readonly StoredFlow[]): string[] {
  return flows.map((flow) => `${flowLines([flow])[0]} if ${flow.inIf} > ${flow.outIf}`);
}
