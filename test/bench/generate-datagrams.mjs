#!/usr/bin/env node
// @ts-check
/**
 * Writes a pcap of the datagrams of an exporter: `node test/bench/generate-datagrams.mjs FLOWS 5|9|10 OUT [SEED]`.
 *
 * Flows over ten minutes; 20 fields a record in v9 and IPFIX (the ones v5 has, and direction and end reason), datagrams
 * of at most 1436 octets, every tenth of IPv6 flows (not in v5), templates every 64 datagrams. Addresses, ports and counters
 * are skewed as those of a provider's edge: a few hosts and services have most flows, few flows have most octets.
 */
import { fileURLToPath } from 'node:url';
import { Random } from '../../pcaps/random.mjs';
import { Output, writePcapHeader } from './output.mjs';

/** The start of a slot. */
export const START_MS = 1_700_000_400_000;
const SPREAD_MS = 600_000;
/** The exporter booted an hour before its first flow. */
const BOOT_MS = START_MS - 3_600_000;
const LARGEST = 1436;
const TEMPLATE_EVERY = 64;
const V4_TEMPLATE = 256;
const V6_TEMPLATE = 257;

/** [IPFIX element, octets] by field; v9 differs in its times alone. */
const COMMON = /** @type {const} */ ([
  [1, 8],
  [2, 8],
  [8, 4],
  [12, 4],
  [15, 4],
  [10, 4],
  [14, 4],
  [16, 4],
  [17, 4],
  [7, 2],
  [11, 2],
  [4, 1],
  [5, 1],
  [6, 1],
  [9, 1],
  [13, 1],
  [61, 1],
  [136, 1],
]);
/** IPv6 twins of the elements above. */
const TWIN = new Map([
  [8, 27],
  [12, 28],
  [15, 62],
  [9, 29],
  [13, 30],
]);

/** Draws one flow after another into its own fields. */
class FlowDraw {
  /** @param {Random} random */
  constructor(random) {
    this.random = random;
    this.firstMs = 0;
    this.lastMs = 0;
    this.octets = 0;
    this.packets = 0;
    this.src = 0;
    this.dst = 0;
    this.sport = 0;
    this.dport = 0;
    this.proto = 0;
    this.tos = 0;
    this.flags = 0;
    this.reason = 0;
    this.inIf = 0;
    this.outIf = 0;
  }

  /** @param {number} endMs when the flow ends */
  next(endMs) {
    const { random } = this;
    const bits = random.next();
    const outward = bits & 1;
    const isTcp = ((bits >>> 1) & 3) !== 0;
    const host = random.heavyTailed(1, 65_000);
    const other = random.heavyTailed(1, 1_000_000);
    this.src = outward ? host : other;
    this.dst = outward ? other : host;
    const service = SERVICES[(bits >>> 3) & 15] ?? 443;
    const client = 32_768 + ((bits >>> 7) & 0x7fff);
    this.sport = outward ? client : service;
    this.dport = outward ? service : client;
    this.proto = isTcp ? 6 : (bits & 0x7000000) === 0 ? 1 : 17;
    if (this.proto === 1) {
      this.sport = 0;
      this.dport = outward ? 2048 : 0;
    }
    this.packets = random.heavyTailed(1, 100_000);
    this.octets = this.packets * (40 + ((bits >>> 8) & 0x3ff));
    const duration = this.packets === 1 ? 0 : Math.min(299_000, this.packets * (1 + ((bits >>> 18) & 255)));
    this.lastMs = endMs;
    this.firstMs = endMs - duration;
    this.tos = (bits >>> 24) & 15 ? 0 : 0xb8;
    this.flags = isTcp ? (this.packets > 2 ? 0x1b : 0x02) : 0;
    this.reason = isTcp && this.packets > 2 ? 3 : 1;
    this.inIf = outward ? 1 : 2 + (bits >>> 30);
    this.outIf = outward ? 2 + (bits >>> 30) : 1;
  }
}

const SERVICES = [443, 443, 443, 443, 443, 443, 80, 80, 53, 53, 22, 25, 993, 123, 8080, 3389];

/**
 * Writes the records of one version into `bytes`.
 */
class Encoder {
  /**
   * @param {5 | 9 | 10} version
   * @param {Output} out
   */
  constructor(version, out) {
    this.version = version;
    this.out = out;
    this.sequence = 0;
    const times = version === 9 ? 8 : 16;
    const octets = (/** @type {boolean} */ v6) =>
      times +
      COMMON.reduce(
        (sum, [element, length]) => sum + (v6 && element !== 9 && element !== 13 && TWIN.has(element) ? 16 : length),
        0,
      );
    this.recordOctets = { v4: version === 5 ? 48 : octets(false), v6: octets(true) };
    this.headerOctets = version === 5 ? 24 : version === 9 ? 20 : 16;
  }

