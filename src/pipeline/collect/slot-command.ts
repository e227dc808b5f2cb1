import { type ChildProcess, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import type { Socket } from 'node:net';
import { delimiter, join, relative } from 'node:path';
import type { EndedSlot } from '../../store/slot-sealer.ts';
import { slotTime } from '../../store/slots.ts';
import type { Log } from '../daemon/log.ts';

/** Ended slots that wait for their command; a command that takes longer than a slot must not pile them up. */
const MAX_WAITING = 1024;
/** How long the end of the program waits for commands. */
const CLOSE_MS = 30_000;
/** How long output is read after the end of a command: what it has left in the background may keep it open for days. */
const OUTPUT_MS = 1000;

/**
 * Runs a command after each slot (`-x`), one at a time and in order, beside everything else. Its output goes to the log.
 */
export class SlotCommand {
  private readonly words: readonly string[];
  private readonly log: Log;
  private readonly waiting: string[][] = [];
  private running: ChildProcess | undefined;
  private done: (() => void) | undefined;

  /** `command` is split at blanks; no shell sees it. */
  constructor(command: string, log: Log) {
    this.words = command.split(/[ \t]+/).filter((word) => word !== '');
    this.log = log;
    for (const [, letter] of command.matchAll(/%(.)/g)) {
      if (!'fdtui'.includes(letter!)) log(`-x: %${letter} has no meaning and stays as it is`);
    }
    const program = this.words[0] ?? '';
    if (!program.includes('%') && !isProgram(program)) log(`-x: there is no program ${program} yet that can be run`);
  }

  /** Puts the command for a slot in line; returns at once. */
  run(slot: EndedSlot): void {
    if (this.waiting.length >= MAX_WAITING) {
      this.log(`-x: ${MAX_WAITING} commands wait already, none is run for ${slot.path}`);
      return;
    }
    this.waiting.push(this.words.map((word) => expand(word, slot)));
    this.next();
  }

  /** Resolves when all commands have ended, at the latest after half a minute. */
  async close(): Promise<void> {
    if (this.running === undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        this.log(`-x: ${this.waiting.length + 1} commands have not ended and are not waited for`);
        this.waiting.length = 0;
        for (const held of [this.running, this.running?.stdout, this.running?.stderr])
          (held as Socket | undefined)?.unref();
        resolve();
      }, CLOSE_MS);
    });
    await Promise.race([new Promise<void>((resolve) => (this.done = resolve)), late]);
    clearTimeout(timer);
  }

  private next(): void {
    if (this.running !== undefined) return;
    const words = this.waiting.shift();
    if (words === undefined) {
      this.done?.();
      return;
    }
    const [program, ...args] = words;
    const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.running = child;
    let ended = false;
    const end = (fault: string | undefined) => {
      if (ended) return;
      ended = true;
      if (fault !== undefined) this.log(`-x: ${words.join(' ')}: ${fault}`);
      this.running = undefined;
      this.next();
    };
    for (const stream of [child.stdout, child.stderr]) logLines(stream, (line) => this.log(`-x: ${line}`));
    child.on('error', (error) => end(error.message));
    child.on('exit', () => {
      const late = setTimeout(() => {
        for (const stream of [child.stdout, child.stderr]) stream.destroy();
      }, OUTPUT_MS);
      child.on('close', () => clearTimeout(late));
    });
    child.on('close', (code, signal) =>
      end(code === 0 ? undefined : signal === null ? `exit status ${code}` : `ended by ${signal}`),
    );
  }
}

/** A word of the command with what stands for a slot put in; see `weir collect --help`. */
export function expand(word: string, slot: EndedSlot): string {
  const interval = (slot.endMs - slot.startMs) / 1000;
  const values: Record<string, string> = {
    f: relative(slot.storeDirectory, slot.path),
    d: slot.storeDirectory,
    t: slotTime(slot.startMs, interval),
    u: String(slot.startMs / 1000),
    i: slot.ident,
  };
  return word.replace(/%([fdtui])/g, (_, letter: string) => values[letter]!);
}

/** Whether a program of this name can be started now, looked for as `spawn` does. */
function isProgram(name: string): boolean {
  const places = name.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter);
  return places.some((place) => {
    const path = place === '' ? name : join(place, name);
    try {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}

/** Longest line taken whole: a command's output is not ours to trust. */
const MAX_LINE = 4096;

function logLines(stream: NodeJS.ReadableStream, log: Log): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop()!.slice(0, MAX_LINE);
    for (const line of lines) log(line);
  });
  stream.on('end', () => {
    if (rest !== '') log(rest);
  });
}
