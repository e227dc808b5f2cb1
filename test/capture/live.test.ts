import { spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { networkInterfaces } from 'node:os';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { P_META_DIRECTION_KNOWN, P_META_EGRESS } from '../../src/addon/packet-layout.ts';
import type { PacketSourceKind } from '../../src/capture/open.ts';
import { openPacketSource } from '../../src/capture/open.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { haveCapPackage, havePcapPackage, readAll } from './helpers.ts';

const loopback = Object.entries(networkInterfaces()).find(([, addresses]) =>
  addresses?.some(({ internal }) => internal),
)?.[0];
const device = loopback ?? 'lo';

/** Why live capture cannot be tested here, or undefined. */
const obstacle = await openPacketSource({ device }).then(
  async (reader) => {
    reader.stop();
    await readAll(reader);
    return undefined;
  },
  (error: Error) => error.message,
);

const kinds: [PacketSourceKind, boolean][] = [
  ['native', true],
  ['pcap', havePcapPackage],
  ['cap', haveCapPackage],
];

describe.skipIf(obstacle !== undefined)(`live capture on ${device} (skipped without libpcap or the right to)`, () => {
  let receiver: Socket;
  let sender: Socket;
  let port = 0;
  beforeEach(async () => {
    receiver = createSocket('udp4');
    sender = createSocket('udp4');
    await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', resolve));
    port = receiver.address().port;
  });
  afterEach(() => {
    receiver.close();
    sender.close();
  });
  const send = (bytes: number) =>
    new Promise((resolve) => sender.send(Buffer.alloc(bytes), port, '127.0.0.1', resolve));

  for (const [source, installed] of kinds) {
    test.skipIf(!installed)(`${source}: sees the datagrams that the filter lets through, and stops`, async () => {
      const started = Date.now();
      const filter = `udp and dst port ${port}`;
      const reader = await openPacketSource({ device, source, filter, promiscuous: false, flushMs: 20 });
      for (let n = 0; n < 50; n++) await send(n);
      let seen = 0;
      const { packets, stats, failure } = await readAll(reader, (slot) => {
        seen += slot.count;
        if (seen >= 50) reader.stop();
      });
      expect(failure).toBeNull();
      expect(packets.map((packet) => packet.octets)).toEqual(Array.from({ length: 50 }, (_, n) => 28 + n));
      for (const packet of packets) {
        expect(packet).toMatchObject({ protocol: 17, dstPort: port, version: 4, fragment: false });
        expect(packet.dst).toBe('00000000000000000000ffff7f000001');
        expect(packet.input === 0).toBe(source !== 'native');
        expect(packet.timeUs / 1000).toBeGreaterThan(started - 1000);
        expect(packet.timeUs / 1000).toBeLessThan(Date.now() + 1000);
      }
      expect(stats).toMatchObject({ packets: 50, metered: 50, kernelDropped: 0, interfaceDropped: 0, queueDropped: 0 });
    });
  }

  test('native: stop ends an idle capture', async () => {
    const reader = await openPacketSource({ device, filter: `udp and dst port ${port}` });
    setTimeout(() => reader.stop(), 30);
    expect((await readAll(reader)).packets).toEqual([]);
  });

  test.runIf(process.platform === 'linux')('native: a program that is started inherits nothing of it', async () => {
    // What this process itself was given stays the same; 0 to 2 are made for each program.
    const inherited = () => {
      const listed = String(spawnSync('ls', ['-l', '/proc/self/fd']).stdout);
      return [...listed.matchAll(/ (\d+) -> (socket:.*)/g)].filter(([, descriptor]) => Number(descriptor) > 2);
    };
    const before = inherited();
    const reader = await openPacketSource({ device });
    const during = inherited();
    reader.stop();
    await readAll(reader);
    expect(during.map(([line]) => line)).toEqual(before.map(([line]) => line));
  });

  test('says what is wrong with a device or a filter', async () => {
    for (const [source, installed] of kinds) {
      if (!installed) continue;
      const missing = openPacketSource({ device: 'nosuchdevice0', source });
      await expect(missing).rejects.toThrow(UserError);
      await expect(missing).rejects.toThrow('nosuchdevice0');
      await expect(openPacketSource({ device, source, filter: 'udp foo' })).rejects.toThrow(UserError);
    }
    await expect(openPacketSource({ device: 'nosuchdevice0' })).rejects.toThrow('no such device');
    await expect(openPacketSource({ device, filter: 'udp foo' })).rejects.toThrow('filter "udp foo": ');
  });
});

/** Of each process its own, so that the cable of a run that was killed does not take the datagrams of this one. */
const subnet = (process.pid % 16_384) * 4;
const here = `198.18.${subnet >> 8}.${(subnet & 255) + 1}`;
const there = `198.18.${subnet >> 8}.${(subnet & 255) + 2}`;
/** Two ends of a cable: what goes out of `near` for `there` comes in at `far`, once. */
const near = `weir${process.pid % 100_000}a`;
const far = `weir${process.pid % 100_000}b`;
const ip = (...args: string[]) => spawnSync('ip', args).status === 0;
const haveCable = obstacle === undefined && ip('link', 'add', near, 'type', 'veth', 'peer', 'name', far);
// Of the file and not of the tests below, which may be left out by their names.
afterAll(() => {
  ip('link', 'del', near);
});

describe.skipIf(!haveCable)('live capture on a veth pair (skipped without the right to make one)', () => {
  beforeAll(() => {
    ip('link', 'set', near, 'up');
    ip('link', 'set', far, 'up');
    ip('addr', 'add', `${here}/30`, 'dev', near);
    ip('neigh', 'replace', there, 'lladdr', '02:00:00:00:00:02', 'dev', near);
  });

  test('native: every packet is read or counted as dropped while the reader is slow', async () => {
    const sent = 5000;
    const reader = await openPacketSource({
      device: far,
      filter: 'udp and dst port 4739',
      slotPackets: 16,
      slotCount: 2,
      kernelBufferBytes: 1 << 18,
      flushMs: 10,
    });
    const sender = createSocket('udp4');
    for (let n = 0; n < sent; n++) {
      await new Promise((resolve) => sender.send(Buffer.alloc(100), 4739, there, resolve));
    }
    sender.close();
    const stopWhenAllCounted = setInterval(() => {
      const { packets, kernelDropped } = reader.stats();
      if (packets + kernelDropped >= sent) reader.stop();
    }, 50);
    const { packets, stats } = await readAll(reader);
    clearInterval(stopWhenAllCounted);
    expect(stats.kernelDropped).toBeGreaterThan(0);
    expect(packets.length).toBe(stats.metered);
    expect(stats.packets + stats.kernelDropped).toBe(sent);
    expect(packets[0]!.input).toBeGreaterThan(0);
  });

  for (const [source, installed] of kinds.filter(([source]) => source !== 'cap')) {
    test.skipIf(!installed)(`${source}: what the interface sends is egress, what it is sent ingress`, async () => {
      ip('link', 'set', far, 'address', '02:00:00:00:00:02');
      const open = (device: string, localMacs: string[] = []) =>
        openPacketSource({ device, source, localMacs, filter: 'udp and dst port 4741', flushMs: 10 });
      const readers = [await open(near), await open(far), await open(far, ['02:00:00:00:00:99'])];
      const sender = createSocket('udp4');
      await new Promise((resolve) => sender.send('x', 4741, there, resolve));
      sender.close();
      const directions = await Promise.all(
        readers.map(async (reader) => {
          const { packets } = await readAll(reader, () => reader.stop());
          return packets.map(({ meta }) => meta & (P_META_DIRECTION_KNOWN | P_META_EGRESS));
        }),
      );
      expect(directions).toEqual([[P_META_DIRECTION_KNOWN | P_META_EGRESS], [P_META_DIRECTION_KNOWN], [0]]);
    });
  }

  test('native: an interface may go down and come back; one that goes away ends the capture', async () => {
    const reader = await openPacketSource({ device: far, filter: 'udp and dst port 4740' });
    ip('link', 'set', near, 'down');
    ip('link', 'set', far, 'down');
    setTimeout(() => {
      ip('link', 'set', far, 'up');
      ip('link', 'set', near, 'up');
      ip('neigh', 'replace', there, 'lladdr', '02:00:00:00:00:02', 'dev', near);
    }, 150);
    const sender = createSocket('udp4');
    // The kernel needs a while to bring the cable up again.
    const again = setInterval(() => sender.send('x', 4740, there, () => {}), 50);
    const { packets, failure } = await readAll(reader, () => ip('link', 'del', near));
    clearInterval(again);
    sender.close();
    expect(packets.length).toBeGreaterThan(0);
    expect(failure).toBe(`${far}: the interface went away`);
  }, 20_000);
});
