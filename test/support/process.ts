import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, describe } from 'vitest';

export const ROOT = join(import.meta.dirname, '../..');
const CLI = join(ROOT, 'dist/cli/main.js');

export interface Finished {
  /** Exit code, or -1 when a signal ended the process. */
  status: number;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** SIGKILL after so long, default 60 s: a hang fails the test that waits for it and not the whole run. */
  timeoutMs?: number;
}

/** Runs a program to its end, whatever its exit code; throws when it cannot be started or does not end in time. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { timeoutMs = 60_000 } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: environment(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const line = `${command} ${args.join(' ')}`;
      if (late) reject(new Error(`${line}: still running after ${timeoutMs} ms\n${Buffer.concat(stderr)}`));
      resolve({
        status: code ?? -1,
        signal,
        stdout: String(Buffer.concat(stdout)),
        stderr: String(Buffer.concat(stderr)),
      });
    });
  });
}

/** Like `run`, and throws when the exit code is not 0. Gives what stood on standard output. */
export async function runOk(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const finished = await run(command, args, options);
  if (finished.status !== 0) {
    const end = finished.signal ?? `exit code ${finished.status}`;
    throw new Error(`${command} ${args.join(' ')}: ${end}\n${finished.stdout}${finished.stderr}`);
  }
  return finished.stdout;
}

/** The built `weir` with these arguments. */
export function weir(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return run(process.execPath, [CLI, ...args], options);
}

export function weirOk(args: readonly string[], options: RunOptions = {}): Promise<string> {
  return runOk(process.execPath, [CLI, ...args], options);
}

/** A program that runs until it is told to end. */
export class Daemon {
  readonly child: ChildProcess;
  /** Both streams, as they came. */
  output = '';
  private readonly ended: Promise<{ status: number; signal: NodeJS.Signals | null }>;
  private readonly command: string;

  constructor(command: string, args: readonly string[], options: { cwd?: string; env?: Record<string, string> } = {}) {
    this.command = [command, ...args].join(' ');
    this.child = spawn(command, args, {
      cwd: options.cwd ?? ROOT,
      env: environment(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child.stdout!.on('data', (chunk) => (this.output += chunk));
    this.child.stderr!.on('data', (chunk) => (this.output += chunk));
    this.ended = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => resolve({ status: code ?? -1, signal }));
    });
    // A daemon that could not be started is reported where it is waited for.
    this.ended.catch(() => undefined);
    running.add(this);
    void this.ended.finally(() => running.delete(this)).catch(() => undefined);
  }

  static weir(args: readonly string[], options: { env?: Record<string, string> } = {}): Daemon {
    return new Daemon(process.execPath, [CLI, ...args], options);
  }

  /** Waits until `condition` holds; throws with the daemon's output when it ends first or does not come to it in time. */
  async until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    while (!(await condition())) {
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`${this.command}: ended before ${what}\n${this.output}`);
      }
      if (Date.now() > deadline) throw new Error(`${this.command}: not ${what} after ${timeoutMs} ms\n${this.output}`);
      await sleep(20);
    }
  }

  /** Sends a signal and waits for the end. */
  stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<{ status: number; signal: NodeJS.Signals | null }> {
    this.child.kill(signal);
    return this.end();
  }

  /** Waits for the end. */
  async end(): Promise<{ status: number; signal: NodeJS.Signals | null }> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 30_000);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }
}

const running = new Set<Daemon>();
process.on('exit', () => {
  for (const daemon of running) daemon.child.kill('SIGKILL');
});

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `condition` holds; throws when it does not come to that in time, for which a busy machine has enough. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await condition()); await sleep(5)) {
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${condition}`);
  }
}

/** A new empty directory that is gone after the test file. */
export function tempDir(name: string): string {
  const directory = mkdtempSync(join(tmpdir(), `weir-test-${name}-`));
  temporary.push(directory);
  return directory;
}

const temporary: string[] = [];
afterAll(() => {
  for (const directory of temporary.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** Local time in what peers print and in file names is UTC; nothing asks a proxy or a pager. */
function environment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, TZ: 'UTC', LC_ALL: 'C', NO_COLOR: '1', ...extra };
}

/** Full path of a program, looked up in PATH and in the directories of administrators' tools. */
export function findTool(name: string): string | undefined {
  const directories = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin', '/usr/local/sbin'];
  return directories.map((directory) => join(directory, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * `describe` for tests that need programs, privileges or data: what is missing stands in the name of the skipped suite. On a
 * build server (CI=true) a missing program fails instead, since the set-up there installs all of them.
 */
export function describeWith(needs: readonly string[], name: string, body: () => void): void {
  const missing = needs.filter((need) => !isThere(need));
  if (missing.length === 0) describe(name, body);
  else if (process.env['CI'] === 'true' && missing.some((need) => !MAY_BE_ABSENT.has(need))) {
    describe(name, () => {
      throw new Error(`${name} needs ${missing.join(', ')}: not installed`);
    });
  } else describe.skip(`${name} [needs ${missing.join(', ')}]`, body);
}

/** Directory of the captures of other projects, beside the repository. */
export const SHARED_DATA = join(ROOT, '../shared/data');
const MAY_BE_ABSENT = new Set(['root', 'shared captures', 'npm cap', 'npm pcap']);

function isThere(need: string): boolean {
  switch (need) {
    case 'root':
      return process.getuid?.() === 0;
    case 'weir':
      return existsSync(CLI);
    case 'shared captures':
      return existsSync(SHARED_DATA);
    case 'npm cap':
    case 'npm pcap':
      return existsSync(join(ROOT, 'node_modules', need.slice(4), 'build/Release'));
    default:
      return findTool(need) !== undefined;
  }
}
