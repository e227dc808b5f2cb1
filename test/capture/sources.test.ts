import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import {
  P_META,
  P_META_DIRECTION_KNOWN,
  P_META_EGRESS,
  P_META_NANOS_SHIFT,
  PACKET_BYTES,
} from '../../src/addon/packet-layout.ts';
import { linkTypeNumber } from '../../src/capture/link-type-names.ts';
import { openPacketSource } from '../../src/capture/open.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { tempDir } from '../support/process.ts';
import { CAPTURES, haveCaptures, havePcapPackage, readAll } from './helpers.ts';
import { arpFrame, pcapFile, udpFrame } from './pcap-file.ts';

let folder = '';
const file = (name: string, content: Uint8Array) => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
beforeAll(() => {
  folder = tempDir('capture');
});

const many = (count: number) => Array.from({ length: count }, (_, n) => (n % 10 === 9 ? arpFrame() : udpFrame(n)));
const refusal = (text: string) =>
  expect.objectContaining({ name: UserError.name, message: expect.stringContaining(text) });

describe('native source', () => {
  test('reads files one after another, through few small slots', async () => {
    const paths = [file('a.pcap', pcapFile(many(1000))), file('b.pcap', pcapFile(many(500), { bigEndian: true }))];
    const { packets, stats, failure } = await readAll(
      await openPacketSource({ files: paths, slotPackets: 7, slotCount: 2, inputIndex: 3 }),
    );
    expect(failure).toBeNull();
    expect(packets.length).toBe(1350);
    expect(packets.map((packet) => packet.srcPort).slice(900, 903)).toEqual([1024, 1025, 1026]);
    expect(packets.every((packet) => packet.input === 3 && packet.octets === 36 && packet.dstPort === 53)).toBe(true);
    expect(packets[1]).toMatchObject({ timeUs: 1_700_000_000_000_001, nanos: 0 });
    expect(stats).toMatchObject({
      packets: 1500,
      metered: 1350,
      notIp: 150,
      notIpTypes: [{ etherType: 0x0806, packets: 150 }],
      kernelDropped: 0,
    });
    expect(stats.bytesRead).toBe(stats.bytesTotal);
    expect(stats.bytesTotal).toBeGreaterThan(1500 * 60);
  });

  test('keeps nanoseconds', async () => {
    const path = file('ns.pcap', pcapFile(many(5), { nanoseconds: true }));
    const { packets } = await readAll(await openPacketSource({ files: [path] }));
    expect(packets.map((packet) => [packet.timeUs, packet.nanos])[4]).toEqual([1_700_000_000_000_000, 4]);
  });

  test('uses what is whole of a cut file, and the files behind it', async () => {
    const cut = file('cut.pcap', pcapFile(many(9)).subarray(0, -20));
    const good = file('good.pcap', pcapFile(many(5)));
    const text = file('text.pcap', Buffer.from('not packets at all, but long enough for a header'));
    const { packets, failure } = await readAll(await openPacketSource({ files: [cut, text, good] }));
    expect(packets.length).toBe(8 + 5);
    expect(failure).toBe(`${cut}: capture cut at byte 598 (packet 9); ${text}: not a capture: neither pcap nor pcapng`);
  });

  test('refuses at once what is no capture or not there', async () => {
    const text = file('text.txt', Buffer.from('hello'));
    await expect(openPacketSource({ files: [text] })).rejects.toEqual(refusal('not a capture'));
    await expect(openPacketSource({ files: ['/no/such.pcap'] })).rejects.toEqual(refusal('/no/such.pcap: cannot open'));
    await expect(openPacketSource({ files: [folder] })).rejects.toEqual(refusal('is a directory'));
    await expect(openPacketSource({})).rejects.toEqual(refusal('exactly one of files and device'));
  });

  test('reads a pipe', async () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const whole = file('whole.pcap', pcapFile(many(2000)));
    spawn('sh', ['-c', `cat ${whole} > ${path}`]);
    const { packets, stats } = await readAll(await openPacketSource({ files: [path] }));
    expect(packets.length).toBe(1800);
    expect(stats.bytesTotal).toBe(0);
  });

  test('stop ends it early, and what was read comes out', async () => {
    const path = file('long.pcap', pcapFile(many(200_000)));
    const reader = await openPacketSource({ files: [path], slotPackets: 100, slotCount: 2 });
    const { packets, stats } = await readAll(reader, () => reader.stop());
    expect(packets.length).toBeGreaterThanOrEqual(100);
    expect(packets.length).toBeLessThan(10_000);
    expect(stats.metered).toBe(packets.length);
    expect(reader.tryRead()).toBeUndefined();
    expect(await reader.read()).toBeUndefined();
  });

  test('local MAC addresses tell the direction', async () => {
    const frames = [0, 1, 2, 3].map((n) => {
      const frame = udpFrame(n);
      frame[5] = n & 1 ? 7 : 0;
      frame[11] = n & 2 ? 7 : 0;
      return frame;
    });
    const files = [file('macs.pcap', pcapFile(frames))];
    const known = P_META_DIRECTION_KNOWN;
    const read = async (localMacs: string[]) =>
      (await readAll(await openPacketSource({ files, localMacs }))).packets.map(({ meta }) => meta & 0xc0);
    expect(await read(['00-00-00-00-00-07', '2:0:0:0:0:1'])).toEqual([0, known, known | P_META_EGRESS, 0]);
    expect(await read([])).toEqual([0, 0, 0, 0]);
    await expect(read(['00:00:00:00:07'])).rejects.toEqual(refusal('00:00:00:00:07 is no MAC address'));
  });

  test('filters with libpcap', async () => {
    const path = file('filter.pcap', pcapFile(many(1000)));
    const raw = file(
      'raw.pcap',
      pcapFile(
        many(10).map((frame) => frame.subarray(14)),
        { linkType: 101 },
      ),
    );
    const filter = 'udp and src port 1030';
    const { packets, stats } = await readAll(await openPacketSource({ files: [path, raw], filter }));
    expect(packets.map((packet) => packet.srcPort)).toEqual([1030, 1030]);
    expect(stats.packets).toBe(2);
    await expect(openPacketSource({ files: [path], filter: 'udp and foo bar' })).rejects.toEqual(
      refusal('filter "udp and foo bar": '),
    );
  });

  test('the seed changes the hashes and nothing else', async () => {
    const path = file('seed.pcap', pcapFile(many(300)));
    const read = async (hashSeed?: [number, number]) =>
      (await readAll(await openPacketSource({ files: [path], ...(hashSeed ? { hashSeed } : {}) }))).packets;
    const [plain, again, seeded, unseeded] = [await read([0, 0]), await read([0, 0]), await read([1, 2]), await read()];
    expect(again).toEqual(plain);
    expect(unseeded.map((packet) => packet.hash)).not.toEqual((await read()).map((packet) => packet.hash));
    expect(seeded.map((packet) => packet.hash)).not.toEqual(plain.map((packet) => packet.hash));
    expect(seeded.map((packet) => ({ ...packet, hash: 0 }))).toEqual(plain.map((packet) => ({ ...packet, hash: 0 })));
  });
});