  /** Both templates as one set, at `o`; returns where it ends. @param {number} o */
  templates(o) {
    const { view } = this.out;
    const start = o;
    view.setUint16(o, this.version === 9 ? 0 : 2);
    o += 4;
    for (const v6 of [false, true]) {
      view.setUint16(o, v6 ? V6_TEMPLATE : V4_TEMPLATE);
      view.setUint16(o + 2, COMMON.length + 2);
      o += 4;
      const times =
        this.version === 9
          ? [
              [22, 4],
              [21, 4],
            ]
          : [
              [152, 8],
              [153, 8],
            ];
      for (const [element = 0, length = 0] of [...times, ...COMMON]) {
        const twin = v6 ? TWIN.get(element) : undefined;
        view.setUint16(o, twin ?? element);
        view.setUint16(o + 2, twin !== undefined && length === 4 ? 16 : length);
        o += 4;
      }
    }
    view.setUint16(start + 2, o - start);
    return o;
  }

  /** @param {FlowDraw} f @param {number} o */
  record5(f, o) {
    const { view } = this.out;
    view.setUint32(o, 0x0a00_0000 + f.src);
    view.setUint32(o + 4, 0xc600_0000 + f.dst);
    view.setUint32(o + 8, 0xc000_0201);
    view.setUint16(o + 12, f.inIf);
    view.setUint16(o + 14, f.outIf);
    view.setUint32(o + 16, f.packets);
    view.setUint32(o + 20, f.octets);
    view.setUint32(o + 24, f.firstMs - BOOT_MS);
    view.setUint32(o + 28, f.lastMs - BOOT_MS);
    view.setUint16(o + 32, f.sport);
    view.setUint16(o + 34, f.dport);
    view.setUint16(o + 36, f.flags);
    view.setUint16(o + 38, f.proto * 256 + f.tos);
    view.setUint16(o + 40, 64_500);
    view.setUint16(o + 42, 64_500 + (f.dst & 63));
    view.setUint32(o + 44, 0x1810_0000);
    return o + 48;
  }

  /** @param {FlowDraw} f @param {number} o @param {boolean} v6 */
  record(f, o, v6) {
    const { view } = this.out;
    if (this.version === 9) {
      view.setUint32(o, f.firstMs - BOOT_MS);
      view.setUint32(o + 4, f.lastMs - BOOT_MS);
      o += 8;
    } else {
      for (const ms of [f.firstMs, f.lastMs]) {
        view.setUint32(o, Math.floor(ms / 0x1_0000_0000));
        view.setUint32(o + 4, ms >>> 0);
        o += 8;
      }
    }
    view.setUint32(o, 0);
    view.setUint32(o + 4, f.octets);
    view.setUint32(o + 8, 0);
    view.setUint32(o + 12, f.packets);
    o += 16;
    if (v6) {
      for (const [net, host] of [
        [0x0001_0000, f.src],
        [0x0002_0000, f.dst],
        [0x0003_0000, 1],
      ]) {
        view.setUint32(o, 0x2001_0db8);
        view.setUint32(o + 4, /** @type {number} */ (net));
        view.setUint32(o + 8, 0);
        view.setUint32(o + 12, /** @type {number} */ (host));
        o += 16;
      }
    } else {
      view.setUint32(o, 0x0a00_0000 + f.src);
      view.setUint32(o + 4, 0xc600_0000 + f.dst);
      view.setUint32(o + 8, 0xc000_0201);
      o += 12;
    }
    view.setUint32(o, f.inIf);
    view.setUint32(o + 4, f.outIf);
    view.setUint32(o + 8, 64_500);
    view.setUint32(o + 12, 64_500 + (f.dst & 63));
    view.setUint16(o + 16, f.sport);
    view.setUint16(o + 18, f.dport);
    view.setUint8(o + 20, f.proto);
    view.setUint8(o + 21, f.tos);
    view.setUint8(o + 22, f.flags);
    view.setUint8(o + 23, v6 ? 48 : 24);
    view.setUint8(o + 24, v6 ? 32 : 16);
    view.setUint8(o + 25, f.inIf === 1 ? 1 : 0);
    view.setUint8(o + 26, f.reason);
    return o + 27;
  }

  /**
   * The header of the datagram at `o`.
   * @param {number} o
   * @param {number} nowMs
   * @param {{flows: number, templates: number, octets: number}} content
   */
  header(o, nowMs, { flows, templates, octets }) {
    const { view } = this.out;
    const sec = Math.floor(nowMs / 1000);
    view.setUint16(o, this.version);
    if (this.version === 10) {
      view.setUint16(o + 2, octets);
      view.setUint32(o + 4, sec);
      view.setUint32(o + 8, this.sequence);
      view.setUint32(o + 12, 1);
      this.sequence += flows;
      return;
    }
    view.setUint16(o + 2, flows + templates);
    // v9 has whole seconds, so the uptime is that of the start of the second; v5 tells the nanoseconds.
    view.setUint32(o + 4, (this.version === 9 ? sec * 1000 : nowMs) - BOOT_MS);
    view.setUint32(o + 8, sec);
    if (this.version === 9) {
      view.setUint32(o + 12, this.sequence);
      view.setUint32(o + 16, 1);
      this.sequence += 1;
    } else {
      view.setUint32(o + 12, (nowMs % 1000) * 1_000_000);
      view.setUint32(o + 16, this.sequence);
      view.setUint32(o + 20, 0);
      this.sequence += flows;
    }
  }
}

