import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { pcap } from '../../pcaps/capture-file.mjs';
import { ETHERTYPE_IPV4, ethernet, ip, PROTO_UDP, udp } from '../../pcaps/frames.mjs';
import { sleep } from './process.ts';

/** A UDP socket on loopback that keeps every datagram it gets. */
export class UdpTap {
  readonly datagrams: Buffer[] = [];
  readonly port: number;
  private readonly socket: Socket;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.port = socket.address().port;
    socket.on('message', (datagram) => this.datagrams.push(datagram));
  }

  static async open(): Promise<UdpTap> {
    const socket = createSocket('udp4');
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.setRecvBufferSize(8 * 1024 * 1024);
    return new UdpTap(socket);
  }

  /** Waits for what is still in the kernel and gives all datagrams; throws when the kernel dropped any. */
  async close(): Promise<Buffer[]> {
    await drained(this.port);
    const drops = kernelQueue(this.port).drops;
    this.socket.close();
    if (drops > 0) throw new Error(`the kernel dropped ${drops} datagrams on their way to the test`);
    return this.datagrams;
  }
}

/** A port of loopback where nobody listens right now. */
export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

/**
 * Sends datagrams to a port of loopback from an address of 127.0.0.0/8, never more than the receiver has room for: the
 * next burst waits until the kernel's queue is empty.
 */
export async function sendDatagrams(datagrams: readonly Buffer[], port: number, from = '127.0.0.1'): Promise<void> {
  const socket = createSocket('udp4');
  socket.bind(0, from);
  await once(socket, 'listening');
  for (let i = 0; i < datagrams.length; i += 32) {
    const burst = datagrams.slice(i, i + 32);
    await Promise.all(burst.map((datagram) => send(socket, datagram, port)));
    await drained(port);
  }
  socket.close();
}

function send(socket: Socket, datagram: Buffer, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.send(datagram, port, '127.0.0.1', (error) => (error === null ? resolve() : reject(error)));
  });
}

/** Waits until the kernel holds no datagram for this port. */
export async function drained(port: number): Promise<void> {
  while (kernelQueue(port).octets > 0) await sleep(2);
}

/** What the kernel holds for a local UDP port, and how many datagrams it has dropped; zeros where nobody listens. */
export function kernelQueue(port: number): { listeners: number; octets: number; drops: number } {
  const sum = { listeners: 0, octets: 0, drops: 0 };
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (const table of ['/proc/net/udp', '/proc/net/udp6']) {
    for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
      const words = line.trim().split(/\s+/);
      if (words[1]?.endsWith(suffix) !== true) continue;
      sum.listeners += 1;
      sum.octets += Number.parseInt(words[4]!.split(':')[1]!, 16);
      sum.drops += Number(words.at(-1));
    }
  }
  return sum;
}

export interface CapturedDatagram {
  payload: Buffer;
  /** Sender, IPv4. */
  from: string;
  port: number;
  /** Milliseconds since 1970. */
  ms: number;
}

/** A capture of datagrams, as if taken on an Ethernet between their senders and the collector 192.0.2.254. */
export function datagramCapture(datagrams: readonly CapturedDatagram[]): Buffer {
  return pcap(
    datagrams.map(({ payload, from, port, ms }) => {
      const ends = { src: from, dst: '192.0.2.254' };
      const packet = ip({ ...ends, proto: PROTO_UDP }, udp({ ...ends, sport: 30_000, dport: port }, payload));
      const frame = ethernet({ src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', type: ETHERTYPE_IPV4 }, packet);
      return { sec: Math.floor(ms / 1000), nsec: (ms % 1000) * 1_000_000, bytes: frame };
    }),
  );
}
