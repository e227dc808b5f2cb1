#!/usr/bin/env node
// @ts-check
/**
 * weir against the newest peers that are installed, on the same input, in turns, median of several runs: `npm run bench`.
 *
 *   npm run bench -- [--only NAME,...] [--packets N] [--capture FILE] [--flows N] [--query-flows N] [--runs N] [--data DIR]
 *
 * Benchmarks: export-files, export-udp, export-workers, collect, query. Peers are taken from the environment variables NFPCAPD, NFCAPD, NFDUMP
 * and SOFTFLOWD, else from PATH; NFDUMP_OTHER is a second nfdump. The inputs are generated once and kept in the data directory.
 * With --capture the packets to export are copies of those in FILE, as test/bench/copy-packets.mjs makes them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { CLI, collectWithNfcapd, lz4Option, weir } from './contenders.mjs';
import { copyPackets } from './copy-packets.mjs';
import { generateDatagrams } from './generate-datagrams.mjs';
import { generatePackets } from './generate-packets.mjs';
import { compiled, diskUsage, findPeer, inTurns } from './measure.mjs';
import { askAll } from './query.mjs';

/** @typedef {import('./measure.mjs').Contender} Contender */
/** @typedef {import('./measure.mjs').Run} Run */

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'export-files,export-udp,collect,query' },
    packets: { type: 'string', default: '10000000' },
    capture: { type: 'string' },
    flows: { type: 'string', default: '5000000' },
    'query-flows': { type: 'string', default: '10000000' },
    runs: { type: 'string', default: '5' },
    data: { type: 'string', default: join(tmpdir(), 'weir-bench') },
  },
});
const DATA = values.data;
const RUNS = Number(values.runs);
const TIMEOUTS = ['tcp=60', 'udp=60', 'icmp=60', 'general=60', 'tcp.fin=5', 'tcp.rst=5', 'maxlife=300'];

/** @param {string} name @param {(path: string) => void} make */
function input(name, make) {
  mkdirSync(DATA, { recursive: true });
  const path = join(DATA, name);
  if (!existsSync(path)) {
    console.log(`generating ${path} ...`);
    make(path);
  }
  return path;
}

/**
 * @param {readonly Contender[]} contenders the first is weir
 * @param {readonly Run[]} runs
 * @param {number} units
 * @param {string} unit
 * @param {string} [subject] what the first is called, next to the others
 */
function report(contenders, runs, units, unit, subject = 'weir') {
  const first = /** @type {Run} */ (runs[0]);
  for (const [i, { name, output }] of contenders.entries()) {
    const { seconds, cpuSeconds, peakMiB } = /** @type {Run} */ (runs[i]);
    const disk = output === undefined ? '' : `, ${(diskUsage(output) / 1e6).toFixed(1)} MB on disk`;
    const ratio = i === 0 ? '' : `; ${subject} is ${(seconds / first.seconds).toFixed(2)} times as fast`;
    const rate = `${(units / seconds / 1e6).toFixed(2)} M ${unit}/s`;
    console.log(
      `  ${name.padEnd(22)} ${seconds.toFixed(2)} s, ${rate}, CPU ${cpuSeconds.toFixed(2)} s, peak ${peakMiB.toFixed(0)} MiB${disk}${ratio}`,
    );
  }
}

/** @param {number} packets @returns {string} */
function packetInput(packets) {
  const { capture } = values;
  if (capture === undefined) return input(`packets-${packets}.pcap`, (path) => generatePackets(packets, path));
  return input(`copies-${packets}-${basename(capture)}`, (path) => copyPackets(capture, packets, path));
}

async function exportFiles() {
  const packets = Number(values.packets);
  const file = packetInput(packets);
  const store = join(DATA, 'out-weir');
  const contenders = [weir('weir export -w', ['export', '-r', file, '-w', store, '-q'], store)];
  const nfpcapd = findPeer('NFPCAPD', 'nfpcapd');
  if (nfpcapd === undefined) console.log('  nfpcapd: not installed');
  else {
    const output = join(DATA, 'out-nfpcapd');
    contenders.push({
      name: 'nfpcapd -w',
      command: nfpcapd,
      args: ['-r', file, '-w', output, '-t', '300', lz4Option(nfpcapd)],
      output,
    });
  }
  report(contenders, await inTurns(contenders, RUNS), packets, 'packets');
}

