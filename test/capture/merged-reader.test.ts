import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MergedReader } from '../../src/capture/merged-reader.ts';
import { openPacketSource } from '../../src/capture/open.ts';
import { tempDir } from '../support/process.ts';
import { readAll } from './helpers.ts';
import { arpFrame, pcapFile, udpFrame } from './pcap-file.ts';

async function merged(counts: number[], slotPackets: number) {
  const directory = tempDir('merged');
  const readers = counts.map((count, i) => {
    const path = join(directory, `${i}.pcap`);
    const frames = Array.from({ length: count }, (_, n) => udpFrame(n));
    writeFileSync(path, pcapFile([...frames, arpFrame()]));
    return openPacketSource({ files: [path], inputIndex: i + 1, slotPackets, slotCount: 2 });
  });
  return new MergedReader(await Promise.all(readers));
}

it.each([[[1000, 3, 700]], [[0, 0]], [[5]]])('reads every packet of all, each in its order (%j)', async (counts) => {
  const reader = await merged(counts, 16);
  const { packets, stats, failure } = await readAll(reader);
  expect(failure).toBe(null);
  counts.forEach((count, i) => {
    const ports = packets.filter((packet) => packet.input === i + 1).map((packet) => packet.srcPort);
    expect(ports).toEqual(Array.from({ length: count }, (_, n) => 1024 + n));
  });
  const sum = counts.reduce((a, b) => a + b, 0);
  expect(stats).toMatchObject({ packets: sum + counts.length, metered: sum, notIp: counts.length });
  expect(stats.notIpTypes).toEqual([{ etherType: 0x0806, packets: counts.length }]);
});

it('tryRead serves them in turn', async () => {
  const reader = await merged([200, 200], 16);
  const inputs = new Set<number>();
  let slots = 0;
  for (;;) {
    const slot = reader.tryRead() ?? (await reader.read());
    if (slot === undefined) break;
    if (slots++ < 4 && slot.count > 0) inputs.add(slot.words[10]!);
    reader.release(slot);
  }
  expect(inputs).toEqual(new Set([1, 2]));
});

it('stops all of them', async () => {
  const reader = await merged([100_000, 100_000], 16);
  const first = await reader.read();
  reader.stop();
  reader.release(first!);
  const { packets } = await readAll(reader);
  expect(packets.length).toBeLessThan(100_000);
});
