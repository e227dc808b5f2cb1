import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import {
  EXTENSION_BYTES,
  EXTENSION_WORDS,
  X_FINGERPRINT,
  X_SRC_MAC,
  X_VLANS,
} from '../../src/addon/packet-extension-layout.ts';
import { MergedReader } from '../../src/capture/merged-reader.ts';
import { openPacketSource } from '../../src/capture/open.ts';
import { tempDir } from '../support/process.ts';
import { havePcapPackage, readAll } from './helpers.ts';
import { arpFrame, pcapFile, udpFrame } from './pcap-file.ts';

/** Frames of which every tenth is no IP, with a source address and a VLAN of their number. */
function taggedFrames(count: number): Buffer[] {
  return Array.from({ length: count }, (_, n) => {
    if (n % 10 === 9) return arpFrame();
    const frame = udpFrame(n);
    frame.writeUInt32BE(n, 8);
    const tag = Buffer.from([0x81, 0, 0, 0]);
    tag.writeUInt16BE((n % 4094) + 1, 2);
    return Buffer.concat([frame.subarray(0, 12), tag, frame.subarray(12)]);
  });
}

function capture(name: string, count: number): string {
  const path = join(tempDir('extensions'), name);
  writeFileSync(path, pcapFile(taggedFrames(count)));
  return path;
}

const wordsOf = (extensions: Buffer) => new Uint32Array(Uint8Array.from(extensions).buffer);

test('every packet has its own beside its record, through small slots', async () => {
  const path = capture('small.pcap', 1000);
  const options = { files: [path], slotPackets: 7, slotCount: 2, hashSeed: [1, 2] as [number, number] };
  const plain = await readAll(await openPacketSource(options));
  const extended = await readAll(await openPacketSource({ ...options, extended: true }));
  expect(plain.extensions.length).toBe(0);
  expect(extended.records.equals(plain.records)).toBe(true);
  const words = wordsOf(extended.extensions);
  expect(words.length).toBe(900 * EXTENSION_WORDS);
  const fingerprints = new Set<string>();
  extended.packets.forEach((packet, i) => {
    const n = packet.srcPort - 1024;
    const at = i * EXTENSION_WORDS;
    expect([words[at + X_VLANS], words[at + X_SRC_MAC]]).toEqual([n + 1, n]);
    fingerprints.add(`${words[at + X_FINGERPRINT]} ${words[at + X_FINGERPRINT + 1]}`);
  });
  expect(fingerprints.size).toBe(900);
});

test('several readers as one hand them on', async () => {
  const paths = [capture('a.pcap', 300), capture('b.pcap', 50)];
  const readers = await Promise.all(
    paths.map((path, i) => openPacketSource({ files: [path], slotPackets: 16, extended: true, inputIndex: i + 1 })),
  );
  const { packets, extensions } = await readAll(new MergedReader(readers));
  const words = wordsOf(extensions);
  expect(packets.length).toBe(270 + 45);
  packets.forEach((packet, i) => {
    expect(words[i * EXTENSION_WORDS + X_SRC_MAC]).toBe(packet.srcPort - 1024);
  });
});

test.skipIf(!havePcapPackage)('the npm package pcap gives the same (skipped where it is not installed)', async () => {
  const options = {
    files: [capture('npm.pcap', 40_000)],
    extended: true,
    slotPackets: 1000,
    hashSeed: [3, 4] as [number, number],
  };
  const native = await readAll(await openPacketSource(options));
  const npm = await readAll(await openPacketSource({ ...options, source: 'pcap' }));
  expect(native.extensions.length).toBe(36_000 * EXTENSION_BYTES);
  expect(npm.extensions.equals(native.extensions)).toBe(true);
  expect(npm.records.equals(native.records)).toBe(true);
});

test('a frame decoder refuses memory that is too small', () => {
  const { FrameDecoder } = addon();
  const decoder = new FrameDecoder(1, {});
  const frame = udpFrame(1);
  const meta = Float64Array.of(0, frame.length, frame.length, 0);
  const out = new Uint8Array(64);
  expect(decoder.decode(frame, meta, 1, out, new Uint8Array(EXTENSION_BYTES))).toBe(1);
  expect(() => decoder.decode(frame, meta, 1, out, new Uint8Array(EXTENSION_BYTES - 1))).toThrow('too short');
});
