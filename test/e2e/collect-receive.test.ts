import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { sendFrom } from '../support/collector.ts';
import { netflow5 } from '../support/netflow5.ts';
import { Daemon, describeWith, ROOT, sleep, tempDir, weir, weirOk } from '../support/process.ts';
import { drained, freeUdpPort } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

/** An interface that IPv6 multicast goes over; the loopback interface has no route for it. */
const MULTICAST_V6 = Object.entries(networkInterfaces())
  .filter(([, addresses]) => addresses?.some(({ family, internal }) => family === 'IPv6' && !internal))
  .map(([name]) => name)
  .slice(0, 1);

async function start(args: readonly string[]): Promise<Daemon> {
  const daemon = Daemon.weir(['collect', ...args]);
  await daemon.until('receiving', () => /listening on|reading datagrams/.test(daemon.output));
  return daemon;
}

/** Ends a collector; its last lines. */
async function end(daemon: Daemon): Promise<string> {
  expect((await daemon.stop()).status, daemon.output).toBe(0);
  return daemon.output;
}

async function sendToGroup(family: 'udp4' | 'udp6', group: string, via: string, port: number): Promise<void> {
  const socket: Socket = createSocket(family);
  socket.bind(0);
  await once(socket, 'listening');
  socket.setMulticastInterface(via);
  await new Promise((resolve) => socket.send(netflow5(3, 0), port, group, resolve));
  socket.close();
}

describeWith(['weir'], 'weir collect', () => {
  it.each([
    ['239.255.66.66', 'udp4', 'lo', '127.0.0.1'],
    ...MULTICAST_V6.map((name) => ['ff02::6666', 'udp6', name, `::%${name}`] as const),
  ] as const)('-J %s: receives what is sent to the group', async (group, family, name, via) => {
    const port = await freeUdpPort();
    const daemon = await start(['-w', tempDir('group'), '-p', String(port), '-J', `${group}%${name}`]);
    await sendToGroup(family, group, via, port);
    await sleep(200);
    expect(await end(daemon)).toMatch(/1 datagram, 3 flow records .*, 3 flows stored/);
  });

  it('--workers: a sender stays with one, and nothing is lost', async () => {
    const port = await freeUdpPort();
    const directory = tempDir('workers');
    const daemon = await start(['-w', directory, '-b', '127.0.0.1', '-p', String(port), '--workers', '4']);
    const destination = `127.0.0.1:${port}`;
    await Promise.all(
      [1, 2, 3, 4, 5, 6].map((domain) =>
        weirOk(['export', '-r', DEMO, '-q', '-n', destination, '--domain', String(domain), '-v', '9']),
      ),
    );
    await drained(port);
    expect(await end(daemon)).toMatch(/ 4860 flows stored/);
    const table = await weirOk(['exporters', '-r', directory]);
    for (const domain of [1, 2, 3, 4, 5, 6])
      expect(table).toMatch(new RegExp(` ${domain}  udp +\\d+ +\\d+ +0 +0 +0 +0 `));
  });

  it('--allow and --exporter-rate turn datagrams away and say so', async () => {
    const port = await freeUdpPort();
    const directory = tempDir('allow');
    const admission = ['--allow', '127.0.0.2', '--allow', '127.0.1.0/24', '--exporter-rate', '2'];
    const daemon = await start(['-w', directory, '-b', '127.0.0.1', '-p', String(port), ...admission]);
    const from = ['127.0.0.1', '127.0.0.2', '127.0.1.7', '127.0.1.7', '127.0.1.7', '127.0.1.7', '127.0.0.3'];
    await sendFrom(
      from.map((address, i) => ({ from: address, datagram: netflow5(1, i) })),
      port,
    );
    await drained(port);
    await sleep(100);
    const output = await end(daemon);
    expect(output).toMatch(/datagrams from 127\.0\.0\.1 are dropped: no --allow has its address/);
    expect(output).not.toMatch(/datagrams from 127\.0\.0\.3/);
    expect(output).toMatch(/127\.0\.1\.7 sends more than 2 datagrams a second/);
    expect(output).toMatch(/, 3 flows stored/);
    expect(await weirOk(['exporters', '-r', directory])).toMatch(/Turned away: 2 not allowed, 2 beyond the rate/);
  });

  it('says what cannot be', async () => {
    for (const [args, text] of [
      ['-J 10.0.0.1', /-J takes a multicast group/],
      ['-J ff02::1 -p 9', /ff02::1%INTERFACE/],
      ['-J 239.0.0.1%nosuch -p 9', /there is no interface nosuch/],
      ['-J 239.0.0.1 -b 127.0.0.1', /-J and -b exclude each other/],
      ['-d nosuch', /nosuch/],
      ['-d lo -f x', /-f and -d exclude each other/],
      ['-d lo -p tcp:9', /read captured datagrams/],
      ['-A', /-A is about -R/],
      ['--workers 0', /--workers takes/],
      ['--allow here', /--allow takes an address or a block/],
    ] as const) {
      const { status, stderr } = await weir(['collect', '-w', tempDir('wrong'), ...args.split(' ')]);
      expect([status, stderr.trimEnd().split('\n').length], stderr).toEqual([1, 1]);
      expect(stderr).toMatch(text);
    }
  });
});

describeWith(['weir', 'root'], 'weir collect as root', () => {
  it('-d: reads what an interface sees, to the ports given', async () => {
    const [port, other, v6] = [await freeUdpPort(), await freeUdpPort(), await freeUdpPort()];
    const directory = tempDir('mirror');
    const daemon = await start(['-w', directory, '-d', 'lo', '-p', String(port), '-p', String(v6)]);
    // Somebody has to be there, or the first ICMP error ends the sender.
    await weirOk(['export', '-r', DEMO, '-q', '-v', '9', '-n', `127.0.0.1:${port}`]);
    await weirOk(['export', '-r', DEMO, '-q', '-v', '9', '-n', `127.0.0.1:${other}`]);
    const socket = createSocket('udp6');
    await new Promise((resolve) => socket.send(netflow5(30, 0), v6, '::1', resolve));
    socket.close();
    await sleep(300);
    const output = await end(daemon);
    expect(output).toMatch(/ 840 flows stored/);
    const table = await weirOk(['exporters', '-r', directory]);
    expect(table).toMatch(/127\.0\.0\.1 +9 +0 +udp/);
    expect(table).toMatch(/::1 +5 +0 +udp +1 +30 /);
  });

  it('-A: repeated datagrams keep their source', async () => {
    const [port, next] = [await freeUdpPort(), await freeUdpPort()];
    const directory = tempDir('repeat');
    const receiver = await start(['-w', join(directory, 'second'), '-b', '127.0.0.1', '-p', String(next)]);
    const repeater = await start([
      ...['-w', join(directory, 'first'), '-b', '127.0.0.1', '-p', String(port)],
      ...['-R', `127.0.0.1/${next}`, '-A'],
    ]);
    const senders = ['127.0.0.5', '127.0.0.6', '127.0.0.7'];
    await sendFrom(
      senders.map((from) => ({ from, datagram: netflow5(4, 0) })),
      port,
    );
    await drained(port);
    expect(await end(repeater)).toMatch(/3 datagrams repeated to 127\.0\.0\.1:/);
    await drained(next);
    expect(await end(receiver)).toMatch(/ 12 flows stored/);
    const table = await weirOk(['exporters', '-r', join(directory, 'second')]);
    for (const sender of senders) expect(table).toContain(`${sender}  `);
  });
});
