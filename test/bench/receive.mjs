#!/usr/bin/env node
// @ts-check
/**
 * Reception under load, over the loopback interface: weir collect and nfcapd get the same NetFlow v9 datagrams (1.4 kB,
 * 30 records) at the same rate, one after the other, and each must account for all of them.
 *
 *   node test/bench/receive.mjs [--rate N] [--seconds N] [--probe-seconds N] [--max-rate N] [--workers N] [--buffer N]
 *     [--data DIR]
 *
 * First a run at `--rate` datagrams/s for `--seconds`; then the highest rate without loss, by bisection up to
 * `--max-rate` in runs of `--probe-seconds` (either 0: none). Sender and collector share the machine's cores. nfcapd and nfdump
 * are taken from NFCAPD and NFDUMP, else from PATH. Linux only: losses are read from /proc/net/udp.
 *
 * Both ask for the same receive buffer, but what they get may differ: root may exceed net.core.rmem_max, and only who
 * asks so does. What the kernel granted is printed; for a comparison of programs alone raise rmem_max, or
 * give `--buffer` no more than it. CPU time is
 * up to the moment the socket is empty, so what a collector does with its file at the end is not in it.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { diskUsage, ENVIRONMENT, findPeer } from './measure.mjs';

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '60' },
    'probe-seconds': { type: 'string', default: '5' },
    'max-rate': { type: 'string', default: '400000' },
    workers: { type: 'string', default: '1' },
    buffer: { type: 'string', default: String(64 << 20) },
    data: { type: 'string', default: join(tmpdir(), 'weir-bench') },
  },
});
const CLI = join(import.meta.dirname, '../../dist/cli/main.js');
const SENDER = join(import.meta.dirname, 'receive-sender.mjs');
const START_MS = 10_000;
const DRAIN_MS = 30_000;
/** The bisection ends when the bounds are so close. */
const PRECISION = 1.05;

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} command
 * @property {(port: number, output: string) => string[]} args
 * @property {(output: string, said: string) => { records: number, told: string }} stored
 */
/**
 * @typedef {object} Outcome
 * @property {number} sent datagrams
 * @property {number} records in them
 * @property {number} rate reached, datagrams/s
 * @property {number} kernel datagrams that the kernel dropped
 * @property {number} stored records
 * @property {number} cpuSeconds of the collector
 * @property {number} octets of its files
 * @property {number} buffer receive buffer granted, octets
 * @property {string} told what it says itself that it lost
 */

/** @type {Peer} */
const weir = {
  name: 'weir collect',
  command: process.execPath,
  args: (port, output) => {
    const receiving = ['-b', '127.0.0.1', '-p', String(port), '-B', values.buffer, '--workers', values.workers];
    return [CLI, 'collect', '-w', output, ...receiving];
  },
  stored: (_output, said) => {
    const number = (/** @type {RegExp} */ pattern) => Number(pattern.exec(said)?.[1] ?? 0);
    const queue = number(/(\d+) datagrams dropped because decoding fell behind/);
    const before = number(/(\d+) datagrams lost before us/);
    const unwritten = number(/(\d+) flows lost because they could not be written/);
    return {
      records: number(/(\d+) flows? stored\n/),
      told: `${queue} datagrams in its queue, ${before} by sequence, ${unwritten} flows not written`,
    };
  },
};

/** @returns {Peer | undefined} */
function nfcapd() {
  const [command, nfdump] = [findPeer('NFCAPD', 'nfcapd'), findPeer('NFDUMP', 'nfdump')];
  if (command === undefined || nfdump === undefined) return undefined;
  const help = spawnSync(command, ['-h'], { encoding: 'utf8' });
  const lz4 = `${help.stdout}${help.stderr}`.includes('-z=') ? '-z=lz4' : '-y';
  return {
    name: 'nfcapd',
    command,
    args: (port, output) => ['-b', '127.0.0.1', '-p', String(port), '-B', values.buffer, '-w', output, lz4],
    stored: (output, said) => {
      const told = spawnSync(nfdump, ['-R', output, '-I'], { encoding: 'utf8' }).stdout;
      const losses = [...said.matchAll(/Sequence Errors: (\d+)/g)].reduce((sum, match) => sum + Number(match[1]), 0);
      return { records: Number(/^Flows: (\d+)/m.exec(told)?.[1] ?? 0), told: `${losses} sequence errors` };
    },
  };
}

/**
 * What the kernel knows of the sockets bound to a port of 127.0.0.1.
 * @param {number} port
 */
function kernelOf(port) {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const sockets = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    // Without a peer: the sender's socket has one.
    .filter((fields) => fields[1]?.endsWith(suffix) && fields[2]?.endsWith(':0000'));
  return {
    sockets: sockets.length,
    queued: sockets.reduce((sum, fields) => sum + Number.parseInt(fields[4]?.split(':')[1] ?? '0', 16), 0),
    dropped: sockets.reduce((sum, fields) => sum + Number(fields.at(-1)), 0),
  };
}

/**
 * Receive buffer of the socket in octets as the kernel counts, twice of what is asked for; NaN without `ss`.
 * @param {number} port
 */
