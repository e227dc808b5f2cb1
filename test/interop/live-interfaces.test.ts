import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Walker } from '../export/walk.ts';
import { Daemon, describeWith, ROOT, run, runOk, sleep, tempDir, weirOk } from '../support/process.ts';
import { readSegments, segmentFiles } from '../support/segments.ts';
import { sendDatagrams, UdpTap } from '../support/udp.ts';

const CAPTURE = join(ROOT, 'pcaps/tcp.pcap');
const NAMESPACE = `weir-several-${process.pid}`;
const CLI = join(ROOT, 'dist/cli/main.js');
const INJECT = join(ROOT, 'test/support/inject-frames.mjs');

/** Frames of a little-endian pcap. */
async function packetsIn(): Promise<number> {
  const out = await runOk('tshark', ['-r', CAPTURE, '-T', 'fields', '-e', 'frame.number']);
  return out.trimEnd().split('\n').length;
}

function inside(args: readonly string[]): Promise<string> {
  return runOk('ip', ['netns', 'exec', NAMESPACE, ...args]);
}

async function ifIndex(name: string): Promise<number> {
  return Number(await inside(['cat', `/sys/class/net/${name}/ifindex`]));
}

describeWith(['weir', 'root', 'ip', 'tshark', 'npm cap'], 'weir export on several interfaces', () => {
  beforeAll(async () => {
    await runOk('ip', ['netns', 'add', NAMESPACE]);
    await inside(['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6']);
    await inside(['ip', 'link', 'set', 'lo', 'up']);
    for (const pair of ['one', 'two']) {
      await inside(['ip', 'link', 'add', `${pair}-a`, 'type', 'veth', 'peer', 'name', `${pair}-b`]);
      await inside(['ip', 'link', 'set', `${pair}-a`, 'up']);
      await inside(['ip', 'link', 'set', `${pair}-b`, 'up']);
    }
  });

  afterAll(async () => {
    await run('ip', ['netns', 'del', NAMESPACE]);
  });

  async function start(options: readonly string[], sockets: number): Promise<Daemon> {
    const daemon = new Daemon('ip', ['netns', 'exec', NAMESPACE, process.execPath, CLI, 'export', ...options]);
    await daemon.until('capturing', async () => {
      const listed = (await inside(['cat', '/proc/net/packet'])).trimEnd().split('\n').length - 1;
      return listed >= sockets && daemon.output.includes('capturing on');
    });
    await sleep(300);
    return daemon;
  }

  it('each has its own ifIndex, statistics on SIGUSR1, and files belong to the user asked for', async () => {
    const store = tempDir('several');
    await runOk('chown', ['nobody', store]);
    const daemon = await start(['-i', 'one-b', '-i', 'two-b', '-w', store, '-u', 'nobody', '--stats', '1'], 2);
    await inside([process.execPath, INJECT, 'one-a', CAPTURE]);
    await inside([process.execPath, INJECT, 'two-a', CAPTURE]);
    const packets = await packetsIn();
    const seen = (name: string) =>
      [...daemon.output.matchAll(new RegExp(`${name}: (\\d+) packets? in`, 'g'))].reduce(
        (sum, m) => sum + Number(m[1]),
        0,
      );
    await daemon.until('told of all', () => seen('one-b') === packets && seen('two-b') === packets);
    expect(daemon.output).toMatch(/one-b: \d+ packets? in \d+ s \(.* packets\/s, .* bit\/s\), 0 dropped/);
    const lines = daemon.output.split('\n').length;
    daemon.child.kill('SIGUSR1');
    await daemon.until('told again', () => daemon.output.split('\n').length >= lines + 3);
    expect((await daemon.stop('SIGINT')).status, daemon.output).toBe(0);
    expect(daemon.output).not.toContain('Debugger');

    const flows = await readSegments(store);
    for (const name of ['one-b', 'two-b']) {
      const index = await ifIndex(name);
      expect(flows.filter((flow) => flow.inIf === index).reduce((sum, flow) => sum + flow.packets, 0)).toBe(packets);
    }
    expect(flows.reduce((sum, flow) => sum + flow.packets, 0)).toBe(2 * packets);
    const nobody = Number(await runOk('id', ['-u', 'nobody']));
    expect(segmentFiles(store).map((file) => statSync(file).uid)).toEqual(segmentFiles(store).map(() => nobody));
    expect(readdirSync(store).length).toBeGreaterThan(0);
  });

  it('any has all of them, by their ifIndex', async () => {
    const store = tempDir('any');
    const any = await start(['-i', 'any', '-w', store, 'inbound'], 1);
    await inside([process.execPath, INJECT, 'one-a', CAPTURE]);
    await inside([process.execPath, INJECT, 'two-a', CAPTURE]);
    await sleep(800);
    expect((await any.stop('SIGINT')).status, any.output).toBe(0);
    const packets = await packetsIn();
    const flows = await readSegments(store);
    for (const name of ['one-b', 'two-b']) {
      const index = await ifIndex(name);
      expect(flows.filter((flow) => flow.inIf === index).reduce((sum, flow) => sum + flow.packets, 0)).toBe(packets);
    }
  });

  it('--capture-buffer is what the system holds, --capture-wait how long packets gather', async () => {
    const [store, most] = [tempDir('buffer'), 8 << 20];
    const args = ['-i', 'one-b', '-w', store, '--capture-buffer', '8', '--capture-wait', '1'];
    const daemon = await start(args, 1);
    // The ring that is shared with the kernel.
    const maps = readFileSync(`/proc/${daemon.child.pid}/maps`, 'latin1');
    const ring = /^([0-9a-f]+)-([0-9a-f]+) .* socket:/m.exec(maps);
    const bytes = Number.parseInt(ring![2]!, 16) - Number.parseInt(ring![1]!, 16);
    expect([bytes > most / 2, bytes <= most]).toEqual([true, true]);
    await inside([process.execPath, INJECT, 'one-a', CAPTURE]);
    await sleep(500);
    expect((await daemon.stop('SIGINT')).status, daemon.output).toBe(0);
    expect((await readSegments(store)).reduce((sum, flow) => sum + flow.packets, 0)).toBe(await packetsIn());
  });

  async function addCable(name: string): Promise<void> {
    await inside(['ip', 'link', 'add', `${name}-a`, 'type', 'veth', 'peer', 'name', `${name}-b`]);
    await inside(['ip', 'link', 'set', `${name}-a`, 'up']);
    await inside(['ip', 'link', 'set', `${name}-b`, 'up']);
  }

  it('one that goes away does not end the others, and is captured again when it is back', async () => {
    await addCable('gone');
    const [store, control, collected] = [tempDir('gone'), join(tempDir('control'), 'socket'), tempDir('collected')];
    const netns = ['netns', 'exec', NAMESPACE, process.execPath, CLI];
    const collector = new Daemon('ip', [...netns, 'collect', '-p', '9995', '-w', collected]);
    await collector.until('listening', () => collector.output.includes('listening on'));
    const options = ['-w', store, '-n', '127.0.0.1:9995', '--control', control, '--inactive', '1'];
    const daemon = await start(['-i', 'gone-b', '-i', 'one-b', ...options], 2);
    await inside([process.execPath, INJECT, 'gone-a', CAPTURE]);
    const status = async () => JSON.parse(await weirOk(['ctl', '-s', control, '--json', 'status']));
    const input = async (name: string) => (await status()).inputs.find((one: { name: string }) => one.name === name);
    const packets = await packetsIn();
    await daemon.until('read', async () => (await input('gone-b')).packets === packets);
    const before = await ifIndex('gone-b');
    await inside(['ip', 'link', 'del', 'gone-a']);
    await daemon.until('told of the loss', () => daemon.output.includes('gone-b: the interface went away'));
    await inside([process.execPath, INJECT, 'one-a', CAPTURE]);
    await sleep(500);
    expect(await input('gone-b')).toMatchObject({ packets, timesGone: 1, awaySeconds: expect.any(Number) });
    expect(await weirOk(['ctl', '-s', control, 'status'])).toMatch(/gone-b: .*, gone 1 time, away for 00:00:0\d\n/);

    await addCable('gone');
    const index = await ifIndex('gone-b');
    expect(index).not.toBe(before);
    await daemon.until('back', () => daemon.output.includes(`gone-b: captured again (ifIndex ${index})`));
    await inside([process.execPath, INJECT, 'gone-a', CAPTURE]);
    await daemon.until('read', async () => (await input('gone-b')).packets === 2 * packets);
    expect(await input('gone-b')).toMatchObject({ timesGone: 1, awaySeconds: null });
    expect((await daemon.stop('SIGINT')).status, daemon.output).toBe(0);
    expect(daemon.output.match(/gone-b: /g)).toHaveLength(2);
    const flows = await readSegments(store);
    for (const one of [before, index, await ifIndex('one-b')]) {
      expect(flows.filter(({ inIf }) => inIf === one).reduce((sum, flow) => sum + flow.packets, 0)).toBe(packets);
    }
    // Collectors are told the new number.
    await collector.stop();
    const named = await weirOk([
      'dump',
      '-q',
      '-R',
      collected,
      '-o',
      'fmt:%in %inam',
      `in if ${before} or in if ${index}`,
    ]);
    expect(
      new Set(
        named
          .trimEnd()
          .split('\n')
          .map((line) => line.trim().replace(/ +/g, ' ')),
      ),
    ).toEqual(new Set([`${before} gone-b`, `${index} gone-b`]));
  });

  it('one that is down is waited for, one without a link is told of', async () => {
    await inside(['ip', 'link', 'add', 'down-a', 'type', 'veth', 'peer', 'name', 'down-b']);
    await inside(['ip', 'link', 'set', 'down-a', 'up']);
    const control = join(tempDir('control'), 'socket');
    const args = ['-i', 'down-b', '-o', 'null', '--control', control];
    const status = () => weirOk(['ctl', '-s', control, 'status']);

    const wrong = ['-i', 'down-b:filter=prot udp', '-o', 'null'];
    const refused = (options: readonly string[]) =>
      run('ip', ['netns', 'exec', NAMESPACE, process.execPath, CLI, 'export', ...options]);
    expect((await refused(wrong)).stderr).toContain('filter "prot udp": ');
    expect((await refused([...args, '-u', 'nobody'])).stderr).toMatch(
      /^weir: interface down-b is not up .*, and nobody may capture it later with -u or -g: /,
    );

    const daemon = await start(args, 0);
    expect(daemon.output).toMatch(/down-b is down: no packets before it is up\n.*capturing on down-b\n$/);
    expect(await status()).toMatch(/down-b: 0 packets, .*, away for 00:00:0\d, down\n/);
    await inside(['ip', 'link', 'set', 'down-b', 'up']);
    await daemon.until('captured', () => daemon.output.includes(`down-b: captured (ifIndex `));
    await inside([process.execPath, INJECT, 'down-a', CAPTURE]);
    const packets = await packetsIn();
    await daemon.until('read', async () => (await status()).includes(`down-b: ${packets} packets`));
    for (const [change, told, state] of [
      [['down-a', 'down'], 'down-b has no link: no packets before it has\n', ', no link\n'],
      [['down-a', 'up'], 'down-b is up\n', ' dropped\n'],
      [['down-b', 'down'], 'down-b is down: no packets before it is up\n', ', down\n'],
    ] as const) {
      const before = daemon.output.length;
      await inside(['ip', 'link', 'set', ...change]);
      await daemon.until('told', () => daemon.output.includes(told, before));
      expect(await status()).toMatch(new RegExp(`down-b: .*${state}`));
    }
    expect((await daemon.stop('SIGINT')).status, daemon.output).toBe(0);
    await inside(['ip', 'link', 'del', 'down-a']);
  });

  it('the only one is waited for; as another user weir says that it may not have it any more', async () => {
    await addCable('only');
    const store = tempDir('only');
    await runOk('chown', ['nobody', store]);
    const waits = await start(['-i', 'only-b', '-o', 'null'], 1);
    const gives = await start(['-i', 'only-b', '-i', 'one-b', '-w', store, '-u', 'nobody'], 3);
    const alone = await start(['-i', 'only-b', '-o', 'null', '-u', 'nobody'], 4);
    await inside(['ip', 'link', 'del', 'only-a']);
    for (const one of [waits, gives, alone]) {
      await one.until('told', () => one.output.includes('only-b: the interface went away; it is captured again'));
    }
    await addCable('only');
    await waits.until('back', () => waits.output.includes('only-b: captured again'));
    expect((await waits.stop('SIGINT')).status, waits.output).toBe(0);
    const refused = 'only-b is back, but may not be captured any more: by now weir is user nobody (-u)';
    await gives.until('refused', () => gives.output.includes(refused));
    await inside([process.execPath, INJECT, 'one-a', CAPTURE]);
    await sleep(800);
    expect((await gives.stop('SIGINT')).status, gives.output).toBe(1);
    expect((await readSegments(store)).reduce((sum, flow) => sum + flow.packets, 0)).toBe(await packetsIn());
    // A service manager starts weir again, with all rights.
    expect([(await alone.end()).status, alone.output]).toEqual([1, expect.stringContaining(refused)]);
    await inside(['ip', 'link', 'del', 'only-a']);
  });
});

