#!/usr/bin/env node
// @ts-check
/**
 * Sends NetFlow v9 as one busy exporter would: `node test/bench/receive-sender.mjs PORT RATE SECONDS`, RATE in
 * datagrams/s. A datagram has 30 records of the 18 fields that v5 has, 1374 octets; every 64th has the template, too.
 * Prints what it sent as JSON.
 */
import { createRequire } from 'node:module';
import { Random } from '../../pcaps/random.mjs';

const [port = '', rate = '', seconds = ''] = process.argv.slice(2);
const RECORDS = 30;
const TEMPLATE_EVERY = 64;
/** Datagrams that are sent again and again, with a sequence and a clock that go on. */
const DIFFERENT = 4096;
const BLOCK_DATAGRAMS = 256;
const LARGEST = 1472;
const HEADER = { octets: 20, count: 2, uptime: 4, seconds: 8, sequence: 12 };
const UPTIME_MS = 3_600_000;
const TEMPLATE_ID = 256;
/** Element, octets. */
const FIELDS = /** @type {const} */ ([
  [8, 4],
  [12, 4],
  [15, 4],
  [10, 2],
  [14, 2],
  [2, 4],
  [1, 4],
  [22, 4],
  [21, 4],
  [7, 2],
  [11, 2],
  [6, 1],
  [4, 1],
  [5, 1],
  [16, 2],
  [17, 2],
  [9, 1],
  [13, 1],
]);
const RECORD_OCTETS = FIELDS.reduce((sum, [, octets]) => sum + octets, 0);

/**
 * A record of a flow: few hosts and services have most flows, few flows most octets.
 * @param {Random} random
 */
function drawFlow(random) {
  const draw = () => random.next() / 2 ** 32;
  const skewed = (/** @type {number} */ limit) => Math.floor(limit * draw() ** 3);
  const packets = 1 + Math.floor(1 / (draw() + 1e-4));
  const durationMs = skewed(60_000);
  const lastMs = UPTIME_MS - skewed(60_000);
  return [
    ...[0x0a000000 + skewed(65_536), 0xc6000000 + skewed(1 << 20), 0xc0000201],
    ...[1 + skewed(16), 1 + skewed(16), packets, packets * (40 + skewed(1460)), lastMs - durationMs, lastMs],
    ...[1024 + skewed(60_000), [443, 53, 80, 22, 25][skewed(5)] ?? 443, 0x1b, draw() < 0.8 ? 6 : 17, 0],
    ...[64_512 + skewed(64), 1 + skewed(60_000), 16, 24],
  ];
}

/**
 * @param {Random} random
 * @param {boolean} withTemplate
 */
function makeDatagram(random, withTemplate) {
  const bytes = Buffer.alloc(LARGEST);
  bytes.writeUInt16BE(9);
  bytes.writeUInt16BE(RECORDS + (withTemplate ? 1 : 0), HEADER.count);
  bytes.writeUInt32BE(UPTIME_MS, HEADER.uptime);
  let at = HEADER.octets;
  const words = (/** @type {number[]} */ ...values) => {
    for (const value of values) at = bytes.writeUInt16BE(value, at);
  };
  if (withTemplate) words(0, 8 + 4 * FIELDS.length, TEMPLATE_ID, FIELDS.length, ...FIELDS.flat());
  const padding = (4 - ((RECORDS * RECORD_OCTETS) % 4)) % 4;
  words(TEMPLATE_ID, 4 + RECORDS * RECORD_OCTETS + padding);
  for (let i = 0; i < RECORDS; i++) {
    const values = drawFlow(random);
    for (const [field, [, octets]] of FIELDS.entries()) at = bytes.writeUIntBE(values[field] ?? 0, at, octets);
  }
  return bytes.subarray(0, at + padding);
}

const random = new Random(1);
const payloads = Array.from({ length: DIFFERENT }, (_, i) => makeDatagram(random, i % TEMPLATE_EVERY === 0));
const { UdpSender } = createRequire(import.meta.url)('../../native/dist/index.cjs');
const sender = new UdpSender({ host: '127.0.0.1', port: Number(port), datagramsPerSecond: Number(rate) });
const total = Math.round(Number(rate) * Number(seconds));
const block = Buffer.alloc(BLOCK_DATAGRAMS * LARGEST);
const lengths = new Uint32Array(BLOCK_DATAGRAMS);
const begin = performance.now();
for (let sequence = 0; sequence < total; ) {
  let end = 0;
  let count = 0;
  const now = Math.floor(Date.now() / 1000);
  for (; count < BLOCK_DATAGRAMS && sequence < total; count++, sequence++) {
    const payload = /** @type {Buffer} */ (payloads[sequence % DIFFERENT]);
    payload.copy(block, end);
    block.writeUInt32BE(now, end + HEADER.seconds);
    block.writeUInt32BE(sequence >>> 0, end + HEADER.sequence);
    lengths[count] = payload.length;
    end += payload.length;
  }
  // Blocks while its queue is full, and that is what paces this loop.
  sender.send(block.subarray(0, end), lengths.subarray(0, count), count);
}
await sender.drain();
const elapsed = (performance.now() - begin) / 1000;
const { sent, failed } = sender.stats();
sender.close();
if (failed > 0) throw new Error(`${failed} datagrams could not be sent`);
console.log(JSON.stringify({ sent, records: sent * RECORDS, seconds: elapsed }));
