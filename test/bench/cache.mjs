/**
 * Packets per second of the flow cache, on made-up packets: flows of heavy-tailed length, interleaved, with the packet
 * records made outside of the timed part. Needs `npm run build:native`, and is built with weir:
 *
 *   node scripts/build.mjs test/bench/cache.mjs
 *   node dist/cli/cache.js [packets=10000000] [flows=1400000]   as in docs/decisions/0041, three times
 *   node dist/cli/cache.js concurrent                           random packets over 10 k ... 2 M flows at once
 *   node dist/cli/cache.js flood                                every packet a flow of its own, the table full
 *
 * WEIR_BENCH_SMALL_PAGES=1 takes memory from Node.js instead of huge pages.
 *
 * On a machine that others use too, the rate by CPU time is the one to compare.
 */
import { spawnSync } from 'node:child_process';
import { addon } from '../../src/addon/addon.ts';
import { PACKET_BYTES, PACKET_WORDS } from '../../src/addon/packet-layout.ts';
import { FlowCache } from '../../src/cache/flow-cache.ts';
import { warmUp } from '../../src/cache/warm-up.ts';
import { FlowBatchPool } from '../../src/flow/batch.ts';

const SLOT_PACKETS = 4096;
/** Slots filled at once before each timed stretch: larger than any cache, as packets in a file are. */
const SLOTS = 64;

