import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Daemon, describeWith, ROOT, run, runOk, sleep, tempDir, weirOk } from '../support/process.ts';
import { readSegments } from '../support/segments.ts';

const CLI = join(ROOT, 'dist/cli/main.js');
const SEND = join(ROOT, 'test/support/send-udp.mjs');
const DEMO = join(ROOT, 'pcaps/demo.pcap');
const [HERE, THERE] = ['here', 'there'].map((role) => `weir-${role}-${process.pid}`) as [string, string];
/** `ip netns exec` puts these files over those of the host. */
const ETC = `/etc/netns/${HERE}`;

const inside = (name: string, args: readonly string[]) => runOk('ip', ['netns', 'exec', name, ...args]);
const weirInside = (name: string, args: readonly string[]) =>
  new Daemon('ip', ['netns', 'exec', name, process.execPath, CLI, ...args]);

describeWith(['weir', 'root', 'ip'], 'weir export whose collector is out of reach', () => {
  beforeAll(async () => {
    mkdirSync(ETC, { recursive: true });
    // Nobody listens there: the look-up ends without an answer.
    writeFileSync(join(ETC, 'resolv.conf'), 'nameserver 127.0.0.1\n');
    writeFileSync(join(ETC, 'hosts'), '127.0.0.1 localhost\n');
    writeFileSync(join(ETC, 'nsswitch.conf'), 'hosts: files dns\n');
    for (const name of [HERE, THERE]) {
      await runOk('ip', ['netns', 'add', name]);
      await inside(name, ['sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6']);
      await inside(name, ['ip', 'link', 'set', 'lo', 'up']);
    }
  });

  afterAll(async () => {
    for (const name of [HERE, THERE]) await run('ip', ['netns', 'del', name]);
    rmSync(ETC, { recursive: true, force: true });
  });

  async function connect(): Promise<void> {
    await inside(HERE, ['ip', 'link', 'add', 'e0', 'type', 'veth', 'peer', 'name', 'e0', 'netns', THERE]);
    await inside(THERE, ['ip', 'addr', 'add', '10.9.0.9/24', 'dev', 'e0']);
    await inside(THERE, ['ip', 'link', 'set', 'e0', 'up']);
    await inside(HERE, ['ip', 'addr', 'add', '10.9.0.1/24', 'dev', 'e0']);
    await inside(HERE, ['ip', 'link', 'set', 'e0', 'up']);
  }

  it('live: waits for an answer of name servers, for a route, and goes on from another address', async () => {
    const [store, control] = [tempDir('ways'), join(tempDir('control'), 'socket')];
    const exporter = weirInside(HERE, [
      ...['export', '-i', 'lo', '-n', 'collector.test:9995', '--inactive', '1', '--control', control],
      ...['udp', 'and', 'dst', 'portrange', '4000-4999'],
    ]);
    await exporter.until('capturing', () => exporter.output.includes('capturing on'));
    await sleep(300);
    expect(exporter.output).toMatch(
      /cannot send to collector\.test:9995: the host name cannot be looked up now .*; trying again, what is sent meanwhile is lost/,
    );
    const collectors = async () => JSON.parse(await weirOk(['ctl', '-s', control, '--json', 'status'])).collectors;
    /** A flow of so many packets from each call on, under a port of its own. */
    let port = 4000;
    const flow = () => inside(HERE, [process.execPath, SEND, '127.0.0.1', String(port++), '3']);
    await flow();
    await exporter.until('lost', async () => (await collectors())[0].failed > 0);

    writeFileSync(join(ETC, 'hosts'), '127.0.0.1 localhost\n10.9.0.9 collector.test\n');
    await exporter.until('without a route', async () => {
      await flow();
      await sleep(500);
      return /unreachable/.test((await collectors())[0].lastError);
    });
    expect((await collectors())[0].sent).toBe(0);

    await connect();
    const collector = weirInside(THERE, ['collect', '-p', '9995', '-w', store]);
    await collector.until('listening', () => collector.output.includes('listening on'));
    const arrives = async (what: string) => {
      const sent = (await collectors())[0].sent;
      await exporter.until(
        what,
        async () => {
          await flow();
          await sleep(500);
          return (await collectors())[0].sent > sent + 1;
        },
        30_000,
      );
    };
    await arrives('sent');
    expect(exporter.output).toMatch(/collector\.test:9995: there is a way now, after \d+ datagrams lost/);

    // The system refuses to send from an address that is gone.
    await inside(HERE, ['ip', 'addr', 'del', '10.9.0.1/24', 'dev', 'e0']);
    await flow();
    await sleep(1500);
    await inside(HERE, ['ip', 'addr', 'add', '10.9.0.3/24', 'dev', 'e0']);
    await arrives('sent from another address');
    expect((await exporter.stop('SIGINT')).status, exporter.output).toBe(0);
    expect(exporter.output.match(/collector\.test:9995: there is/g)).toHaveLength(1);
    await collector.stop();
    const heard = (await weirOk(['exporters', '-r', store])).match(/^10\.9\.0\.\d+/gm);
    expect(heard).toEqual(['10.9.0.1', '10.9.0.3']);
    const flows = await readSegments(store);
    expect(flows.length).toBeGreaterThan(1);
    expect(new Set(flows.map(({ packets }) => packets))).toEqual(new Set([3]));
  });

  it.each([[[]], [['-u', 'nobody']]])(
    'a repeater under the address of exporters waits as well: %j',
    async (identity) => {
      await run('ip', ['netns', 'exec', HERE, 'ip', 'link', 'del', 'e0']);
      writeFileSync(join(ETC, 'hosts'), '127.0.0.1 localhost\n');
      await run('ip', ['netns', 'exec', HERE, 'ip', 'addr', 'add', '10.8.0.8/32', 'dev', 'lo']);
      await inside(THERE, ['sh', '-c', 'for i in all default; do echo 0 > /proc/sys/net/ipv4/conf/$i/rp_filter; done']);
      const store = tempDir('repeat');
      await runOk('chown', ['nobody', store]);
      const repeater = weirInside(HERE, [
        ...['collect', '-p', '9995', '-w', store, '-R', 'collector.test/9996', '-A', ...identity],
      ]);
      await repeater.until('listening', () => repeater.output.includes('listening on'));
      expect(repeater.output).toMatch(
        /cannot send to collector\.test:9996: the host name cannot be looked up now .*; trying again/,
      );
      const send = () => inside(HERE, [process.execPath, SEND, '10.8.0.8', '9995', '1']);
      await send();
      writeFileSync(join(ETC, 'hosts'), '127.0.0.1 localhost\n10.9.0.9 collector.test\n');
      for (let i = 0; i < 4; i++) await send().then(() => sleep(300));
      await connect();
      const program =
        "require('dgram').createSocket('udp4').on('message', (m, from) => console.log('from ' + from.address)).bind(9996, () => console.log('bound'))";
      const collector = new Daemon('ip', ['netns', 'exec', THERE, process.execPath, '-e', program]);
      await collector.until('bound', () => collector.output.includes('bound'));
      await repeater.until('sent', async () => {
        await send().then(() => sleep(300));
        return collector.output.includes('from 10.8.0.8');
      });
      expect(repeater.output).toMatch(/collector\.test:9996: there is a way now, after [1-9]\d* datagrams lost/);
      // Another way is taken, too.
      await inside(HERE, ['ip', 'link', 'set', 'e0', 'down']);
      await send().then(() => sleep(300));
      await inside(HERE, ['ip', 'link', 'set', 'e0', 'up']);
      const before = collector.output.length;
      await repeater.until('sent again', async () => {
        await send().then(() => sleep(300));
        return collector.output.includes('from 10.8.0.8', before);
      });
      await repeater.stop();
      await collector.stop();
    },
  );

  it('a replay fails at once', async () => {
    const args = ['netns', 'exec', HERE, process.execPath, CLI, 'export', '-r', DEMO, '-n'];
    const noRoute = await run('ip', [...args, '192.0.2.9:9995']);
    expect([noRoute.status, noRoute.stderr]).toEqual([
      1,
      expect.stringMatching(/^weir: cannot send to 192.0.2.9:9995: .*unreachable/),
    ]);
    const noName = await run('ip', [...args, 'elsewhere.test:9995']);
    expect([noName.status, noName.stderr]).toEqual([
      1,
      expect.stringMatching(/^weir: .*elsewhere.test.* cannot be looked up now/),
    ]);
  });
});
