#!/usr/bin/env node
// @ts-check
/**
 * Who meters a live line without loss: weir, softflowd, pmacctd and nfpcapd on the same replay, one after the other. As root:
 *
 *   node test/bench/live.mjs [--packets N] [--rates PPS,...] [--only NAME,...] [--runs N] [--data DIR]
 *
 * A generated capture is sent over a virtual cable between two network namespaces, up to 400 000 packets/s by tcpreplay and beyond by
 * live-sender.rs; rate 0 is as fast as can be. For each meter and rate: what
 * arrived, what the meter says it has seen and dropped, what it does not tell of, which is to be 0, and its CPU time (the kernel's
 * share of receiving is the sender's). Peers are taken from the environment variables SOFTFLOWD, PMACCTD and NFPCAPD, else from PATH.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generatePackets } from './generate-packets.mjs';
import { arrived, buildLab, LiveMeter, METERED, pause, removeLab, replay, SINK } from './live-lab.mjs';
import { findPeer } from './measure.mjs';

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {string} command
 * @property {string[]} args
 * @property {() => void} [prepare] makes what it reads
 * @property {(meter: LiveMeter) => Promise<Counted>} end stops it and gives what it has counted
 */
/** @typedef {{ seen: number, dropped: number }} Counted */

const { values } = parseArgs({
  options: {
    packets: { type: 'string', default: '1000000' },
    rates: { type: 'string', default: '50000,100000,200000,400000,600000,800000,0' },
    only: { type: 'string', default: 'weir,softflowd,pmacctd,nfpcapd' },
    runs: { type: 'string', default: '1' },
    data: { type: 'string', default: join(tmpdir(), 'weir-bench') },
  },
});
const CLI = join(import.meta.dirname, '../../dist/cli/main.js');
const SCRATCH = join(values.data, 'live');
/** As many flows as are open at a time; softflowd's own limit would have it drop flows, not packets. */
const MANY_FLOWS = '1000000';

/** @param {string} text @param {RegExp} pattern */
function sum(text, pattern) {
  let total = 0;
  for (const [, number] of text.matchAll(pattern)) total += Number(number);
  return total;
}

/** @type {Record<string, () => Contender | undefined>} */
const contenders = {
  weir: () => ({
    name: 'weir',
    command: process.execPath,
    args: [CLI, 'export', '-i', METERED, '-n', `${SINK}:9995`],
    end: async (meter) => {
      await meter.stop('SIGINT');
      const counts = {
        seen: sum(meter.output, /(\d+) packets? read/g),
        dropped: sum(meter.output, / (\d+) packets dropped (?:by|because)/g),
      };
      // What is in flows must be what was read: the metered packets are counted where flows leave.
      const [, read, metered] = /(\d+) packets? read, (\d+) metered/.exec(meter.output) ?? [];
      if (read === undefined || read !== metered) throw new Error(`weir read ${read} packets and metered ${metered}`);
      return counts;
    },
  }),
  softflowd: () => {
    const command = findPeer('SOFTFLOWD', 'softflowd');
    const control = findPeer('SOFTFLOWCTL', 'softflowctl');
    if (command === undefined || control === undefined) return undefined;
    const socket = join(SCRATCH, 'softflowd.ctl');
    const files = ['-c', socket, '-p', join(SCRATCH, 'softflowd.pid')];
    return {
      name: 'softflowd',
      command,
      args: ['-d', '-i', METERED, '-n', `${SINK}:9995`, '-v', '9', '-6', '-m', MANY_FLOWS, ...files],
      end: async (meter) => {
        const text = execFileSync(control, ['-c', socket, 'statistics'], { encoding: 'utf8' });
        await meter.stop('SIGINT');
        return {
          seen: sum(text, /Packets processed: (\d+)/g),
          dropped: sum(text, /Packets dropped by (?:libpcap|interface): (\d+)/g),
        };
      },
    };
  },
  pmacctd: () => {
    const command = findPeer('PMACCTD', 'pmacctd');
    if (command === undefined) return undefined;
    const config = join(SCRATCH, 'pmacctd.conf');
    const lines = [
      'daemonize: false',
      `pcap_interface: ${METERED}`,
      'plugins: nfprobe',
      'aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags',
      `nfprobe_receiver: ${SINK}:9995`,
      'nfprobe_version: 9',
      `nfprobe_maxflows: ${MANY_FLOWS}`,
      // The manual's advice for busy links: what does not fit between core and plugin is lost.
      'plugin_pipe_size: 104857600',
      'plugin_buffer_size: 102400',
    ];
    return {
      name: 'pmacctd',
      command,
      args: ['-f', config],
      prepare: () => writeFileSync(config, `${lines.join('\n')}\n`),
      end: async (meter) => {
        meter.signal('SIGUSR1');
        await pause(1000);
        const text = meter.output;
        await meter.stop('SIGINT');
        return { seen: sum(text, /received_packets=(\d+)/g), dropped: sum(text, /dropped_packets=(\d+)/g) };
      },
    };
  },
  nfpcapd: () => {
    const command = findPeer('NFPCAPD', 'nfpcapd');
    if (command === undefined) return undefined;
    return {
      name: 'nfpcapd',
      command,
      args: ['-i', METERED, '-w', join(SCRATCH, 'nfpcapd'), '-t', '300'],
      end: async (meter) => {
        await meter.stop('SIGINT');
        return {
          // 1.7.8 says "Processed packets".
          seen: sum(meter.output, /Total: Processed(?: packets)?: (\d+)/g),
          dropped: sum(meter.output, /dropped by OS\/Buffer: (\d+)/g),
        };
      },
    };
  },
};

