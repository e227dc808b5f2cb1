// @ts-check
/** How the scripts start programs and say what they do; plain JavaScript without dependencies, to run in a fresh clone. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');

const cargoHome = join(process.env['CARGO_HOME'] ?? join(homedir(), '.cargo'), 'bin');
if (existsSync(cargoHome)) process.env['PATH'] = `${process.env['PATH']}${delimiter}${cargoHome}`;

/**
 * @typedef {object} Finished
 * @property {number} status exit code; 127 when the program is not there, 128 when a signal ended it
 * @property {string} output standard output and standard error, as they came
 */

/**
 * Runs a program from the root of the project.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{show?: boolean, env?: Record<string, string>}} [options] `show`: pass its output on as it comes
 * @returns {Promise<Finished>}
 */
export function run(command, args, { show = false, env = {} } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const take = (/** @type {NodeJS.WriteStream} */ to) => (/** @type {Buffer} */ chunk) => {
      output += chunk;
      if (show) to.write(chunk);
    };
    child.stdout.on('data', take(process.stdout));
    child.stderr.on('data', take(process.stderr));
    child.on('error', (error) => resolve({ status: 127, output: String(error) }));
    child.on('close', (code) => resolve({ status: code ?? 128, output }));
  });
}

/** @param {string} text */
export function say(text) {
  console.log(`weir: ${text}`);
}

/** @param {number} sinceMs of performance.now() */
export function secondsSince(sinceMs) {
  return `${((performance.now() - sinceMs) / 1000).toFixed(1)} s`;
}

/**
 * Runs a program as one step of the set-up: a line before, a line after, its output only when it fails.
 * @param {string} what
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{env?: Record<string, string>}} [options]
 */
export async function step(what, command, args, options = {}) {
  say(`${what} ...`);
  const begin = performance.now();
  const finished = await run(command, args, options);
  if (finished.status === 0) say(`${what}: done in ${secondsSince(begin)}`);
  else {
    console.error(finished.output.trimEnd());
    say(`${what}: failed after ${secondsSince(begin)} (${command} ${args.join(' ')})`);
  }
  return finished.status === 0;
}
