import { existsSync, statSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { ControlSocket } from '../../src/pipeline/export/control-socket.ts';
import { rowsIn, sumOf } from '../support/collect-rows.ts';
import { Daemon, describeWith, ROOT, sleep, tempDir, weir, weirOk } from '../support/process.ts';
import { UdpTap } from '../support/udp.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');

interface Status {
  process: number;
  inputs: { packets: number }[];
  flows: { active: number; created: number };
}

/** A replay at the speed of the capture, which takes minutes: a running exporter that needs no privileges. */
class Exporter {
  readonly socket = join(tempDir('control'), 'control');
  readonly daemon: Daemon;

  constructor(args: readonly string[]) {
    this.daemon = Daemon.weir(['export', '-r', DEMO, '--speed', '2', '--control', this.socket, ...args]);
  }

  ctl(...args: string[]): Promise<string> {
    return weirOk(['ctl', '-s', this.socket, ...args]);
  }

  async status(): Promise<Status> {
    return JSON.parse(await this.ctl('status', '--json')) as Status;
  }

  async untilFlows(count: number): Promise<void> {
    await this.daemon.until('socket', () => existsSync(this.socket));
    await this.daemon.until('flows', async () => (await this.status()).flows.active >= count);
  }

  /** Sends `text` on a connection of its own, and gives it. */
  async send(text: string | Buffer): Promise<Socket> {
    const socket = connect(this.socket);
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(text);
    return socket;
  }

  async answer(text: string | Buffer): Promise<string> {
    let answer = '';
    for await (const piece of await this.send(text)) answer += piece;
    return answer;
  }
}

function packetsIn(datagrams: readonly Buffer[]): number {
  return sumOf(rowsIn(datagrams), 'packets');
}