/**
 * @param {number} flows
 * @param {5 | 9 | 10} version
 * @param {string} path
 * @param {number} [seed]
 * @param {{startMs: number, spreadMs: number}} [time] when the first datagram is sent, and within how long all of them
 * @returns {{octets: number, datagrams: number}}
 */
export function generateDatagrams(flows, version, path, seed = 1, time = { startMs: START_MS, spreadMs: SPREAD_MS }) {
  const out = new Output(path, Math.min(16 * 1024 * 1024, 65_536 + flows * 100));
  writePcapHeader(out);
  const encoder = new Encoder(version, out);
  const draw = new FlowDraw(new Random(seed));
  let datagrams = 0;
  for (let done = 0; done < flows; datagrams++) {
    out.reserve(LARGEST + 58);
    const nowMs = time.startMs + Math.floor((done / flows) * time.spreadMs);
    // Ends lie before the uptime of the header, which in v9 is that of a whole second: collectors take others for a wrap.
    const secondMs = nowMs - (nowMs % 1000);
    const frame = out.used + 16;
    const start = frame + 42;
    const v6 = version !== 5 && datagrams % 10 === 9;
    let o = start + encoder.headerOctets;
    let templates = 0;
    if (version !== 5 && datagrams % TEMPLATE_EVERY === 0) {
      o = encoder.templates(o);
      templates = 2;
    }
    const set = o;
    if (version !== 5) o += 4;
    const size = v6 ? encoder.recordOctets.v6 : encoder.recordOctets.v4;
    // Three octets stay free for the padding of the set.
    const room = version === 5 ? 30 : Math.floor((start + LARGEST - 3 - o) / size);
    const count = Math.min(room, flows - done);
    for (let i = 0; i < count; i++) {
      draw.next(secondMs - ((i * 37) % 1000));
      o = version === 5 ? encoder.record5(draw, o) : encoder.record(draw, o, v6);
    }
    if (version !== 5) {
      while ((o - set) % 4 !== 0) out.view.setUint8(o++, 0);
      out.view.setUint16(set, v6 ? V6_TEMPLATE : V4_TEMPLATE);
      out.view.setUint16(set + 2, o - set);
    }
    encoder.header(start, nowMs, { flows: count, templates, octets: o - start });
    writeFrame(out, frame, o - start, nowMs);
    out.used = o;
    done += count;
  }
  return { octets: out.close(), datagrams };
}

/**
 * Packet record, Ethernet, IPv4 and UDP headers in front of a payload that stands at `frame` + 42.
 * @param {Output} out
 * @param {number} frame
 * @param {number} payload octets
 * @param {number} nowMs
 */
function writeFrame(out, frame, payload, nowMs) {
  const { view } = out;
  view.setUint32(frame - 16, Math.floor(nowMs / 1000), true);
  view.setUint32(frame - 12, (nowMs % 1000) * 1000, true);
  view.setUint32(frame - 8, payload + 42, true);
  view.setUint32(frame - 4, payload + 42, true);
  const header = [
    0x0200,
    0,
    2,
    0x0200,
    0,
    1,
    0x0800,
    0x4500,
    payload + 28,
    0,
    0,
    0x4011,
    0,
    0xc000,
    0x0201,
    0xc000,
    0x02fe,
  ];
  let sum = 0;
  for (let i = 7; i < 17; i++) sum += /** @type {number} */ (header[i]);
  sum = (sum & 0xffff) + (sum >>> 16);
  header[12] = ~((sum & 0xffff) + (sum >>> 16)) & 0xffff;
  for (const [i, word] of [...header, 20_000, 9995, payload + 8, 0].entries()) view.setUint16(frame + i * 2, word);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [flows = '', version = '', path, seed = '1'] = process.argv.slice(2);
  if (path === undefined || !['5', '9', '10'].includes(version)) {
    console.error('usage: generate-datagrams.mjs FLOWS 5|9|10 OUT [SEED]');
    process.exit(2);
  }
  const { octets, datagrams } = generateDatagrams(
    Number(flows),
    /** @type {5 | 9 | 10} */ (Number(version)),
    path,
    Number(seed),
  );
  console.log(`${path}: ${flows} flows, ${datagrams} datagrams, ${octets} octets`);
}
