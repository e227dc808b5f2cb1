#!/usr/bin/env node
// @ts-check
/**
 * Queries while the collector receives, over the loopback interface:
 *
 *   node test/bench/concurrent.mjs [FLOWS_PER_SECOND=200000] [SECONDS=30] [QUERIES=8]
 *
 * So many askers put one question after the other to the store, slots of four seconds are sealed meanwhile. Every answer
 * must have no flow twice (no more than were sent) and at least what the one before had; at the end all that was sent
 * must be stored. Prints what it saw as JSON; exit status 1 when an answer was wrong or a flow was lost.
 */
import { execFile, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CLI } from './contenders.mjs';
import { ENVIRONMENT } from './measure.mjs';

const [rate = 200_000, seconds = 30, askers = 8] = process.argv.slice(2).map(Number);
const RECORDS = 30;
/** The sender sends whole datagrams. */
const TOTAL = Math.round((rate / RECORDS) * seconds) * RECORDS;
const QUESTIONS = [
  ['-s', 'srcip/bytes'],
  ['-s', 'dstport/flows', '-s', 'proto/packets'],
  ['-A', 'srcip4/24,dstport', '-O', 'bytes', '-n', '10'],
  ['-o', 'null'],
];
const START_MS = 10_000;

const run = promisify(execFile);
const directory = mkdtempSync(join(tmpdir(), 'weir-concurrent-'));
/** @type {string[]} */
const faults = [];
const wait = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param {string[]} question @returns {Promise<number | undefined>} flows in the store; undefined before the first */
async function ask(question) {
  try {
    const { stdout } = await run(process.execPath, [CLI, 'dump', '-R', directory, '-N', ...question], {
      env: ENVIRONMENT,
    });
    const told = /^Summary: total flows: (\d+)/m.exec(stdout)?.[1];
    if (told === undefined) throw new Error(`no summary: ${stdout}`);
    return Number(told);
  } catch (error) {
    const message = String(/** @type {{stderr?: string}} */ (error).stderr ?? error);
    if (message.includes('no flow files')) return undefined;
    throw new Error(`weir dump ${question.join(' ')}: ${message}`, { cause: error });
  }
}

let sending = true;
let asked = 0;
/** @param {number} number */
async function keepAsking(number) {
  let before = 0;
  for (let turn = number; sending; turn++) {
    const flows = await ask(QUESTIONS[turn % QUESTIONS.length] ?? []);
    if (flows === undefined) {
      await wait(100);
      continue;
    }
    asked++;
    if (flows < before) faults.push(`${flows} flows where there had been ${before}`);
    if (flows > TOTAL) faults.push(`${flows} flows, more than were sent`);
    before = flows;
  }
}

const socket = createSocket('udp4').bind(0, '127.0.0.1');
await once(socket, 'listening');
const port = String(socket.address().port);
socket.close();
const collector = spawn(
  process.execPath,
  [CLI, 'collect', '-w', directory, '-b', '127.0.0.1', '-p', port, '-t', '4', '--flush', '500'],
  { stdio: ['ignore', 'pipe', 'pipe'], env: ENVIRONMENT },
);
const ended = once(collector, 'close');
let said = '';
collector.stdout.on('data', (chunk) => (said += chunk));
collector.stderr.on('data', (chunk) => (said += chunk));
try {
  for (const end = Date.now() + START_MS; !said.includes('listening on'); await wait(20)) {
    if (Date.now() > end) throw new Error(`the collector does not listen: ${said}`);
  }
  const load = [port, String(rate / RECORDS), String(seconds)];
  const sender = run(process.execPath, [join(import.meta.dirname, 'receive-sender.mjs'), ...load]);
  const asking = Array.from({ length: askers }, (_, number) => keepAsking(number));
  const { records } = JSON.parse(await sender.finally(() => (sending = false)).then(({ stdout }) => stdout));
  await Promise.all(asking);
  // What waits in the socket or the queue is taken before the end.
  collector.kill('SIGTERM');
  await ended;
  const stored = (await ask(['-o', 'null'])) ?? 0;
  if (stored !== records) faults.push(`${stored} flows are stored, ${records} were sent: ${said}`);
  if (asked === 0) faults.push('nothing was answered while flows came in');
  console.log(JSON.stringify({ sent: records, stored, asked, faults }));
  process.exitCode = faults.length > 0 ? 1 : 0;
} finally {
  collector.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}