describe('frame decoder', () => {
  test('refuses lengths that do not fit, and link types it does not know', () => {
    const { FrameDecoder } = addon();
    const decoder = new FrameDecoder(1, {});
    const frame = udpFrame(1);
    const out = new Uint8Array(64);
    const meta = (offset: number, length: number) => Float64Array.of(offset, length, length, 5.25);
    expect(decoder.decode(frame, meta(0, frame.length), 1, out)).toBe(1);
    expect(new Float64Array(out.buffer)[7]).toBe(5);
    const beyond: [number, number][] = [
      [0, 1000],
      [frame.length, 1],
      [1e300, 1],
      [1, 1e300],
      [0, Number.POSITIVE_INFINITY],
    ];
    for (const [offset, length] of beyond) {
      expect(() => decoder.decode(frame, meta(offset, length), 1, out)).toThrow('beyond');
    }
    expect(() => decoder.decode(frame, meta(0, 10), 2, out)).toThrow('too short');
    expect(() => decoder.decode(frame, new Float64Array(8), 2, out)).toThrow('too short');
    expect(() => new FrameDecoder(127, {})).toThrow('link type 127 (IEEE802_11_RADIOTAP) is not supported');
  });

  test('knows the names of link types that the packages give', () => {
    const names = ['LINKTYPE_ETHERNET', 'ETHERNET', 'LINKTYPE_LINUX_SLL', 'RAW', 'Unknown linktype 276'];
    expect(names.map(linkTypeNumber)).toEqual([1, 1, 113, 101, 276]);
    expect(() => linkTypeNumber('TOKEN_RING')).toThrow('not supported');
  });
});