async function exportWorkers() {
  const packets = Number(values.packets);
  const file = packetInput(packets);
  const store = join(DATA, 'out-weir');
  const contenders = ['1', '2', '4'].map((workers) =>
    weir(`--workers ${workers}`, ['export', '-r', file, '-w', store, '-q', '--workers', workers], store),
  );
  report(contenders, await inTurns(contenders, RUNS), packets, 'packets', contenders[0]?.name);
}

async function exportUdp() {
  const packets = Number(values.packets);
  const file = packetInput(packets);
  const sink = spawn(compiled('udp-sink', DATA), { stdio: ['pipe', 'pipe', 'inherit'] });
  const target = `127.0.0.1:${String((await once(sink.stdout, 'data'))[0]).trim()}`;
  const contenders = [weir('weir export -n', ['export', '-r', file, '-n', target, '-v', '9', '-q'])];
  const softflowd = findPeer('SOFTFLOWD', 'softflowd');
  if (softflowd === undefined) console.log('  softflowd: not installed');
  else {
    // -a: time of the file; -c none: with a control socket, reading a file can block for ever; the same timeouts as weir.
    const how = ['-d', '-a', '-c', 'none', '-p', join(DATA, 'softflowd.pid'), '-v', '9', '-m', '4194304'];
    const args = [...how, ...TIMEOUTS.flatMap((timeout) => ['-t', timeout]), '-r', file, '-n', target];
    contenders.push({ name: 'softflowd -n', command: softflowd, args });
  }
  report(contenders, await inTurns(contenders, RUNS), packets, 'packets');
  sink.stdin.end();
  const { datagrams, octets } = JSON.parse(String((await once(sink.stdout, 'data'))[0]));
  console.log(`  the sink got ${datagrams} datagrams, ${octets} octets in all runs together`);
}

async function collect() {
  const flows = Number(values.flows);
  const file = input(`flows-v9-${flows}.pcap`, (path) => generateDatagrams(flows, 9, path));
  const store = join(DATA, 'out-weir');
  const contenders = [weir('weir collect -f', ['collect', '-f', file, '-w', store, '-q'], store)];
  const nfcapd = findPeer('NFCAPD', 'nfcapd');
  if (nfcapd === undefined) console.log('  nfcapd: not installed');
  else contenders.push(collectWithNfcapd(nfcapd, file, join(DATA, 'out-nfcapd')));
  report(contenders, await inTurns(contenders, RUNS), flows, 'flows');
}

async function query() {
  const nfcapd = findPeer('NFCAPD', 'nfcapd');
  const nfdump = nfcapd === undefined ? undefined : findPeer('NFDUMP', 'nfdump');
  const other = nfdump === undefined ? undefined : process.env['NFDUMP_OTHER'];
  if (nfdump === undefined) console.log('  nfdump, nfcapd: not installed');
  await askAll({
    data: DATA,
    flows: Number(values['query-flows']),
    runs: RUNS,
    nfcapd,
    peers: [nfdump, other].filter((peer) => peer !== undefined),
  });
}

const benchmarks = {
  'export-files': exportFiles,
  'export-udp': exportUdp,
  'export-workers': exportWorkers,
  collect,
  query,
};
if (!existsSync(CLI)) {
  console.error('weir is not built: run npm run setup');
  process.exit(1);
}
console.log(
  `${cpus().length} x ${cpus()[0]?.model.trim()}, Node.js ${process.version}, median of ${RUNS}, data in ${DATA}`,
);
for (const name of values.only.split(',')) {
  const benchmark = benchmarks[/** @type {keyof typeof benchmarks} */ (name)];
  if (benchmark === undefined)
    throw new Error(`there is no benchmark "${name}": ${Object.keys(benchmarks).join(', ')}`);
  console.log(name);
  await benchmark();
}
