import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Daemon, describeWith, ROOT, tempDir } from '../support/process.ts';
import { freeUdpPort } from '../support/udp.ts';

/** Prints what comes to a Unix datagram socket, which Node.js has none of. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1].replace('@', '\\0'))
print('bound', flush=True)
while True:
    print(repr(s.recv(4096).decode()), flush=True)
`;

async function receiver(path: string): Promise<Daemon> {
  const daemon = new Daemon('python3', ['-c', RECEIVER, path]);
  await daemon.until('bound', () => daemon.output.includes('bound'));
  return daemon;
}

describeWith(['weir', 'python3'], 'word to the service manager', () => {
  it('weir collect: ready, alive, reloading, stopping', async () => {
    const [directory, port] = [tempDir('notify'), await freeUdpPort()];
    const path = join(directory, 'notify');
    const manager = await receiver(path);
    const config = ['--log', join(directory, 'log')];
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '200000' };
    const command = ['-t', '1', '-x', '/usr/bin/env'];
    const args = ['-b', '127.0.0.1', '-p', String(port), '-w', join(directory, 'flows'), ...config, ...command];
    const collector = Daemon.weir(['collect', ...args], { env });
    const has = (text: string) => () => manager.output.includes(text);
    await collector.until('ready', has("'READY=1\\nSTATUS=listening, flows go to "));
    await collector.until('alive', () => manager.output.split("'WATCHDOG=1'").length > 3);
    collector.child.kill('SIGHUP');
    await collector.until('reloading', () => /RELOADING=1\\nMONOTONIC_USEC=\d{6,}'\n'READY=1/.test(manager.output));
    expect((await collector.stop()).status, collector.output).toBe(0);
    expect(manager.output).toContain("'STOPPING=1'");
    await manager.stop();
  });

  it('weir export, by an abstract name; the watchdog of another process is not ours', async () => {
    const path = `@weir-notify-${process.pid}`;
    const manager = await receiver(path);
    const env = { NOTIFY_SOCKET: path, WATCHDOG_USEC: '200000', WATCHDOG_PID: '1' };
    const capture = join(ROOT, 'pcaps/demo.pcap');
    const exporter = Daemon.weir(['export', '-r', capture, '--speed', '1', '-o', 'null'], { env });
    await exporter.until('ready', () => manager.output.includes(`'READY=1\\nSTATUS=reading ${capture}'`));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await exporter.stop()).status).toBe(0);
    expect(manager.output).toContain("'STOPPING=1'");
    expect(manager.output).not.toContain('WATCHDOG');
    await manager.stop();
  });

  it('a manager that is not there changes nothing', async () => {
    const env = { NOTIFY_SOCKET: '/nowhere/notify' };
    const directory = join(tempDir('notify'), 'flows');
    const capture = join(ROOT, 'pcaps/demo.pcap');
    const exporter = Daemon.weir(['export', '-r', capture, '-w', directory, '-q'], { env });
    expect((await exporter.stop('SIGCONT')).status, exporter.output).toBe(0);
    expect(existsSync(directory)).toBe(true);
  });
});
