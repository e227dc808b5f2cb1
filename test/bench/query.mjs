// @ts-check
/** Questions put to weir and to nfdump over the same flows, in turns. */
import { totalmem } from 'node:os';
import { weir } from './contenders.mjs';
import { inTurns, measure } from './measure.mjs';
import { makeMonth, makeRush } from './query-data.mjs';

/** @typedef {import('./measure.mjs').Contender} Contender */
/** @typedef {import('./measure.mjs').Run} Run */
/** @typedef {import('./query-data.mjs').Stores} Stores */

/** What people ask: filters, each kind of element, several at once, groups of few and of many fields, lists, a window. */
const QUESTIONS = [
  ['-o', 'null', 'proto tcp and dst port 443 and packets > 100'],
  ['-o', 'null', 'src net 10.0.0.0/20 and bytes > 10000'],
  ['-s', 'srcip/bytes', '-n', '10'],
  ['-s', 'ip/flows', '-n', '10', 'net 10.0.0.0/16'],
  ['-s', 'dstip/packets', '-n', '10', 'proto udp and dst port 53 and packets > 10'],
  ['-s', 'dstport/flows', '-n', '20'],
  ['-s', 'dstport:p/bytes', '-n', '20'],
  ['-s', 'proto/bytes', '-n', '10'],
  ['-s', 'dstas/bytes', '-n', '10'],
  ['-s', 'outif/packets', '-n', '10'],
  ['-s', 'srcip/bytes', '-s', 'dstip/bytes', '-s', 'dstport/flows', '-s', 'proto/packets', '-n', '10'],
  ['-s', 'record/bytes', '-n', '10'],
  ['-A', 'srcip4/24,dstport', '-O', 'bytes', '-n', '20'],
  ['-A', 'proto,dstport,tos', '-O', 'flows', '-n', '20'],
  ['-A', 'srcip,dstip', '-O', 'packets', '-n', '20'],
  ['-B', '-O', 'bytes', '-n', '10', 'dst port 53 or src port 53'],
  ['-c', '20', '-o', 'long', 'src port 53'],
  ['-O', 'bytes', '-n', '10', '-o', 'long'],
  ['-o', 'long', 'host 198.0.1.77'],
  ['-o', 'long', 'dst port 22'],
];

/** A host that a few slots of a month know. */
const NEEDLE = ['-o', 'long', 'host 198.0.11.184'];

/** Long lists are printed to nowhere: they do not fit the memory of the benchmark. */
const UNHEARD = QUESTIONS.length - 1;

/** A question whose answer takes no time: what is left is the start of the program. */
const NOTHING = ['-s', 'proto/bytes', '-n', '10'];
const FEW_FLOWS = 1000;

/** What a peer may take before its allocations fail; nfdump keeps every group, and every flow that it sorts, in memory. */
const MOST_KILOBYTES = Math.floor((totalmem() * 0.8) / 1024);

/**
 * @param {{data: string, flows: number, runs: number, nfcapd: string | undefined, peers: string[]}} setup the newest
 *   nfdump first
 */
export async function askAll({ data, flows, runs, nfcapd, peers }) {
  /** @param {Stores} stores @param {string[]} question @param {boolean} [unheard] */
  const contenders = (stores, question, unheard = false) => [
    { ...weir('weir', ['dump', '-R', stores.weir, ...question]), unheard },
    ...peers.map((peer) => ({
      name: peer,
      command: '/bin/sh',
      args: ['-c', `ulimit -v ${MOST_KILOBYTES}; exec "$0" "$@"`, peer, '-R', stores.nfcapd, ...question],
      unheard,
    })),
  ];
  const start = (await inTurns(contenders(await makeRush(data, FEW_FLOWS, nfcapd), NOTHING), runs)).map(
    ({ seconds }) => seconds,
  );
  console.log(`  wall seconds / CPU seconds / peak MiB of weir, then of ${peers.join(', then of ')};`);
  console.log('  x: how many times as fast weir is, in brackets without the start of the programs');
  console.log(`  start: ${start.map((seconds) => `${(seconds * 1000).toFixed(0)} ms`).join(', ')}`);
  const ratios = peers.map(() => /** @type {number[]} */ ([]));
  const ask = async (/** @type {Stores} */ stores, /** @type {string[]} */ question, unheard = false) => {
    const able = await warm(contenders(stores, question, unheard));
    const measured = await inTurns(
      able.filter((contender) => contender !== undefined),
      runs,
    );
    const answers = able.map((contender) => contender && measured.shift());
    const line = answers.map((run, at) => {
      if (run === undefined) return 'failed';
      const figures = `${run.seconds.toFixed(3)} / ${run.cpuSeconds.toFixed(2)} / ${run.peakMiB.toFixed(0)}`;
      const ours = /** @type {Run} */ (answers[0]);
      if (at === 0) return figures;
      const times = run.seconds / ours.seconds;
      const bare = work(run, start[at]) / work(ours, start[0]);
      ratios[at - 1]?.push(bare);
      // Releases of nfdump print some things in their own way: only the newest is compared.
      const same = unheard || at > 1 ? '' : compare(ours, run);
      return `${figures} ${times.toFixed(2)}x (${bare.toFixed(2)}x)${same}`;
    });
    console.log(`  ${question.join(' ').padEnd(66)} | ${line.join(' | ')}`);
  };
  const rush = await makeRush(data, flows, nfcapd);
  for (const [at, question] of QUESTIONS.entries()) await ask(rush, question, at === UNHEARD);
  for (const [at, of] of ratios.entries()) {
    const product = of.reduce((sum, ratio) => sum + Math.log(ratio), 0);
    console.log(
      `  against ${peers[at]}, without start: geometric mean ${Math.exp(product / of.length).toFixed(2)}x, least ${Math.min(...of).toFixed(2)}x`,
    );
  }
  console.log(`  one host in thirty days of slots`);
  await ask(await makeMonth(data, flows, nfcapd), NEEDLE);
}

/** Runs each once, so that the files are in the cache; without those that fail. @param {Contender[]} contenders */
async function warm(contenders) {
  const able = [];
  for (const [at, contender] of contenders.entries()) {
    try {
      await measure(contender);
      able.push(contender);
    } catch (error) {
      if (at === 0) throw error;
      able.push(undefined);
    }
  }
  return able;
}

/** What the work took without the start; no less than ten milliseconds, for starts differ by as much.
 * @param {Run} run @param {number} [start]
 */
function work({ seconds }, start = 0) {
  return Math.max(seconds - start, 0.01);
}

/** Says what two answers differ in; equal keys may stand in any order. @param {Run} a @param {Run} b */
function compare(a, b) {
  if (answer(a) === answer(b)) return '';
  const sorted = (/** @type {Run} */ run) => answer(run).split('\n').sort().join('\n');
  return sorted(a) === sorted(b) ? ' other order' : ' DIFFERS';
}

/**
 * What was printed, without the lines that tell how long it took; blocks skipped and bytes read are the file format's.
 * @param {Run} run
 */
function answer({ stdout }) {
  return stdout.replace(/^(Sys:|Total records processed:|Total flows processed:).*$/gm, '').trim();
}
