// @ts-check
/**
 * Sends the frames of a little-endian pcap out of an interface with the npm package `cap`:
 * `node inject-frames.mjs INTERFACE FILE`. A program of its own, because it runs in another network namespace.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const { Cap } = createRequire(import.meta.url)('cap');
const [device, file] = /** @type {[string, string]} */ (process.argv.slice(2));
const capture = readFileSync(file);
const cap = new Cap();
cap.open(device, '', 1 << 20, Buffer.alloc(65_536));
for (let at = 24; at < capture.length; ) {
  const length = capture.readUInt32LE(at + 8);
  cap.send(capture.subarray(at + 16, at + 16 + length), length);
  at += 16 + length;
}
cap.close();
