#!/usr/bin/env node
// @ts-check
/**
 * `npm start`: shows weir at work on this machine alone. A collector listens on loopback, the exporter meters a bundled
 * capture and sends NetFlow v9 to it over UDP, the collector stores the flows, and a query answers from the files.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { setup } from './setup.mjs';
import { ROOT, run, say, secondsSince } from './steps.mjs';

const CLI = join(ROOT, 'dist/cli/main.js');
const CAPTURE = 'pcaps/demo.pcap';
/** Longest time between the last datagram and its flows being on disk: the collector writes every two seconds. */
const ARRIVAL_MS = 15_000;

/** @param {readonly string[]} args */
const weir = (args) => run(process.execPath, [CLI, ...args]);

/** @param {readonly string[]} args */
async function weirOrThrow(args) {
  const { status, output } = await weir(args);
  if (status !== 0) throw new Error(`weir ${args.join(' ')} failed:\n${output}`);
  return output.trimEnd();
}

/**
 * Whether a port of loopback is free, that is, nobody listens there yet.
 * @param {number} port 0 for any
 * @returns {Promise<number | undefined>} the port, or undefined when it is taken
 */
async function freePort(port) {
  const socket = createSocket('udp4');
  try {
    socket.bind(port, '127.0.0.1');
    await once(socket, 'listening');
    return socket.address().port;
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}

/** @param {string} directory where flows are to be stored */
async function demonstrate(directory) {
  const port = /** @type {number} */ (await freePort(0));
  const listen = ['collect', '-b', '127.0.0.1', '-p', String(port), '-w', directory];
  const collector = spawn(process.execPath, [CLI, ...listen], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  collector.stdout.on('data', (chunk) => (log += chunk));
  collector.stderr.on('data', (chunk) => (log += chunk));
  const ended = once(collector, 'close');
  try {
    for (const begin = Date.now(); (await freePort(port)) !== undefined; await sleep(50)) {
      if (collector.exitCode !== null || Date.now() - begin > 10_000)
        throw new Error(`the collector did not start:\n${log}`);
    }
    say(`a collector listens on 127.0.0.1 port ${port}`);

    const begin = performance.now();
    const summary = await weirOrThrow(['export', '-r', CAPTURE, '-n', `127.0.0.1:${port}`, '-v', '9']);
    say(`${CAPTURE} was metered and exported as NetFlow v9 over UDP in ${secondsSince(begin)}`);
    console.log(indented(summary));

    await arrival(directory);
    collector.kill('SIGTERM');
    const [status] = await ended;
    if (status !== 0) throw new Error(`the collector ended with exit code ${status}:\n${log}`);
    say('the collector stored the flows as Parquet and ended');
    console.log(indented(log.trimEnd()));
  } finally {
    collector.kill('SIGKILL');
  }
}

/**
 * Waits until the number of stored flows stands still.
 * @param {string} directory
 */
async function arrival(directory) {
  let before = '';
  for (const begin = Date.now(); Date.now() - begin < ARRIVAL_MS; await sleep(700)) {
    const { status, output } = await weir(['dump', '-R', directory, '-q', '-s', 'proto/flows', '-o', 'csv']);
    if (status === 0 && output !== '' && output === before) return;
    before = output;
  }
  throw new Error('the exported flows did not arrive');
}

/** @param {string} text */
function indented(text) {
  return text.replace(/^/gm, '    ');
}

if (!(await setup())) process.exit(1);
const directory = mkdtempSync(join(tmpdir(), 'weir-start-'));
try {
  await demonstrate(directory);
  const questions = [
    ['who moved the most', ['-s', 'ip/bytes', '-n', '8']],
    ['the largest flows', ['-O', 'bytes', '-n', '5']],
  ];
  for (const [what, options] of /** @type {[string, string[]][]} */ (questions)) {
    say(`${what}: weir dump -R DIR ${options.join(' ')}`);
    console.log(indented(await weirOrThrow(['dump', '-R', directory, ...options])));
  }
  say('that was all; to meter an interface of this machine: sudo npx weir export -i eth0 -w flows');
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  rmSync(directory, { recursive: true, force: true });
}