describe.skipIf(!havePcapPackage)('npm package pcap (skipped where it is not installed)', () => {
  const both = async (files: string[]) => {
    const hashSeed: [number, number] = [1, 2];
    const [native, npm] = [
      await openPacketSource({ files, hashSeed }),
      await openPacketSource({ files, hashSeed, source: 'pcap' }),
    ];
    return [await readAll(native), await readAll(npm)] as const;
  };

  test('gives the same records for files made here', async () => {
    const paths = [
      file('p1.pcap', pcapFile(many(20_000))),
      file('p2.pcap', pcapFile(many(999), { bigEndian: true, snapLength: 36 })),
      file(
        'p3.pcap',
        pcapFile(
          many(99).map((frame) => frame.subarray(14)),
          { linkType: 101 },
        ),
      ),
    ];
    const [native, npm] = await both(paths);
    expect(npm.failure).toBeNull();
    expect(npm.records.equals(native.records)).toBe(true);
    expect(npm.stats).toEqual({ ...native.stats, bytesRead: 0, bytesTotal: 0 });
    expect(native.packets.length).toBeGreaterThan(18_000);
  });

  test('filters, and refuses what is no capture', async () => {
    const path = file('p4.pcap', pcapFile(many(1000)));
    const { packets } = await readAll(
      await openPacketSource({ files: [path], source: 'pcap', filter: 'src port 1030' }),
    );
    expect(packets.length).toBe(1);
    const text = file('p5.txt', Buffer.from('hello'));
    await expect(openPacketSource({ files: [text], source: 'pcap' })).rejects.toEqual(refusal(`${text}: `));
  });

  describe.skipIf(!haveCaptures)('and for real captures (skipped without ../shared/data/pcap)', () => {
    /** Files that one of the two refuses, in these words, or that libpcap takes for something else. */
    const REFUSED: Record<string, string> = {
      'td-LINKTYPE_PKTAP.pcap': 'link type 258 (PKTAP) is not supported',
      'zeek-llc.pcap': 'link type 10 (FDDI) is not supported',
      'zeek-nflog-http.pcap': 'link type 239 (NFLOG) is not supported',
      'zeek-radiotap.pcap': 'link type 127 (IEEE802_11_RADIOTAP) is not supported',
      'png-le-basic-test002.pcapng': 'no Interface Description Blocks',
    };
    const DIFFERENT: Record<string, string> = {
      'png-le-basic-test006.pcapng': 'libpcap reads one link type in a file',
      'png-le-advanced-test100.pcapng': 'libpcap reads one link type in a file',
      'png-le-difficult-test201.pcapng': 'libpcap reads one link type in a file',
      'png-le-basic-test016.pcapng': 'packets without a time stamp have that of the one before; libpcap says 1970',
      'td-timestamp_invalid_micro.pcap': 'the fraction of a second is limited to one; libpcap hands it on',
    };
    const names = haveCaptures ? readdirSync(CAPTURES).filter((name) => /\.pcap(ng)?$/.test(name)) : [];
    for (const name of names) {
      const path = join(CAPTURES, name);
      const refused = REFUSED[name];
      if (refused !== undefined) {
        test(`${name}: ${refused}`, async () => {
          await expect(openPacketSource({ files: [path], source: 'pcap' })).rejects.toEqual(refusal(refused));
        });
        continue;
      }
      const why = DIFFERENT[name];
      test(why === undefined ? name : `${name} differs: ${why}`, async () => {
        const [native, npm] = await both([path]);
        // The package has microseconds only.
        const same = npm.records.equals(withoutNanoseconds(native.records));
        expect(same).toBe(why === undefined);
      });
    }
  });
});

function withoutNanoseconds(records: Buffer): Buffer {
  const copy = Buffer.from(records);
  for (let at = P_META * 4; at < copy.length; at += PACKET_BYTES) {
    copy.writeUInt32LE(copy.readUInt32LE(at) & ((1 << P_META_NANOS_SHIFT) - 1), at);
  }
  return copy;
}

test('the npm package cap reads interfaces only', async () => {
  await expect(openPacketSource({ files: ['x.pcap'], source: 'cap' })).rejects.toEqual(refusal('interfaces only'));
});
