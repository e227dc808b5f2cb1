import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import * as layout from '../../src/addon/datagram-layout.ts';
import { DatagramReader, receiveBufferAdvice } from '../../src/collect/listener.ts';
import { UdpTransport } from '../../src/export/transport.ts';
import { formatAddress } from '../../src/flow/address.ts';
import { UserError } from '../../src/flow/user-error.ts';

const { D_LENGTH, D_LISTENER, D_LOCAL_PORT, D_OFFSET, D_RECEIVED_MS, D_SRC_HI, D_SRC_LO, D_SRC_PORT } = layout;

interface Seen {
  payload: Buffer;
  source: string;
  sourcePort: number;
  localPort: number;
  receivedMs: number;
  listener: number;
}

/** Copies what a slot holds. */
function contents(reader: DatagramReader, slot: number): Seen[] {
  const { bytes, words, doubles } = reader.slots[slot]!;
  const seen: Seen[] = [];
  for (let i = 0; i < reader.count(slot); i++) {
    const at = i * layout.DATAGRAM_META_WORDS;
    const offset = words[at + D_OFFSET]!;
    seen.push({
      payload: Buffer.from(bytes.subarray(offset, offset + words[at + D_LENGTH]!)),
      source: formatAddress(
        words[at + D_SRC_HI + 1]!,
        words[at + D_SRC_HI]!,
        words[at + D_SRC_LO + 1]!,
        words[at + D_SRC_LO]!,
      ),
      sourcePort: words[at + D_SRC_PORT]!,
      localPort: words[at + D_LOCAL_PORT]!,
      receivedMs: doubles[(at + D_RECEIVED_MS) / 2]!,
      listener: words[at + D_LISTENER]!,
    });
  }
  return seen;
}

/** Reads until `wanted` datagrams are there, or to the end. */
async function take(reader: DatagramReader, wanted = Number.POSITIVE_INFINITY): Promise<Seen[]> {
  const seen: Seen[] = [];
  while (seen.length < wanted) {
    const slot = reader.tryRead() ?? (await reader.read());
    if (slot === undefined) break;
    seen.push(...contents(reader, slot));
    reader.release(slot);
  }
  return seen;
}

const readers: DatagramReader[] = [];
afterEach(async () => {
  for (const reader of readers.splice(0)) {
    reader.stop();
    await take(reader);
  }
});

function listen(...listeners: { host: string; port?: number; receiveBufferBytes?: number }[]): DatagramReader {
  const reader = new DatagramReader({
    listeners: listeners.map((listener) => ({ port: 0, ...listener })),
    flushMs: 5,
  });
  readers.push(reader);
  return reader;
}

/** Sends from Node's own socket; resolves to the sender's port once the system has taken everything. */
async function send(host: string, port: number, payloads: (string | Uint8Array)[]): Promise<number> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  const own = socket.address().port;
  for (const payload of payloads) {
    await new Promise<void>((resolve, reject) =>
      socket.send(payload, port, host, (error) => (error === null ? resolve() : reject(error))),
    );
  }
  socket.close();
  return own;
}

describe('datagram layout', () => {
  it('is the same in the addon', () => {
    expect(addon().datagramLayout()).toEqual({ ...layout });
  });
});

