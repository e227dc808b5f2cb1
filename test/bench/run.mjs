#!/usr/bin/env node
// @ts-check
/**
 * weir against the newest peers that are installed, on the same input, in turns, median of several runs: `npm run bench`.
 *
 *   npm run bench -- [--only NAME,...] [--packets N] [--flows N] [--query-flows N] [--runs N] [--data DIR]
 *
 * Benchmarks: export-files, export-udp, export-workers, collect, query. Peers are taken from the environment variables NFPCAPD, NFCAPD, NFDUMP
 * and SOFTFLOWD, else from PATH. The inputs are generated once and kept in the data directory.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { generateDatagrams } from './generate-datagrams.mjs';
import { generatePackets } from './generate-packets.mjs';
import { diskUsage, findPeer, inTurns, measure } from './measure.mjs';

/** @typedef {import('./measure.mjs').Contender} Contender */
/** @typedef {import('./measure.mjs').Run} Run */

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: 'export-files,export-udp,collect,query' },
    packets: { type: 'string', default: '10000000' },
    flows: { type: 'string', default: '5000000' },
    'query-flows': { type: 'string', default: '10000000' },
    runs: { type: 'string', default: '5' },
    data: { type: 'string', default: join(tmpdir(), 'weir-bench') },
  },
});
const CLI = join(import.meta.dirname, '../../dist/cli/main.js');
const DATA = values.data;
const RUNS = Number(values.runs);
const TIMEOUTS = ['tcp=60', 'udp=60', 'icmp=60', 'general=60', 'tcp.fin=5', 'tcp.rst=5', 'maxlife=300'];

/** Six questions people ask. */
const QUESTIONS = [
  ['-s', 'srcip/bytes', '-n', '10'],
  ['-s', 'record/bytes', '-n', '10'],
  ['-s', 'dstport/flows', '-n', '20'],
  ['-A', 'srcip4/24,dstport', '-O', 'bytes', '-n', '20'],
  ['-s', 'dstip/packets', '-n', '10', 'proto udp and dst port 53 and packets > 10'],
  ['-o', 'long', 'host 198.0.1.77'],
];

/**
 * @param {string} name
 * @param {string[]} args
 * @param {string} [output]
 * @returns {Contender}
 */
function weir(name, args, output) {
  return { name, command: process.execPath, args: [CLI, ...args], ...(output !== undefined && { output }) };
}

/**
 * @param {string} command
 * @returns {string} how to ask this release of nfdump's programs for lz4
 */
function lz4Option(command) {
  const { stdout } = spawnSync(command, ['-h'], { encoding: 'utf8' });
  return /-y\s+LZ4/.test(stdout) ? '-y' : '-z=lz4';
}

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

async function exportFiles() {
  const packets = Number(values.packets);
  const file = input(`packets-${packets}.pcap`, (path) => generatePackets(packets, path));
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
  const file = input(`packets-${packets}.pcap`, (path) => generatePackets(packets, path));
  const store = join(DATA, 'out-weir');
  const contenders = ['1', '2', '4'].map((workers) =>
    weir(`--workers ${workers}`, ['export', '-r', file, '-w', store, '-q', '--workers', workers], store),
  );
  report(contenders, await inTurns(contenders, RUNS), packets, 'packets', contenders[0]?.name);
}

async function exportUdp() {
  const packets = Number(values.packets);
  const file = input(`packets-${packets}.pcap`, (path) => generatePackets(packets, path));
  const sink = spawn(process.execPath, [join(import.meta.dirname, 'udp-sink.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
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
  sink.kill('SIGTERM');
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

/**
 * @param {string} nfcapd
 * @param {string} file
 * @param {string} output
 * @returns {Contender}
 */
function collectWithNfcapd(nfcapd, file, output) {
  return {
    name: 'nfcapd -f',
    command: nfcapd,
    args: ['-f', file, '-w', output, '-t', '300', lz4Option(nfcapd)],
    output,
  };
}

async function query() {
  const flows = Number(values['query-flows']);
  const file = input(`flows-v9-${flows}.pcap`, (path) => generateDatagrams(flows, 9, path));
  const store = join(DATA, 'query-weir');
  await measure(weir('weir collect', ['collect', '-f', file, '-w', store, '-q'], store));
  const nfdump = findPeer('NFDUMP', 'nfdump');
  const nfcapd = findPeer('NFCAPD', 'nfcapd');
  const files = join(DATA, 'query-nfcapd');
  if (nfdump === undefined || nfcapd === undefined) console.log('  nfdump, nfcapd: not installed');
  else await measure(collectWithNfcapd(nfcapd, file, files));
  const ratios = [];
  for (const question of QUESTIONS) {
    const contenders = [weir('weir dump', ['dump', '-R', store, ...question])];
    if (nfdump !== undefined && nfcapd !== undefined) {
      contenders.push({ name: 'nfdump', command: nfdump, args: ['-R', files, ...question] });
    }
    console.log(`  ${question.join(' ')}`);
    const runs = await inTurns(contenders, RUNS);
    report(contenders, runs, flows, 'flows');
    const [ours, theirs] = runs;
    if (ours === undefined || theirs === undefined) continue;
    ratios.push(theirs.seconds / ours.seconds);
    if (answer(ours) !== answer(theirs)) console.log('  the two answers differ');
  }
  ratios.sort((a, b) => a - b);
  if (ratios.length > 0)
    console.log(
      `  the median question: ${(/** @type {number} */ (ratios[2] + /** @type {number} */ (ratios[3])) / 2).toFixed(2)} times`,
    );
}

/**
 * What was printed, without the lines that tell how long it took; blocks skipped and bytes read are the file format's.
 * @param {Run} run
 */
function answer({ stdout }) {
  return stdout.replace(/^(Sys:|Total records processed:|Total flows processed:).*$/gm, '').trim();
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
