import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { UdpTransport } from '../../src/export/transport.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { until } from '../support/process.ts';

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const closable of open.splice(0)) await closable.close();
});

async function receiver(address = '127.0.0.1'): Promise<{ socket: Socket; port: number; seen: Buffer[] }> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const seen: Buffer[] = [];
  socket.on('message', (message) => seen.push(message));
  socket.bind(0, address);
  await once(socket, 'listening');
  open.push(socket);
  return { socket, port: socket.address().port, seen };
}

function transport(port: number, more: { host?: string; sourceHost?: string; datagramsPerSecond?: number } = {}) {
  const made = new UdpTransport({ host: '127.0.0.1', port, ...more });
  open.push(made);
  return made;
}

describe('UdpTransport', () => {
  it('sends copies, in order', async () => {
    const { port, seen } = await receiver();
    const sender = transport(port);
    const bytes = new Uint8Array(6);
    for (let i = 0; i < 50; i++) {
      bytes.fill(i);
      sender.send(bytes, Uint32Array.of(1, 0, 5), 3);
    }
    bytes.fill(255);
    await sender.drain();
    await until(() => seen.length === 150);
    for (let i = 0; i < 50; i++) {
      expect(seen.slice(i * 3, i * 3 + 3)).toEqual([Buffer.alloc(1, i), Buffer.alloc(0), Buffer.alloc(5, i)]);
    }
    expect(sender.stats()).toEqual({ sent: 150, bytes: 300, failed: 0, tooLong: 0, lastError: null });
    expect(sender.room()).toBeUndefined();
  });

  it('sends over IPv6 and from a given source', async () => {
    const six = await receiver('::1');
    const sender = transport(six.port, { host: '::1', sourceHost: '::1' });
    sender.send(Uint8Array.of(6), Uint32Array.of(1), 1);
    await until(() => six.seen.length === 1);
    const four = await receiver();
    const senders: string[] = [];
    four.socket.on('message', (_, from) => senders.push(from.address));
    // Only Linux has all of 127.0.0.0/8 on its loopback interface.
    const sourceHost = process.platform === 'linux' ? '127.0.0.5' : '127.0.0.1';
    transport(four.port, { sourceHost }).send(Uint8Array.of(4), Uint32Array.of(1), 1);
    await until(() => senders.length === 1);
    expect(senders).toEqual([sourceHost]);
  });

  it('sends what is queued before it closes, and refuses more', async () => {
    const { port, seen } = await receiver();
    const sender = transport(port);
    for (let i = 0; i < 20; i++) sender.send(new Uint8Array(100), Uint32Array.of(100), 1);
    await Promise.all([sender.close(), sender.close()]);
    expect(sender.stats().sent).toBe(20);
    await until(() => seen.length === 20);
    expect(() => sender.send(new Uint8Array(1), Uint32Array.of(1), 1)).toThrow('closed');
    await sender.drain();
  });

  it('counts what UDP cannot carry and sends the rest', async () => {
    const { port, seen } = await receiver();
    const sender = transport(port);
    sender.send(new Uint8Array(65_510), Uint32Array.of(1, 65_508, 1), 3);
    await sender.drain();
    expect(sender.stats()).toMatchObject({ sent: 2, failed: 0, tooLong: 1 });
    expect(sender.stats().lastError).not.toBeNull();
    await until(() => seen.length === 2);
  });

  it('goes on though no collector listens, and counts the refusals', async () => {
    const { socket, port } = await receiver();
    open.splice(open.indexOf(socket), 1);
    socket.close();
    const sender = transport(port);
    for (let i = 0; i < 100; i++) {
      sender.send(new Uint8Array(10), Uint32Array.of(10), 1);
      await sender.drain();
    }
    const stats = sender.stats();
    expect(stats.sent).toBe(100);
    expect(stats.failed).toBeGreaterThan(0);
    expect(stats.failed).toBeLessThanOrEqual(100);
    expect(stats.lastError).toMatch(/refused/i);
  });

  it('holds datagrams back when paced; room says when to go on, abort counts the rest', async () => {
    const { port } = await receiver();
    const sender = transport(port, { datagramsPerSecond: 5 });
    const bytes = new Uint8Array(5 << 20);
    const lengths = new Uint32Array(bytes.length / 1024).fill(1024);
    sender.send(bytes, lengths, lengths.length);
    const room = sender.room();
    expect(room).toBeDefined();
    await until(() => sender.stats().sent > 0);
    sender.abort();
    await room;
    const { sent, failed } = sender.stats();
    expect(sent).toBeLessThan(1000);
    expect(sent + failed).toBe(lengths.length);
  });

  it('refuses lengths that do not fit', async () => {
    const { port } = await receiver();
    const sender = transport(port);
    expect(() => sender.send(new Uint8Array(5), Uint32Array.of(6), 1)).toThrow('longer than');
    expect(() => sender.send(new Uint8Array(5), Uint32Array.of(4), 2)).toThrow('fewer lengths');
    expect(() => sender.send(new Uint8Array(5), Uint32Array.of(0xffffffff, 0xffffffff), 2)).toThrow('longer than');
    expect(sender.stats().sent).toBe(0);
  });

  it('tells how long a datagram may be', async () => {
    const { port } = await receiver();
    const longest = transport(port).maxPayload();
    if (process.platform === 'linux') expect(longest).toBeGreaterThan(1000);
    else expect(longest).toBeUndefined();
  });

  it('names what is wrong with a destination', () => {
    for (const [options, text] of [
      [{ host: 'no.such..invalid', port: 9995 }, 'no.such..invalid:9995: the host name does not resolve'],
      [{ host: '127.0.0.1', port: 9995, sourceHost: '192.0.2.77' }, 'the source 192.0.2.77 is not an address of'],
      [{ host: '127.0.0.1', port: 0 }, 'port 0'],
    ] as const) {
      expect(() => new UdpTransport(options)).toThrow(UserError);
      expect(() => new UdpTransport(options)).toThrow(text);
    }
  });
});
