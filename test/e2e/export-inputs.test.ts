import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, it } from 'vitest';
import { LOCK_NAME } from '../../src/store/take-directory.ts';
import { flowLines } from '../support/flow.ts';
import { Daemon, describeWith, ROOT, run, tempDir, weir, weirOk } from '../support/process.ts';
import { readSegments } from '../support/segments.ts';
import { UdpTap } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');
const CLEAR_LINE = '\r\x1b[K';
const CLI = join(ROOT, 'dist/cli/main.js');

async function flowsOf(args: string[], pipe?: string): Promise<string[]> {
  const store = tempDir('inputs-store');
  if (pipe === undefined) await weirOk(['export', ...args, '-w', store]);
  else {
    const command = [process.execPath, CLI, 'export', ...args, '-w', store].map((word) => `'${word}'`).join(' ');
    const finished = await run('sh', ['-c', `${pipe} | ${command}`]);
    expect(finished.status, finished.stderr).toBe(0);
  }
  return flowLines(await readSegments(store));
}

describeWith(['weir'], 'inputs of weir export', () => {
  let expected: string[];
  let directory: string;
  beforeAll(async () => {
    expected = await flowsOf(['-r', DEMO]);
    expect(expected.length).toBeGreaterThan(500);
    directory = tempDir('inputs');
    writeFileSync(join(directory, 'demo.gz'), gzipSync(readFileSync(DEMO)));
  });

  it('standard input, plain and compressed', async () => {
    expect(await flowsOf(['-r', '-'], `cat '${DEMO}'`)).toEqual(expected);
    expect(await flowsOf(['-r', '-'], `cat '${join(directory, 'demo.gz')}'`)).toEqual(expected);
  });

  it('names the interfaces of a pcapng file in options data', async () => {
    const sink = await UdpTap.open();
    await weirOk(['export', '-r', join(ROOT, 'pcaps/two-interfaces.pcapng'), '-n', `127.0.0.1:${sink.port}`]);
    const bytes = Buffer.concat(await sink.close()).toString('latin1');
    for (const name of ['eth0', 'tun0']) expect(bytes).toContain(name);
  });

  it('--decap: the flows inside of tunnels, else those of the tunnels', async () => {
    const file = join(ROOT, 'pcaps/tunnels.pcap');
    const totals = async (args: string[]) => {
      const store = tempDir('decap');
      await weirOk(['export', '-r', file, ...args, '-w', store]);
      const flows = await readSegments(store);
      const packets = flows.reduce((sum, flow) => sum + flow.packets, 0);
      return { packets, protocols: [...new Set(flows.map((flow) => flow.proto))].sort((a, b) => a - b) };
    };
    const outer = await totals([]);
    expect(outer.protocols).toEqual([4, 17, 41, 47]);
    expect(await totals(['--decap'])).toEqual({ packets: outer.packets, protocols: [1, 6, 58] });
    // nfdump's words for tunnels. One flow is one tunnel's, so each capture has packets of one alone.
    const bytes = readFileSync(file);
    const first = join(directory, 'tunnel.pcap');
    writeFileSync(first, bytes.subarray(0, 24 + 16 + bytes.readUInt32LE(24 + 8)));
    const store = tempDir('tunnel');
    await weirOk(['export', '-r', first, '--decap', '-w', store]);
    const found = (filter: string) => weirOk(['dump', '-R', store, '-q', '-o', 'fmt:%sa %da %pr', filter]);
    const flow = await found('any');
    expect(flow).toMatch(/192\.0\.2\.11 +198\.51\.100\.21 +TCP/);
    for (const filter of ['tun ip 192.0.2.200', 'dst tun ip 198.51.100.200', 'tun net 192.0.2.0/24', 'tun proto 4']) {
      expect(await found(filter)).toBe(flow);
      expect(await found(`not (${filter})`)).not.toContain('192.0.2.11');
    }
    expect(await found('src tun ip 198.51.100.200 or tun proto gre')).not.toContain('192.0.2.11');
  });

  it('--dedup: a capture of a mirror port that delivers twice gives the flows of one that does not', async () => {
    const demo = readFileSync(DEMO);
    const parts = [demo.subarray(0, 24)];
    let packets = 0;
    for (let at = 24; at < demo.length; packets++) {
      const end = at + 16 + demo.readUInt32LE(at + 8);
      const copy = Buffer.from(demo.subarray(at, end));
      const fraction = copy.readUInt32LE(4);
      copy.writeUInt32LE(fraction < 999_000 ? fraction + 400 : fraction, 4);
      parts.push(demo.subarray(at, end), copy);
      at = end;
    }
    const twice = join(directory, 'twice.pcap');
    writeFileSync(twice, Buffer.concat(parts));
    const store = tempDir('dedup');
    const { stderr } = await weir(['export', '-r', twice, '--dedup', '-w', store]);
    // Copies of what is not metered go another way.
    expect(stderr).toMatch(new RegExp(`^${2 * packets} packets read, \\d+ metered`, 'm'));
    expect(Number(/(\d+) duplicate packets left out/.exec(stderr)?.[1])).toBeGreaterThan(packets * 0.9);
    expect(flowLines(await readSegments(store))).toEqual(expected);
    const refused = await weir(['export', '-r', twice, '--dedup', '--sampling', '10', '-w', store]);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('--dedup needs to see every packet')]);
  });

  it('gzip by content, whatever the name', async () => {
    expect(await flowsOf(['-r', join(directory, 'demo.gz')])).toEqual(expected);
  });

  it('the pieces of one capture: several -r, a directory, one after another in one file', async () => {
    const whole = readFileSync(DEMO);
    let cut = 24;
    for (let i = 0; i < 1000; i++) cut += 16 + whole.readUInt32LE(cut + 8);
    const pieces = [whole.subarray(0, cut), Buffer.concat([whole.subarray(0, 24), whole.subarray(cut)])];
    const folder = join(directory, 'pieces');
    mkdirSync(folder);
    writeFileSync(join(folder, '1.pcap'), pieces[0]!);
    writeFileSync(join(folder, '2.pcap.gz'), gzipSync(pieces[1]!));
    writeFileSync(join(directory, 'joined'), Buffer.concat(pieces));
    expect(await flowsOf(['-r', join(folder, '1.pcap'), '-r', join(folder, '2.pcap.gz')])).toEqual(expected);
    expect(await flowsOf(['-r', folder])).toEqual(expected);
    expect(await flowsOf(['-r', join(directory, 'joined')])).toEqual(expected);
  });

  it('a compressed file that ends too early is used as far as it goes, then reported', async () => {
    const file = join(directory, 'cut.gz');
    const whole = readFileSync(join(directory, 'demo.gz'));
    writeFileSync(file, whole.subarray(0, whole.length >> 1));
    const store = tempDir('inputs-cut');
    const finished = await weir(['export', '-r', file, '-w', store, '-q']);
    expect(finished.status).toBe(1);
    expect(finished.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(finished.stderr).toMatch(/cut\.gz: capture cut at byte \d+/);
    expect((await readSegments(store)).length).toBeGreaterThan(100);
  });

  it('--speed: the same flows, and at the speed asked for', async () => {
    const start = performance.now();
    const report = await weir(['export', '-r', DEMO, '-w', tempDir('inputs-speed'), '--speed', '200']);
    expect(report.status, report.stderr).toBe(0);
    const spanSec = captureSpanSec(readFileSync(DEMO));
    expect((performance.now() - start) / 1000).toBeGreaterThan(spanSec / 200);
    expect(await flowsOf(['-r', DEMO, '--speed', '200'])).toEqual(expected);
  });

  it('--speed: a signal ends the wait, with every packet that was read', async () => {
    const store = tempDir('inputs-signal');
    const daemon = Daemon.weir(['export', '-r', DEMO, '-w', store, '--speed', '0.001']);
    // It listens to signals before it takes the directory; from then on it may be asked how far it is.
    await daemon.until('writing', () => existsSync(join(store, LOCK_NAME)));
    await daemon.until('waiting between packets', () => {
      daemon.child.kill('SIGUSR1');
      return /^[1-9]\d* packets in /m.test(daemon.output);
    });
    expect((await daemon.stop('SIGINT')).status, daemon.output).toBe(0);
    const read = Number(/(\d+) packets read/.exec(daemon.output)![1]);
    expect(read).toBeGreaterThan(0);
    expect((await readSegments(store)).reduce((sum, flow) => sum + flow.packets, 0)).toBe(read);
  });

  it('progress on a terminal only', async () => {
    const quietly = await weir(['export', '-r', DEMO, '-w', tempDir('inputs-progress'), '--speed', '100']);
    expect(quietly.stderr).not.toContain('\r');
  });

  it('refuses what makes no sense, in a line', async () => {
    const cases: [string[], RegExp][] = [
      [['-r', '-', '-r', '-'], /once/],
      [['-i', 'lo', '--speed', '1'], /--speed is for capture files/],
      [['-r', DEMO, '--speed', 'fast'], /--speed takes/],
      [['-r', DEMO, '--sampling', '0'], /--sampling takes/],
      [['-r', DEMO, '--sampling', '20000', '-v', '5'], /v5 can tell sampling rates up to 16383/],
      [['-r', DEMO, '--template', 'mine'], /--template takes default, ng_netflow/],
      [['-r', DEMO, '--if-name', 'eth0'], /INDEX=NAME/],
      [['-r', DEMO, '--balance'], /several/],
      [['-i', 'lo', '-i', 'lo'], /twice/],
      [['-i', 'lo', '-i', 'any'], /twice/],
    ];
    for (const [args, message] of cases) {
      const { status, stderr } = await weir(['export', ...args, '-n', '127.0.0.1:9']);
      expect(status, args.join(' ')).toBe(1);
      expect(stderr.trimEnd().split('\n')).toHaveLength(1);
      expect(stderr).toMatch(message);
    }
  });
});

describeWith(['weir', 'script'], 'weir export on a terminal', () => {
  it('shows progress and takes it away', async () => {
    const command = `'${process.execPath}' '${CLI}' export -r '${DEMO}' -w '${tempDir('inputs-tty')}' --speed 30`;
    const out = execFileSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' });
    const pieces = out.split(CLEAR_LINE);
    expect(pieces[1]).toMatch(/^[\d.]+( k)? packets, .* flows?, .* packets\/s, \d+ %$/);
    expect(pieces.at(-1)).toMatch(/^\d+ packets read/);
    // What has been played, not what was read ahead of its time.
    const shares = pieces.flatMap((piece) => /packets\/s, (\d+) %/.exec(piece)?.[1] ?? []).map(Number);
    expect(shares[0]).toBeLessThan(90);
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
  });
});

function captureSpanSec(capture: Buffer): number {
  let last = 0;
  for (let at = 24; at < capture.length; at += 16 + capture.readUInt32LE(at + 8)) last = capture.readUInt32LE(at);
  return last - capture.readUInt32LE(24);
}