describe('DatagramReader on sockets', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['::1', '::1'],
    ['::', '127.0.0.1'],
    ['::', '::1'],
    ['*', '127.0.0.1'],
  ])('bound to %s takes what %s sends, with source, ports and time', async (host, from) => {
    const reader = listen({ host });
    const port = reader.stats().ports[0]!;
    const before = Date.now() - 1000;
    const sourcePort = await send(from, port, ['one', '', new Uint8Array(9000).fill(3)]);
    const seen = await take(reader, 3);
    expect(seen.map(({ payload }) => payload)).toEqual([Buffer.from('one'), Buffer.alloc(0), Buffer.alloc(9000, 3)]);
    for (const datagram of seen) {
      expect(datagram).toMatchObject({ source: from, sourcePort, localPort: port, listener: 0 });
      expect(datagram.receivedMs).toBeGreaterThan(before);
      expect(datagram.receivedMs).toBeLessThan(Date.now() + 1000);
    }
  });

  it('resolves names', async () => {
    const reader = listen({ host: 'localhost' });
    const port = reader.stats().ports[0]!;
    await send('127.0.0.1', port, ['hello']);
    await send('::1', port, ['hello']).catch(() => undefined);
    expect((await take(reader, 1))[0]!.payload.toString()).toBe('hello');
  });

  it('tells listeners apart', async () => {
    const reader = listen({ host: '127.0.0.1' }, { host: '127.0.0.1' });
    const ports = reader.stats().ports;
    await send('127.0.0.1', ports[1]!, ['b']);
    await send('127.0.0.1', ports[0]!, ['a']);
    const seen = await take(reader, 2);
    const byListener = seen.map(({ listener, localPort, payload }) => [listener, localPort, payload.toString()]);
    expect(byListener.sort()).toEqual([
      [0, ports[0], 'a'],
      [1, ports[1], 'b'],
    ]);
  });

  it('accounts for every one of 200,000 datagrams, in order', async () => {
    const COUNT = 200_000;
    const BYTES = 1400;
    const PIECE = 50;
    const reader = listen({ host: '127.0.0.1' });
    const sender = new UdpTransport({ host: '127.0.0.1', port: reader.stats().ports[0]! });
    const bytes = new Uint8Array(PIECE * BYTES);
    const view = new DataView(bytes.buffer);
    const lengths = new Uint32Array(PIECE).fill(BYTES);
    const sending = (async () => {
      for (let i = 0; i < COUNT; i += PIECE) {
        for (let k = 0; k < PIECE; k++) view.setUint32(k * BYTES, i + k);
        sender.send(bytes, lengths, PIECE);
        await sender.room();
        if (i % (PIECE * 20) === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await sender.close();
      reader.stop();
    })();
    let last = -1;
    let received = 0;
    let missing = 0;
    for (;;) {
      const slot = reader.tryRead() ?? (await reader.read());
      if (slot === undefined) break;
      const { words, view } = reader.slots[slot]!;
      for (let i = 0; i < reader.count(slot); i++) {
        const at = i * layout.DATAGRAM_META_WORDS;
        const sequence = view.getUint32(words[at + D_OFFSET]!);
        if (sequence <= last || words[at + D_LENGTH] !== BYTES) throw new Error(`${sequence} after ${last}`);
        missing += sequence - last - 1;
        last = sequence;
        received++;
      }
      reader.release(slot);
    }
    await sending;
    missing += COUNT - 1 - last;
    expect(sender.stats()).toMatchObject({ sent: COUNT, failed: 0, tooLong: 0 });
    const stats = reader.stats();
    expect(stats.datagrams).toBe(received);
    expect(stats.bytes).toBe(received * BYTES);
    expect(received + missing).toBe(COUNT);
    if (process.platform === 'linux') expect(stats.kernelDropped).toBe(missing);
    expect(stats.queueDropped).toBe(0);
    expect(reader.failure()).toBeNull();
  });

  it.skipIf(process.platform !== 'linux')('counts what the kernel drops while nobody reads', async () => {
    const COUNT = 30_000;
    const reader = new DatagramReader({
      listeners: [{ host: '127.0.0.1', port: 0, receiveBufferBytes: 65_536 }],
      slotBytes: 131_072,
      slotCount: 2,
    });
    readers.push(reader);
    const sender = new UdpTransport({ host: '127.0.0.1', port: reader.stats().ports[0]! });
    sender.send(new Uint8Array(COUNT * 100), new Uint32Array(COUNT).fill(100), COUNT);
    await sender.close();
    const dropped = reader.stats().kernelDropped;
    expect(dropped).toBeGreaterThan(0);
    reader.stop();
    const seen = await take(reader);
    expect(seen.length).toBeGreaterThan(0);
    expect(reader.stats()).toMatchObject({ datagrams: seen.length, kernelDropped: dropped, queueDropped: 0 });
    expect(seen.length + dropped).toBe(COUNT);
  });

  it('gives what arrived before stop, then ends and frees the port', async () => {
    const reader = new DatagramReader({ listeners: [{ host: '127.0.0.1', port: 0 }], flushMs: 60_000 });
    const port = reader.stats().ports[0]!;
    await send(
      '127.0.0.1',
      port,
      Array.from({ length: 100 }, (_, i) => `${i}`),
    );
    reader.stop();
    reader.stop();
    const seen = await take(reader);
    expect(seen.map(({ payload }) => payload.toString())).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    expect(await reader.read()).toBeUndefined();
    expect(reader.failure()).toBeNull();
    listen({ host: '127.0.0.1', port });
  });

  it('ends under traffic', async () => {
    const COUNT = 500_000;
    const reader = new DatagramReader({
      listeners: [{ host: '127.0.0.1', port: 0, receiveBufferBytes: 65_536 }],
      slotBytes: 131_072,
      slotCount: 2,
    });
    readers.push(reader);
    const sender = new UdpTransport({ host: '127.0.0.1', port: reader.stats().ports[0]! });
    sender.send(new Uint8Array(COUNT), new Uint32Array(COUNT).fill(1), COUNT);
    const before = await take(reader, 1);
    reader.stop();
    const after = await take(reader);
    // Two slots of at most 1,820 such datagrams, one in the making, and what the socket's buffer holds.
    expect(after.length).toBeLessThan(10_000);
    expect(reader.stats()).toMatchObject({ datagrams: before.length + after.length, queueDropped: 0 });
    sender.abort();
  });

  it('ends without traffic', async () => {
    const reader = listen({ host: '127.0.0.1' }, { host: '::1' });
    setImmediate(() => reader.stop());
    expect(await reader.read()).toBeUndefined();
  });

  it('reports the granted buffer and what to do when it is small', () => {
    const granted = listen({ host: '127.0.0.1', receiveBufferBytes: 150_000 }).stats().receiveBufferBytes[0]!;
    expect(granted).toBe(150_000);
    expect(receiveBufferAdvice('*:9995', 150_000, granted)).toBeUndefined();
    const advice = receiveBufferAdvice('*:9995', 33_554_432, 212_992);
    expect(advice).toContain('*:9995');
    expect(advice).toMatch(/sysctl -w \S+=33554432/);
  });

  it('names what it cannot bind, and why', () => {
    const port = listen({ host: '127.0.0.1' }).stats().ports[0]!;
    for (const [host, wanted, text] of [
      ['127.0.0.1', port, `127.0.0.1:${port}: the port is in use`],
      ['192.0.2.77', 9995, "192.0.2.77:9995: the address is not one of this host's"],
      ['no.such.host.invalid', 9995, 'no.such.host.invalid:9995: the host name does not resolve'],
      ['127.0.0.1', 70_000, 'port 70000'],
    ] as const) {
      const open = () => new DatagramReader({ listeners: [{ host, port: wanted }] });
      expect(open).toThrow(UserError);
      expect(open).toThrow(text);
    }
    expect(() => new DatagramReader({})).toThrow('exactly one of');
  });
});
