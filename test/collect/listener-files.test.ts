import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { D_LENGTH, D_LOCAL_PORT, D_OFFSET, DATAGRAM_META_WORDS } from '../../src/addon/datagram-layout.ts';
import { DatagramReader } from '../../src/collect/listener.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { tempDir } from '../support/process.ts';

const CAPTURES = new URL('../../../shared/data/flows/', import.meta.url).pathname;
const EXPECTED = join(CAPTURES, 'expected.json');

const folder = tempDir('listener');

interface Outcome {
  payloads: { port: number; payload: Buffer }[];
  failure: string | null;
  stats: ReturnType<DatagramReader['stats']>;
}

async function readFiles(files: string[], ports: number[] = []): Promise<Outcome> {
  const reader = new DatagramReader({ files, ports });
  const payloads: Outcome['payloads'] = [];
  for (;;) {
    const slot = reader.tryRead() ?? (await reader.read());
    if (slot === undefined) break;
    const { bytes, words } = reader.slots[slot]!;
    for (let i = 0; i < reader.count(slot); i++) {
      const at = i * DATAGRAM_META_WORDS;
      const offset = words[at + D_OFFSET]!;
      const payload = Buffer.from(bytes.subarray(offset, offset + words[at + D_LENGTH]!));
      payloads.push({ port: words[at + D_LOCAL_PORT]!, payload });
    }
    reader.release(slot);
  }
  return { payloads, failure: reader.failure(), stats: reader.stats() };
}

/** Whether a payload begins as NetFlow v5, v9, IPFIX or sFlow does: other traffic in the captures does not count. */
function isFlowExport(payload: Buffer): boolean {
  if (payload.length < 8) return false;
  const version = payload.readUInt16BE(0);
  return version === 5 || version === 9 || version === 10 || payload.readUInt32BE(0) === 5;
}

/** An Ethernet frame with an IPv4 UDP datagram from port 50000. */
function frame(port: number, payload: string): Buffer {
  const data = Buffer.from(payload);
  const bytes = Buffer.alloc(42 + data.length);
  bytes.writeUInt16BE(0x0800, 12);
  bytes[14] = 0x45;
  bytes.writeUInt16BE(28 + data.length, 16);
  bytes[23] = 17;
  bytes.writeUInt16BE(50_000, 34);
  bytes.writeUInt16BE(port, 36);
  bytes.writeUInt16BE(8 + data.length, 38);
  data.copy(bytes, 42);
  return bytes;
}

function pcap(name: string, frames: Buffer[], cutBytes = 0): string {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  const records = frames.map((bytes, i) => {
    const record = Buffer.alloc(16);
    record.writeUInt32LE(i, 0);
    record.writeUInt32LE(bytes.length, 8);
    record.writeUInt32LE(bytes.length, 12);
    return Buffer.concat([record, bytes]);
  });
  const all = Buffer.concat([header, ...records]);
  const path = join(folder, name);
  writeFileSync(path, all.subarray(0, all.length - cutBytes));
  return path;
}

describe('DatagramReader on capture files', () => {
  it('reads file after file, keeping the ports asked for', async () => {
    const first = pcap('first.pcap', [frame(2055, 'a'), frame(9995, 'b')]);
    const second = pcap('second.pcap', [frame(9995, 'c')]);
    const all = await readFiles([first, second]);
    expect(all.payloads.map(({ port, payload }) => `${port}${payload}`)).toEqual(['2055a', '9995b', '9995c']);
    expect(all.failure).toBeNull();
    expect(all.stats).toMatchObject({ datagrams: 3, bytes: 3, skippedPackets: 0, kernelDropped: 0 });
    expect(all.stats.bytesRead).toBe(all.stats.bytesTotal);
    const some = await readFiles([first, second], [9995]);
    expect(some.payloads.map(({ payload }) => payload.toString())).toEqual(['b', 'c']);
    expect(some.stats.skippedPackets).toBe(1);
  });

  it('gives what is whole in a cut file, and all of the next', async () => {
    const cut = pcap('cut.pcap', [frame(9995, 'a'), frame(9995, 'b')], 3);
    const whole = pcap('whole.pcap', [frame(9995, 'c')]);
    const outcome = await readFiles([cut, whole]);
    expect(outcome.payloads.map(({ payload }) => payload.toString())).toEqual(['a', 'c']);
    expect(outcome.failure).toContain(cut);
    expect(outcome.failure).toContain('cut');
  });

  it('stops early', async () => {
    const path = pcap(
      'long.pcap',
      Array.from({ length: 5000 }, () => frame(9995, 'x'.repeat(1400))),
    );
    const reader = new DatagramReader({ files: [path], slotBytes: 131_072, slotCount: 2 });
    let datagrams = 0;
    for (;;) {
      const slot = reader.tryRead() ?? (await reader.read());
      if (slot === undefined) break;
      datagrams += reader.count(slot);
      reader.release(slot);
      reader.stop();
    }
    expect(datagrams).toBeGreaterThan(0);
    expect(datagrams).toBeLessThan(5000);
    expect(reader.stats().datagrams).toBe(datagrams);
  });

  it('says at once what is no capture', () => {
    const nonsense = join(folder, 'nonsense');
    writeFileSync(nonsense, 'nothing to see here');
    for (const path of [nonsense, join(folder, 'absent.pcap'), folder]) {
      expect(() => new DatagramReader({ files: [path] })).toThrow(UserError);
      expect(() => new DatagramReader({ files: [path] })).toThrow(path);
    }
  });
});

describe.skipIf(!existsSync(EXPECTED))('datagrams of real exporters (shared/data/flows)', () => {
  const { captures } = existsSync(EXPECTED)
    ? (JSON.parse(readFileSync(EXPECTED, 'utf8')) as { captures: Record<string, { file: string; datagrams: number }> })
    : { captures: {} };

  it.each(Object.entries(captures))('%s', async (_, { file, datagrams }) => {
    const outcome = await readFiles([join(CAPTURES, file)]);
    expect(outcome.failure).toBeNull();
    expect(outcome.payloads.filter(({ payload }) => isFlowExport(payload)).length).toBe(datagrams);
  });
});
