import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { Daemon, ROOT } from './process.ts';
import { kernelQueue } from './udp.ts';

const CLI = join(ROOT, 'dist/cli/main.js');

/** A `weir collect` on loopback that listens already. */
export async function startCollector(args: readonly string[], port: number, cwd = ROOT): Promise<Daemon> {
  const collector = new Daemon(process.execPath, [CLI, 'collect', '-b', '127.0.0.1', '-p', String(port), ...args], {
    cwd,
  });
  await collector.until('listening', () => kernelQueue(port).listeners > 0);
  return collector;
}

/** Sends each datagram from its own address of 127.0.0.0/8. */
export async function sendFrom(sent: readonly { from: string; datagram: Uint8Array }[], port: number): Promise<void> {
  for (const { from, datagram } of sent) {
    const socket = createSocket('udp4');
    socket.bind(0, from);
    await once(socket, 'listening');
    await new Promise<void>((resolve, reject) => {
      socket.send(datagram, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
    });
    socket.close();
  }
}