/** xorshift32: fast, seeded, good enough to spread packets. */
function random(seed) {
  let state = seed;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

function mixed(word) {
  let hash = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Writes a packet of flow `flow` to slot `i`; each flow has its own addresses and ports, one in ten is IPv6. */
function put(words, times, i, flow, timeUs, flags) {
  const p = i * PACKET_WORDS;
  const id = mixed(flow);
  const isV6 = flow % 10 === 0;
  words[p] = isV6 ? 0xb80d0120 : 0;
  words[p + 1] = isV6 ? id : 0;
  words[p + 2] = isV6 ? flow : 0xffff0000;
  words[p + 3] = id;
  words[p + 4] = isV6 ? 0xb80d0120 : 0;
  words[p + 5] = 0;
  words[p + 6] = isV6 ? 0 : 0xffff0000;
  words[p + 7] = flow;
  words[p + 8] = id ^ flow;
  words[p + 9] = 6 | (flags << 16);
  words[p + 10] = 2;
  words[p + 11] = 40 + (id & 1023);
  words[p + 12] = mixed(id + flow);
  words[p + 13] = isV6 ? 6 : 4;
  times[i * 8 + 7] = timeUs;
}

/** As many flows as asked for, each with a heavy-tailed number of packets, `concurrent` of them at a time. */
function heavyTail(packets, flows, concurrent, seconds) {
  const next = random(0x1234567);
  const flowOf = new Uint32Array(concurrent);
  const left = new Uint32Array(concurrent);
  let opened = 0;
  const meanOfRest = packets / flows;
  const lengthOf = () => {
    // Pareto with exponent 1.2, cut; scaled to the mean that is wanted.
    const u = (next() + 1) / 4294967297;
    return Math.max(1, Math.min(20_000, Math.round((meanOfRest / 3.4) * u ** (-1 / 1.2))));
  };
  const startUs = 1_700_000_000_000_000;
  let sent = 0;
  return {
    packets,
    next: (words, times, i) => {
      const at = next() % concurrent;
      let flags = 0x10;
      if (left[at] === 0) {
        flowOf[at] = opened++;
        left[at] = lengthOf();
        flags = 0x02;
      }
      left[at]--;
      if (left[at] === 0 && flags === 0x10) flags = 0x11;
      put(words, times, i, flowOf[at], startUs + Math.floor((sent / packets) * seconds * 1e6), flags);
      sent++;
    },
  };
}

/** Spoofed sources: no packet belongs to the flow of another. */
function flood(packets) {
  let sent = 0;
  return {
    packets,
    next: (words, times, i) => {
      put(words, times, i, sent, 1_700_000_000_000_000 + sent, 0x02);
      sent++;
    },
  };
}

/** Packets over a fixed set of flows at random: the worst case for memory. */
function uniform(packets, flows) {
  const next = random(0x7654321);
  let sent = 0;
  return {
    packets,
    next: (words, times, i) => {
      const flow = sent < flows ? sent : next() % flows;
      put(words, times, i, flow, 1_700_000_000_000_000 + sent, 0x10);
      sent++;
    },
  };
}

const allocate = process.env.WEIR_BENCH_SMALL_PAGES
  ? (bytes) => new Uint8Array(bytes)
  : (bytes) => addon().allocateHuge(bytes);

function measure(load, warmUpPackets, maxFlows = 4_000_000) {
  const pool = new FlowBatchPool();
  let records = 0;
  const cache = new FlowCache({
    activeMs: 1_800_000,
    inactiveMs: 15_000,
    maxFlows,
    acquire: () => pool.acquire(),
    allocate,
    sink: (batch) => {
      records += batch.rows;
      pool.release(batch);
    },
  });
  warmUp(cache);
  const memory = addon().allocateHuge(SLOTS * SLOT_PACKETS * PACKET_BYTES);
  const slots = Array.from({ length: SLOTS }, (_, slot) => {
    const offset = memory.byteOffset + slot * SLOT_PACKETS * PACKET_BYTES;
    return {
      words: new Uint32Array(memory.buffer, offset, SLOT_PACKETS * PACKET_WORDS),
      times: new Float64Array(memory.buffer, offset, SLOT_PACKETS * 8),
    };
  });
  let timed = 0;
  let elapsed = 0;
  let cpuMs = 0;
  for (let done = 0; done < load.packets; ) {
    const warm = done >= warmUpPackets;
    const counts = [];
    for (const { words, times } of slots) {
      const count = Math.min(SLOT_PACKETS, load.packets - done);
      for (let i = 0; i < count; i++) load.next(words, times, i);
      done += count;
      counts.push(count);
    }
    const start = performance.now();
    const cpuStart = process.cpuUsage();
    for (let slot = 0; slot < SLOTS; slot++) {
      cache.addPackets(slots[slot].words, slots[slot].times, counts[slot]);
    }
    if (warm) {
      elapsed += performance.now() - start;
      const cpu = process.cpuUsage(cpuStart);
      cpuMs += (cpu.user + cpu.system) / 1000;
      timed += counts.reduce((a, b) => a + b, 0);
    }
  }
  const { peak, maxProbe, created } = cache.stats();
  const start = performance.now();
  cache.flush();
  const flushMs = performance.now() - start;
  const rate = (ms) => `${(timed / ms / 1000).toFixed(2)} M packets/s`;
  return [
    `${timed} packets, ${created} flows, at most ${peak} at once: ${rate(elapsed)}, by CPU time ${rate(cpuMs)}`,
    `with the flush (${flushMs.toFixed(0)} ms) ${rate(elapsed + flushMs)}; ${records} records, longest probe ${maxProbe}`,
  ].join('; ');
}

const LOADS = {
  concurrent: (flows) => measure(uniform(flows + 6_000_000, flows), flows),
  flood: () => measure(flood(6_000_000), 1_500_000, 1_000_000),
  tail: (packets, flows) => measure(heavyTail(packets, flows, 100_000, 60), 0),
};

/** Each in a process of its own: V8 compiles for the one cache that a running weir has (docs/decisions/0284). */
function show(name, ...numbers) {
  spawnSync(process.execPath, [process.argv[1], 'one', name, ...numbers.map(String)], { stdio: 'inherit' });
}

const [how = '10000000', ...more] = process.argv.slice(2);
if (how === 'one') {
  const [name, ...numbers] = more;
  console.log(LOADS[name](...numbers.map(Number)));
} else if (how === 'concurrent') {
  for (const flows of [10_000, 30_000, 100_000, 300_000, 1_000_000, 2_000_000]) show('concurrent', flows);
} else {
  for (let turn = 0; turn < 3; turn++) {
    if (how === 'flood') show('flood');
    else show('tail', how, more[0] ?? 1_400_000);
  }
}