describeWith(['weir'], 'weir ctl', () => {
  it('shows names so that they steer no terminal', async () => {
    const name = 'eth0\n\u009b2J';
    const path = join(tempDir('names'), 'control');
    const control = await ControlSocket.listen(path, undefined, () => {});
    control.serve({ status: () => ({ lines: [name], data: { name } }) });
    try {
      expect(await weirOk(['ctl', '-s', path, 'status'])).toBe('eth0  2J\n');
      expect(await weirOk(['ctl', '-s', path, 'status', '--json'])).toBe('{"name":"eth0\\n\\u009b2J"}\n');
    } finally {
      control.close();
    }
  });

  it.each([
    ['', []],
    [' by three workers', ['--workers', '3']],
  ])('asks and commands a running weir export%s, which loses no packet by it', async (_, args) => {
    const tap = await UdpTap.open();
    const exporter = new Exporter(['-n', `127.0.0.1:${tap.port}`, ...args]);
    await exporter.untilFlows(5);
    expect(statSync(exporter.socket).mode & 0o777).toBe(0o600);

    const status = await exporter.ctl('status');
    expect(status).toContain(`weir export, process ${exporter.daemon.child.pid}, running for 00:00:0`);
    expect(status).toMatch(/^read {4}.*demo\.pcap: \d+ packets, \d+ octets, 0 dropped$/m);
    expect(status).toMatch(/^flows {3}\d+ at hand, at most \d+ \(limit 4194304\), \d+ since the start$/m);
    expect(status).toContain(`send    127.0.0.1:${tap.port}: `);

    const lines = (await exporter.ctl('flows', 'json')).trimEnd().split('\n');
    const flows = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(flows.length).toBeGreaterThanOrEqual(5);
    for (const flow of flows) expect(Number(flow['in_packets'])).toBeGreaterThan(0);
    expect((await exporter.ctl('flows')).split('\n')[0]).toMatch(/^Date first seen +Duration +Proto/);

    expect(await exporter.ctl('timeouts')).toContain('udp      60 s\n');
    expect(await exporter.ctl('timeouts', 'udp=7', 'maxlife=99')).toMatch(/udp {6}7 s\n(.*\n)*maxlife {2}99 s\n/);
    const timeouts = JSON.parse(await exporter.ctl('timeouts', '--json')) as Record<string, number>;
    expect(timeouts).toMatchObject({ tcp: 60, udp: 7, maxlife: 99 });

    const templates = tap.datagrams.length;
    expect(await exporter.ctl('send-template')).toBe('templates go out with what is sent next\n');
    expect(await exporter.ctl('expire-all')).toMatch(/^\d+ flows ended\n$/);
    await exporter.daemon.until('flows sent', () => tap.datagrams.length > templates);
    const statistics = JSON.parse(await exporter.ctl('statistics', '--json')) as { cache: { endedBy: number[] } };
    expect(statistics.cache.endedBy[4]).toBeGreaterThanOrEqual(5);
    expect(await exporter.ctl('statistics')).toMatch(/ packets read, \d+ metered/);

    expect(await exporter.ctl('stop')).toBe('stopping: sending the flows at hand\n');
    expect((await exporter.daemon.stop('SIGCONT')).status).toBe(0);
    expect(existsSync(exporter.socket)).toBe(false);
    const metered = Number(/, (\d+) metered/.exec(exporter.daemon.output)?.[1]);
    expect(packetsIn(await tap.close())).toBe(metered);
  });

  it('says what is wrong', async () => {
    const nowhere = join(tempDir('control'), 'control');
    const { status, stderr } = await weir(['ctl', '-s', nowhere, 'status']);
    expect([status, stderr]).toEqual([
      1,
      `weir: ${nowhere}: there is no such socket: weir export makes it with --control\n`,
    ]);
    const exporter = new Exporter(['-o', 'json']);
    await exporter.untilFlows(1);
    const refused = async (...args: string[]) => (await weir(['ctl', '-s', exporter.socket, ...args])).stderr;
    expect(await refused('stauts')).toMatch(/^weir: there is no command "stauts": status, statistics, flows, /);
    expect(await refused('status', 'now')).toBe('weir: status takes no "now"\n');
    expect(await refused('timeouts', 'upd=3')).toMatch(/^weir: --timeout takes NAME=SECONDS/);
    expect(await refused('timeouts', 'udp=0')).toMatch(/^weir: --timeout udp takes a whole number from 1/);
    expect(await refused('flows', 'jsno')).toMatch(/did you mean json/);
    expect(await refused('send-template')).toBe('weir: send-template: there are no collectors\n');
    expect(await refused()).toMatch(/^weir: which command\?/);
    const flows = await weirOk(['ctl', '-s', exporter.socket, '--json', 'flows']);
    expect(JSON.parse(flows.split('\n')[0]!)).toMatchObject({ type: 'FLOW' });
    expect((await exporter.daemon.stop()).status).toBe(0);
  });

  it('takes no harm from clients that misbehave', async () => {
    const exporter = new Exporter(['-o', 'json']);
    await exporter.untilFlows(5);
    for (const text of ['\n', 'status\n', '{"command":1}\n', '[]\n', '{"command":"flows","arguments":[{}]}\n']) {
      expect(await exporter.answer(text)).toMatch(/^\{"ok":false,"error":"a request is one line/);
    }
    expect(await exporter.answer('{"command":"constructor"}\n')).toMatch(/there is no command/);
    expect(await exporter.answer(Buffer.alloc(1 << 20, 'x'))).toMatch(/^(\{"ok":false,.*)?/);
    expect(await exporter.answer('{"command":"status"}\n{"command":"stop"}\n')).toMatch(/^\{"ok":true[^\n]*\n$/);
    // Some ask for everything and read nothing, the others say nothing at all.
    const idle = [await exporter.send('{"command":"flows"}\n'), await exporter.send('{"comm')];
    for (const socket of idle) socket.pause();
    for (let i = 0; i < 40; i++) idle.push(await exporter.send(''));
    await sleep(100);
    for (const socket of idle) socket.destroy();
    await exporter.daemon.until(
      'answering again',
      async () => (await exporter.answer('{"command":"status"}\n')) !== '',
    );
    expect((await exporter.daemon.stop()).status, exporter.daemon.output.slice(-500)).toBe(0);
  });

  it('one process has a socket; that of one that was killed is replaced, anything else is not', async () => {
    const first = new Exporter(['-o', 'json']);
    await first.untilFlows(1);
    const args = ['export', '-r', DEMO, '-o', 'json', '-q', '--control'];
    const second = await weir([...args, first.socket]);
    expect(second.status).toBe(1);
    expect(second.stderr).toContain(`another process has the control socket ${first.socket}`);
    await first.daemon.stop('SIGKILL');
    expect((await weir(['ctl', '-s', first.socket, 'status'])).stderr).toContain('nobody answers');
    expect((await weir([...args, first.socket])).status).toBe(0);
    expect(existsSync(first.socket)).toBe(false);

    const file = join(tempDir('control'), 'precious');
    writeFileSync(file, 'kept');
    expect((await weir([...args, file])).stderr).toContain(`${file} (--control) is there already and no socket`);
    expect(existsSync(file)).toBe(true);
    expect((await weir(['ctl', '-s', file, 'status'])).stderr).toContain(`${file}: this is no socket: `);
    expect((await weir([...args, '/nowhere/control'])).stderr).toContain(
      'cannot make the control socket /nowhere/control (--control): there is no directory /nowhere',
    );
  });
});
