#!/usr/bin/env node
// @ts-check
/**
 * Writes N packets of real traffic for benchmarks: `node test/bench/copy-packets.mjs CAPTURE N OUT`.
 *
 * The packets are those of CAPTURE (a pcap file of Ethernet frames with microseconds, little-endian), as they are, in as
 * many copies as it takes, all at once: each copy has other hosts (of the addresses of IPv4 and IPv6 the last octets are
 * changed, the header checksum of IPv4 with them) and begins at another time within a quarter of the capture's length, so
 * that packets of many copies stand between two of a flow, as on a busy link, while bursts stay bursts.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Random } from '../../pcaps/random.mjs';
import { Output, writePcapHeader } from './output.mjs';

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
const ETHERNET = 14;

/**
 * @param {string} path
 * @returns {{bytes: Buffer, view: DataView, offsets: number[], us: number[]}} where each record starts, and its time since the first
 */
function readCapture(path) {
  const bytes = readFileSync(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (bytes.length < FILE_HEADER || view.getUint32(0, true) !== 0xa1b2c3d4 || view.getUint32(20, true) !== 1) {
    throw new Error(`${path}: not a little-endian pcap file of Ethernet frames with microseconds`);
  }
  const offsets = [];
  const us = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= bytes.length; ) {
    const next = at + RECORD_HEADER + view.getUint32(at + 8, true);
    if (next > bytes.length) break;
    offsets.push(at);
    us.push(view.getUint32(at, true) * 1e6 + view.getUint32(at + 4, true));
    at = next;
  }
  const start = us.reduce((least, time) => Math.min(least, time), Number.POSITIVE_INFINITY);
  return { bytes, view, offsets, us: us.map((time) => time - start) };
}

/**
 * Gives a frame the hosts of a copy; the first copy is as captured.
 * @param {DataView} view
 * @param {number} at of the Ethernet header
 * @param {number} length
 * @param {number} copy
 */
function changeHosts(view, at, length, copy) {
  const ip = at + ETHERNET;
  const type = view.getUint16(at + 12);
  if (type === 0x0800 && length >= ETHERNET + 20) {
    for (const address of [ip + 12, ip + 16]) view.setUint16(address + 2, view.getUint16(address + 2) ^ copy);
    const end = ip + (view.getUint8(ip) & 15) * 4;
    if (end > at + length) return;
    view.setUint16(ip + 10, 0);
    let sum = 0;
    for (let i = ip; i < end; i += 2) sum += view.getUint16(i);
    sum = (sum & 0xffff) + (sum >>> 16);
    view.setUint16(ip + 10, ~(sum + (sum >>> 16)) & 0xffff);
  } else if (type === 0x86dd && length >= ETHERNET + 40) {
    for (const address of [ip + 8, ip + 24]) view.setUint16(address + 14, view.getUint16(address + 14) ^ copy);
  }
}

/**
 * @param {string} capture
 * @param {number} packets the last copies are cut short where it is no multiple of the capture's
 * @param {string} path
 */
export function copyPackets(capture, packets, path) {
  const { bytes, view, offsets, us } = readCapture(capture);
  if (offsets.length === 0) throw new Error(`${capture}: no packets`);
  const copies = Math.ceil(packets / offsets.length);
  const spread = us.reduce((most, time) => Math.max(most, time), 0);
  if (copies > 0xffff) throw new Error(`${capture}: ${offsets.length} packets in ${copies} copies`);
  const random = new Random(1);
  const delays = Array.from({ length: copies }, () => random.below(spread / 4));
  const out = new Output(path);
  writePcapHeader(out);
  // Second by second: all copies at once would be gigabytes of indices.
  const order = offsets.map((_, i) => i).sort((a, b) => /** @type {number} */ (us[a]) - /** @type {number} */ (us[b]));
  const heads = new Int32Array(copies);
  let written = 0;
  for (let second = 0; written < packets; second++) {
    const due = [];
    for (let copy = 0; copy < copies; copy++) {
      let head = /** @type {number} */ (heads[copy]);
      for (; head < order.length; head++) {
        const time =
          /** @type {number} */ (us[/** @type {number} */ (order[head])]) + /** @type {number} */ (delays[copy]);
        if (time >= (second + 1) * 1e6) break;
        due.push({ time, copy, packet: /** @type {number} */ (order[head]) });
      }
      heads[copy] = head;
    }
    due.sort((a, b) => a.time - b.time || a.copy - b.copy);
    for (const { time, copy, packet } of due.slice(0, packets - written)) {
      const at = /** @type {number} */ (offsets[packet]);
      const length = view.getUint32(at + 8, true);
      out.reserve(RECORD_HEADER + length);
      bytes.copy(out.bytes, out.used, at, at + RECORD_HEADER + length);
      out.view.setUint32(out.used, 1_700_000_000 + Math.floor(time / 1e6), true);
      out.view.setUint32(out.used + 4, time % 1e6, true);
      changeHosts(out.view, out.used + RECORD_HEADER, length, copy);
      out.used += RECORD_HEADER + length;
    }
    written += due.length;
  }
  out.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [capture, packets, path] = process.argv.slice(2);
  if (capture === undefined || !(Number(packets) >= 1) || path === undefined) {
    console.error('usage: copy-packets.mjs CAPTURE PACKETS OUT');
    process.exit(2);
  }
  copyPackets(capture, Number(packets), path);
}