describeWith(['weir', 'root'], 'options data of weir export -i any', () => {
  it('names every interface of the host, under the name asked for where there is one', async () => {
    const tap = await UdpTap.open();
    const traffic = await UdpTap.open();
    const [lo, other] = networkInterfaceIndices();
    const to = ['-n', `127.0.0.1:${tap.port}`, '--refresh-seconds', '1'];
    const daemon = Daemon.weir([
      'export',
      ...['-i', 'any', ...to],
      ...(other === undefined ? [] : ['--if-name', `${other}=uplink`]),
      ...['udp', 'port', String(traffic.port)],
    ]);
    await daemon.until('capturing', () => daemon.output.includes('capturing on any'));
    await sleep(300);
    await sendDatagrams([Buffer.from('x')], traffic.port);
    await sleep(500);
    expect((await daemon.stop('SIGINT')).status, daemon.output).toBe(0);
    await traffic.close();
    const walker = new Walker();
    const names = new Map<number, string>();
    for (const datagram of await tap.close()) {
      for (const { values } of walker.walk(datagram).options) {
        const name = values.get('82');
        if (name !== undefined) names.set(Number(values.get('10')), textOf(name));
      }
    }
    expect(names.get(lo!)).toBe('lo');
    if (other !== undefined) expect(names.get(other)).toBe('uplink');
  });
});

/** The index of `lo`, and one of another interface if there is any. */
function networkInterfaceIndices(): (number | undefined)[] {
  const indexOf = (name: string) => Number(readFileSync(`/sys/class/net/${name}/ifindex`, 'utf8'));
  const other = readdirSync('/sys/class/net').find((name) => /^(eth|en|docker)/.test(name));
  return [indexOf('lo'), other === undefined ? undefined : indexOf(other)];
}

/** A string that was walked as a number. */
function textOf(value: bigint): string {
  return Buffer.from(value.toString(16), 'hex').toString();
}