function grantedBuffer(port) {
  const { stdout } = spawnSync('ss', ['-uanmH', `sport = :${port}`], { encoding: 'utf8' });
  return Number(/skmem:\(r\d+,rb(\d+)/.exec(stdout ?? '')?.[1]);
}

/** @param {number | undefined} pid */
function cpuSeconds(pid) {
  // The name of the program in parentheses may hold blanks: count fields from behind it.
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function freePort() {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/**
 * @param {string} what
 * @param {() => boolean} holds
 * @param {number} timeoutMs
 */
async function until(what, holds, timeoutMs) {
  for (const end = Date.now() + timeoutMs; !holds(); ) {
    if (Date.now() > end) throw new Error(`${what} after ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * One collector under one load.
 * @param {Peer} peer
 * @param {number} rate datagrams/s
 * @param {number} seconds
 * @returns {Promise<Outcome>}
 */
async function load(peer, rate, seconds) {
  const output = join(values.data, 'receive-out');
  rmSync(output, { recursive: true, force: true });
  mkdirSync(output, { recursive: true });
  const port = await freePort();
  const collector = spawn(peer.command, peer.args(port, output), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: ENVIRONMENT,
  });
  let said = '';
  collector.stdout.on('data', (chunk) => (said += chunk));
  collector.stderr.on('data', (chunk) => (said += chunk));
  const ended = once(collector, 'close');
  try {
    await until(`${peer.name} does not listen`, () => kernelOf(port).sockets > 0, START_MS);
    const buffer = grantedBuffer(port);
    const sender = spawn(process.execPath, [SENDER, String(port), String(rate), String(seconds)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let report = '';
    sender.stdout.on('data', (chunk) => (report += chunk));
    const [status] = await once(sender, 'close');
    if (status !== 0) throw new Error('the sender failed');
    await until(`${peer.name} does not empty its socket`, () => kernelOf(port).queued === 0, DRAIN_MS);
    const kernel = kernelOf(port).dropped;
    const cpu = cpuSeconds(collector.pid);
    collector.kill('SIGTERM');
    await ended;
    const { sent, records, seconds: took } = JSON.parse(report);
    const { records: stored, told } = peer.stored(output, said);
    return {
      sent,
      records,
      rate: sent / took,
      kernel,
      stored,
      cpuSeconds: cpu,
      octets: diskUsage(output),
      buffer,
      told,
    };
  } finally {
    collector.kill('SIGKILL');
    await ended;
    rmSync(output, { recursive: true, force: true });
  }
}

/** @param {Outcome} outcome */
function isWhole({ records, stored }) {
  return stored === records;
}

/**
 * @param {Peer} peer
 * @param {Outcome} outcome
 */
function tell(peer, { sent, records, rate, kernel, stored, cpuSeconds, octets, buffer, told }) {
  const perRecord = (cpuSeconds / Math.max(stored, 1)) * 1e6;
  console.log(
    `  ${peer.name.padEnd(12)} sent ${sent} (${Math.round(rate)}/s, ${records} records), kernel dropped ${kernel}, ` +
      `received ${sent - kernel}, stored ${stored} records, lost ${records - stored}\n` +
      `  ${''.padEnd(12)} ${cpuSeconds.toFixed(1)} s CPU (${perRecord.toFixed(2)} us a record), ` +
      `${(octets / Math.max(stored, 1)).toFixed(1)} octets a record, ` +
      `buffer ${(buffer / 2 ** 20).toFixed(1)} MiB; says: ${told}`,
  );
}

/**
 * The highest rate in whose run nothing was lost, and at which the sender kept up.
 * @param {Peer} peer
 */
async function highest(peer) {
  let [low, high] = [0, Number(values['max-rate'])];
  let rate = high;
  let best = 0;
  let isSenderTheLimit = false;
  while (high / Math.max(low, 1) > PRECISION && high > 1000) {
    const outcome = await load(peer, rate, Number(values['probe-seconds']));
    const whole = isWhole(outcome);
    const kept = outcome.rate > rate / PRECISION;
    if (whole) best = Math.max(best, outcome.rate);
    if (whole && kept) low = rate;
    else high = rate;
    // What bounds the answer is what bounded it last.
    if (!whole || !kept) isSenderTheLimit = whole;
    rate = Math.round((low + high) / 2);
  }
  return { rate: best, isSenderTheLimit };
}

mkdirSync(values.data, { recursive: true });
const peers = [weir, nfcapd()].filter((peer) => peer !== undefined);
if (peers.length === 1) console.log('nfcapd, nfdump: not installed');
console.log(`${values.rate} datagrams/s for ${values.seconds} s`);
for (const peer of peers) tell(peer, await load(peer, Number(values.rate), Number(values.seconds)));
if (Number(values['probe-seconds']) > 0 && Number(values['max-rate']) > 0) {
  console.log(`highest rate without loss, runs of ${values['probe-seconds']} s`);
  for (const peer of peers) {
    const { rate, isSenderTheLimit } = await highest(peer);
    const limit = isSenderTheLimit ? ' (the sender went no faster)' : '';
    console.log(`  ${peer.name.padEnd(12)} ${Math.round(rate)} datagrams/s${limit}`);
  }
}