/**
 * @param {Contender} contender
 * @param {string} file
 * @param {number} rate
 */
async function measure(contender, file, rate) {
  rmSync(SCRATCH, { recursive: true, force: true });
  mkdirSync(join(SCRATCH, 'nfpcapd'), { recursive: true });
  contender.prepare?.();
  const before = arrived();
  const meter = new LiveMeter(contender.command, contender.args);
  try {
    await meter.capturing();
    const sent = await replay(file, rate, values.data);
    await meter.idle();
    const counted = await contender.end(meter);
    return { ...sent, ...counted, arrived: arrived() - before, cpuSeconds: meter.cpuSeconds };
  } catch (error) {
    await meter.stop('SIGKILL');
    throw error;
  }
}

async function main() {
  if (process.getuid?.() !== 0) throw new Error('namespaces and captures are for root alone');
  const packets = Number(values.packets);
  mkdirSync(values.data, { recursive: true });
  const file = join(values.data, `packets-${packets}.pcap`);
  if (!existsSync(file)) generatePackets(packets, file);
  console.log(
    `${cpus().length} x ${cpus()[0]?.model.trim()}, Node.js ${process.version}, ${packets} packets, times in CPU seconds`,
  );
  console.log('meter        asked pps    sent pps   arrived      seen   dropped  not told    lost %   CPU s');
  /** @type {Map<string, number>} */
  const lossFree = new Map();
  for (const rate of values.rates.split(',').map(Number)) {
    for (const name of values.only.split(',')) {
      const contender = contenders[name]?.();
      if (contender === undefined) {
        console.log(`${name}: not installed`);
        continue;
      }
      for (let run = 0; run < Number(values.runs); run++) {
        const { arrived, seen, dropped, rate: reached, cpuSeconds } = await measure(contender, file, rate);
        const cells = [rate, Math.round(reached), arrived, seen, dropped, arrived - seen - dropped].map(String);
        const lost = (100 * (arrived - seen)) / arrived;
        console.log(
          `${name.padEnd(10)}${cells.map((cell, i) => cell.padStart(i < 2 ? 12 : 10)).join('')}` +
            `${lost.toFixed(3).padStart(10)}${cpuSeconds.toFixed(2).padStart(8)}`,
        );
        if (seen === arrived) lossFree.set(name, Math.max(lossFree.get(name) ?? 0, Math.round(reached)));
        if (name === 'weir' && seen + dropped !== arrived) process.exitCode = 1;
      }
    }
  }
  for (const [name, rate] of lossFree) console.log(`${name}: no loss up to ${rate} packets/s`);
}

try {
  buildLab();
  await main();
} finally {
  removeLab();
}
