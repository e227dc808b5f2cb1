import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import { PACKET_BYTES } from '../../src/addon/packet-layout.ts';
import { HEAD_RUNS, RUN_REST_FLAGS, RUN_REST_MASK, RUN_WORDS } from '../../src/addon/packet-run-layout.ts';
import { openPacketSource } from '../../src/capture/open.ts';
import { tempDir } from '../support/process.ts';
import { pcapFile, udpFrame } from './pcap-file.ts';

const bytesOf = ({ buffer, byteOffset, byteLength }: Uint32Array) => new Uint8Array(buffer, byteOffset, byteLength);

/** All records of a capture; those of packets in runs are made again, and how many packets each slot had and had records of. */
async function records(file: string, slotPackets: number, runs: boolean) {
  const source = await openPacketSource({ files: [file], slotPackets, runs, hashSeed: [1, 2] });
  const parts: Buffer[] = [];
  const slots: { packets: number; runs: number }[] = [];
  for (let slot = await source.read(); slot !== undefined; slot = await source.read()) {
    const count = slot.runs?.[HEAD_RUNS] ?? 0;
    slots.push({ packets: slot.count, runs: count });
    if (count > 0) {
      const rests = Array.from({ length: count }, (_, i) => slot.runs![(i + 1) * RUN_WORDS + RUN_REST_FLAGS]!);
      expect(rests.reduce((sum, rest) => sum + 1 + (rest & RUN_REST_MASK), 0)).toBe(slot.count);
      addon().unfoldPackets(slot.bytes, bytesOf(slot.runs!), slot.count);
      expect(slot.runs![HEAD_RUNS]).toBe(0);
    }
    parts.push(Buffer.from(slot.bytes.subarray(0, slot.count * PACKET_BYTES)));
    source.release(slot);
  }
  expect(source.failure()).toBeNull();
  return { all: Buffer.concat(parts), slots };
}

describe('packets in runs', () => {
  const shipped = (name: string) => join(import.meta.dirname, '../../pcaps', name);

  test.each(['demo.pcap', 'protocols.pcap', 'nanoseconds.pcap', 'fragments.pcap', 'two-interfaces.pcapng'])(
    'of %s are the packets',
    async (name) => {
      const plain = await records(shipped(name), 4096, false);
      for (const slotPackets of [1, 7, 8, 9, 300, 32_768]) {
        const joined = await records(shipped(name), slotPackets, true);
        expect(joined.all.equals(plain.all)).toBe(true);
        for (const { packets } of joined.slots.slice(0, -1)) expect(packets).toBe(slotPackets);
      }
    },
  );

  test('have fewer records', async () => {
    const { slots } = await records(shipped('demo.pcap'), 32_768, true);
    const [slot] = slots;
    expect(slot!.runs).toBeGreaterThan(0);
    expect(slot!.runs).toBeLessThan(slot!.packets);
  });

  test('are none in a slot whose times step back, and are again in the next one', async () => {
    const frames = Array.from({ length: 300 }, (_, n) => udpFrame(n % 10));
    const capture = pcapFile(frames);
    const record = 16 + frames[0]!.length;
    // Packet 150 comes a second too early.
    capture.writeUInt32LE(1_699_999_999, 24 + 150 * record);
    const file = join(tempDir('runs'), 'back.pcap');
    writeFileSync(file, capture);
    const plain = await records(file, 100, false);
    const joined = await records(file, 100, true);
    expect(joined.slots).toEqual([
      { packets: 100, runs: 10 },
      { packets: 100, runs: 0 },
      { packets: 100, runs: 10 },
    ]);
    expect(joined.all.equals(plain.all)).toBe(true);
  });
});
