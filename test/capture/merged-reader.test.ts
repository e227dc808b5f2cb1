import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { PacketStats } from '../../src/addon/packet-source.ts';
import { MergedReader } from '../../src/capture/merged-reader.ts';
import { openPacketSource } from '../../src/capture/open.ts';
import type { PacketInput } from '../../src/capture/source.ts';
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

it('serves inputs that all have something in turn, whichever way it is asked', async () => {
  const reader = new MergedReader([readyInput(1, 4), readyInput(2, 4), readyInput(3, 1)]);
  const inputs: number[] = [];
  for (;;) {
    const slot = reader.tryRead() ?? (await reader.read());
    if (slot === undefined) break;
    inputs.push(slot.words[0]!);
  }
  // tryRead begins behind the first.
  expect(inputs).toEqual([2, 3, 1, 2, 1, 2, 1, 2, 1]);
});

/** An input that always has a slot ready until it has given `count`; its number stands in the first word of each. */
function readyInput(number: number, count: number): PacketInput {
  let left = count;
  const next = () => {
    if (left === 0) return undefined;
    left--;
    const bytes = new Uint8Array(8);
    const words = new Uint32Array(bytes.buffer);
    words[0] = number;
    return { index: left, count: 1, bytes, words, doubles: new Float64Array(bytes.buffer), extensions: undefined };
  };
  return {
    tryRead: next,
    read: async () => next(),
    release() {},
    stop() {},
    stats: () => ({}) as PacketStats,
    failure: () => null,
  };
}

it('stops all of them', async () => {
  const reader = await merged([100_000, 100_000], 16);
  const first = await reader.read();
  reader.stop();
  reader.release(first!);
  const { packets } = await readAll(reader);
  expect(packets.length).toBeLessThan(100_000);
});
