// @ts-check
import { execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * @typedef {object} Run
 * @property {number} seconds wall clock
 * @property {number} cpuSeconds user and system time of the process and its threads, NaN where /proc is missing
 * @property {number} peakMiB largest resident memory, NaN where /proc is missing
 * @property {string} stdout
 * @property {string} stderr
 */

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {string} command
 * @property {string[]} args
 * @property {string} [output] directory that is emptied before each run
 * @property {boolean} [unheard] what it prints is thrown away unread
 */

const SAMPLE_MS = 10;

/**
 * What programs are run with, that of a service: what a shell has set changes what is measured. NODE_EXTRA_CA_CERTS alone has
 * Node.js read all certificates as it starts, 45 ms of CPU time.
 */
export const ENVIRONMENT = {
  ...Object.fromEntries(['PATH', 'HOME', 'LD_LIBRARY_PATH'].map((name) => [name, process.env[name]])),
  TZ: 'UTC',
  LC_ALL: 'C',
};

/**
 * Runs a program to its end; throws when it fails.
 * @param {Contender} contender
 * @returns {Promise<Run>}
 */
export function measure({ command, args, output, unheard }) {
  if (output !== undefined) {
    rmSync(output, { recursive: true, force: true });
    mkdirSync(output, { recursive: true });
  }
  return new Promise((resolve, reject) => {
    const begin = performance.now();
    const child = spawn(command, args, {
      stdio: ['ignore', unheard ? 'ignore' : 'pipe', 'pipe'],
      env: ENVIRONMENT,
    });
    const run = { seconds: 0, cpuSeconds: Number.NaN, peakMiB: Number.NaN, stdout: '', stderr: '' };
    child.stdout?.on('data', (chunk) => (run.stdout += chunk));
    child.stderr?.on('data', (chunk) => (run.stderr += chunk));
    const timer = setInterval(() => sample(child.pid, run), SAMPLE_MS);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearInterval(timer);
      run.seconds = (performance.now() - begin) / 1000;
      if (code === 0) resolve(run);
      else
        reject(new Error(`${command} ${args.join(' ')}: ${signal ?? `exit code ${code}`}\n${run.stdout}${run.stderr}`));
    });
  });
}

/**
 * The high-water mark of memory and the CPU time so far; a process that has just ended keeps its last sample.
 * @param {number | undefined} pid
 * @param {Run} run
 */
function sample(pid, run) {
  try {
    const peak = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmHWM:\s+(\d+) kB/m);
    if (peak !== null) run.peakMiB = Number(peak[1]) / 1024;
    // The name of the program in parentheses may hold blanks: count fields from behind it.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    // Clock ticks are 1/100 s on every Linux of today.
    run.cpuSeconds = (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    // Not Linux, or the process has just ended.
  }
}

/**
 * Measures contenders in turns, A B A B, so that a slow minute of the machine hits both.
 * @param {readonly Contender[]} contenders
 * @param {number} runs of each
 * @returns {Promise<Run[]>} the run of median time of each
 */
export async function inTurns(contenders, runs) {
  const all = contenders.map(() => /** @type {Run[]} */ ([]));
  for (let i = 0; i < runs; i++) {
    for (const [at, contender] of contenders.entries()) all[at]?.push(await measure(contender));
  }
  return all.map((of) => /** @type {Run} */ (of.sort((a, b) => a.seconds - b.seconds)[Math.floor(of.length / 2)]));
}

/**
 * A peer's program: where an environment variable says, else in PATH and the directories of administrators' tools.
 * @param {string} variable
 * @param {string} name
 * @returns {string | undefined}
 */
export function findPeer(variable, name) {
  const said = process.env[variable];
  if (said !== undefined) {
    if (!isExecutable(said)) throw new Error(`${variable}=${said}: there is no such program`);
    return said;
  }
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

/**
 * Builds a program of this directory unless it is there as the source has it; gives its path.
 * @param {string} name of the source, without `.rs`
 * @param {string} scratch directory that it is built in
 */
export function compiled(name, scratch) {
  const program = join(scratch, name);
  const source = join(import.meta.dirname, `${name}.rs`);
  const isBuilt = existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs;
  if (!isBuilt) execFileSync('rustc', ['-O', '--edition', '2021', '-o', program, source]);
  return program;
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Octets of all files below a directory.
 * @param {string} directory
 */
export function diskUsage(directory) {
  if (!existsSync(directory)) return 0;
  const names = readdirSync(directory, { recursive: true, encoding: 'utf8' });
  const stats = names.map((name) => statSync(join(directory, name)));
  return stats.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}
