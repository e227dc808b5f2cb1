import { Writable } from 'node:stream';
import { oneLine } from '../../flow/one-line.ts';
import { UserError } from '../../flow/user-error.ts';
import { parseDumpArguments } from '../../query/arguments.ts';
import { runDump } from '../../query/dump.ts';
import { RecentSegments } from '../../store/recent-segments.ts';
import { isDumb } from '../daemon/progress.ts';
import { dumpSurroundings } from './dump.ts';
import { pressKey, splitKeys, TOP_KEYS, type TopState } from './top-state.ts';

export interface TopOptions {
  readonly stores: readonly string[];
  readonly statistic: string;
  readonly order: string;
  readonly filter: string;
  readonly windowSeconds: number;
  readonly everySeconds: number;
  /** Rows of a table that is printed once; a screen has as many as fit. */
  readonly rows: number;
}

/** Lines of the screen that are no rows: two of ours above, title and header, the summary, one of keys below. */
const OTHER_LINES = 9;
const [OPEN_SCREEN, CLOSE_SCREEN] = ['\x1b[?1049h\x1b[?25l', '\x1b[?25h\x1b[?1049l'];
const [HOME, CLEAR_LINE, CLEAR_BELOW] = ['\x1b[H', '\x1b[K', '\x1b[J'];
/** A part that is merged while it is opened is gone the next time. */
const TRIES = 3;

interface TopStreams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

/** `weir top`: the top of the last minutes of running stores, again and again; once where nobody can press keys. */
export async function runTop(options: TopOptions, { stdin, stdout }: TopStreams): Promise<number> {
  const { statistic, order, filter, windowSeconds } = options;
  const state: TopState = { statistic, order, filter, windowSeconds, paused: false, prompt: undefined };
  if (!stdin.isTTY || !stdout.isTTY || isDumb()) {
    const { text, leftOut } = await ask(new RecentSegments(options.stores), state, options.rows);
    stdout.write(text);
    process.stderr.write(leftOut);
    return leftOut === '' ? 0 : 1;
  }
  // A filter or a statistic that is wrong from the start should be told plainly.
  await ask(new RecentSegments(options.stores), state, 1);
  await new TopScreen(options, state, { stdin, stdout }).run();
  return 0;
}

interface Table {
  readonly text: string;
  /** Lines that name damaged files. */
  readonly leftOut: string;
}

/** The table as text. Throws a UserError for a filter or a statistic that there is not. */
async function ask(segments: RecentSegments, state: TopState, rows: number): Promise<Table> {
  const { statistic, order, filter, windowSeconds } = state;
  const sinceMs = Date.now() - windowSeconds * 1000;
  const argv = ['-R', '.', '-s', `${statistic}/${order}`, '-n', String(rows), '--overlap', '-t', windowText(sinceMs)];
  const options = parseDumpArguments([...argv, '--', filter]);
  for (let attempt = 1; ; attempt++) {
    const files = (await segments.find(sinceMs, Date.now())).map(({ path }) => path);
    if (files.length === 0) {
      // What is typed is judged all the same.
      await runDump({ ...options, action: 'plan' }, dumpSurroundings({ stdout: new Text(), stderr: new Text() }));
      return { text: `no flows were written in the last ${windowSeconds} s\n`, leftOut: '' };
    }
    const [stdout, stderr] = [new Text(), new Text()];
    try {
      const found = { chooseFiles: async () => files, lookBelow: async () => undefined };
      const surroundings = { ...dumpSurroundings({ stdout, stderr }), ...found };
      const status = await runDump(options, surroundings);
      return { text: stdout.text, leftOut: status === 0 ? '' : stderr.text };
    } catch (error) {
      if (attempt === TRIES || !(error instanceof UserError && /cannot read/.test(error.message))) throw error;
    }
  }
}

function windowText(ms: number): string {
  const time = new Date(ms);
  const two = (value: number) => String(value).padStart(2, '0');
  const day = `${time.getFullYear()}/${two(time.getMonth() + 1)}/${two(time.getDate())}`;
  return `${day}.${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** Keeps what is written. */
class Text extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, callback: () => void): void {
    this.text += chunk.toString('utf8');
    callback();
  }
}

/** The screen while it is up. */
class TopScreen {
  private readonly options: TopOptions;
  private readonly streams: TopStreams;
  private readonly segments: RecentSegments;
  private state: TopState;
  private answer = '';
  private trouble = '';
  private asking = false;
  private askAgain = false;
  private end: () => void = () => undefined;

  constructor(options: TopOptions, state: TopState, streams: TopStreams) {
    this.options = options;
    this.segments = new RecentSegments(options.stores);
    this.state = state;
    this.streams = streams;
  }

  async run(): Promise<void> {
    const { stdin, stdout } = this.streams;
    const ended = new Promise<void>((resolve) => {
      this.end = resolve;
    });
    const onKeys = (keys: string) => this.press(keys);
    const onResize = () => void this.refresh();
    const onSignal = () => this.end();
    const timer = setInterval(() => {
      if (!this.state.paused) void this.refresh();
    }, this.options.everySeconds * 1000);
    stdout.write(OPEN_SCREEN);
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    stdin.on('data', onKeys);
    stdout.on('resize', onResize);
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
    try {
      void this.refresh();
      await ended;
    } finally {
      clearInterval(timer);
      stdin.off('data', onKeys);
      stdout.off('resize', onResize);
      for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, onSignal);
      stdin.setRawMode(false);
      stdin.pause();
      stdout.write(CLOSE_SCREEN);
    }
    // A question that is still open would hold the process up.
    if (this.asking) process.exit(0);
  }

  private press(keys: string): void {
    for (const key of splitKeys(keys)) {
      const { state, action } = pressKey(this.state, key);
      this.state = state;
      if (action === 'quit') this.end();
      if (action === 'redraw' || action === 'ask') this.draw();
      if (action === 'ask') void this.refresh();
    }
  }

  /** Asks and draws; while a question is open, once more after it. */
  private async refresh(): Promise<void> {
    if (this.asking) {
      this.askAgain = true;
      return;
    }
    this.asking = true;
    do {
      this.askAgain = false;
      try {
        const rows = Math.max(1, (this.streams.stdout.rows || 24) - OTHER_LINES);
        const { text, leftOut } = await ask(this.segments, this.state, rows);
        this.answer = text;
        this.trouble = leftOut.split('\n')[0]!;
      } catch (error) {
        this.trouble = (error instanceof Error ? error.message : String(error)).split('\n')[0]!;
      }
    } while (this.askAgain);
    this.asking = false;
    this.draw();
  }

  private draw(): void {
    const { stdout } = this.streams;
    const { filter, windowSeconds, paused, prompt, statistic, order } = this.state;
    const [width, height] = [stdout.columns || 80, stdout.rows || 24];
    const now = new Date().toTimeString().slice(0, 8);
    const head = [
      `weir top  ${now}  last ${windowSeconds} s  ${statistic}/${order}${paused ? '  PAUSED' : ''}  ${this.options.stores.join(' ')}`,
      prompt === undefined ? (filter === '' ? '' : `filter: ${filter}`) : `${prompt.of}: ${prompt.text}_`,
    ];
    const below = this.trouble === '' ? TOP_KEYS : this.trouble;
    const room = Math.max(0, height - head.length - 1);
    const shown = this.answer.split('\n').slice(0, room);
    const body = [...shown, ...Array<string>(room - shown.length).fill('')];
    const lines = [...head, ...body].map((line) => `${cut(line, width)}${CLEAR_LINE}\r\n`);
    stdout.write(`${HOME}${lines.join('')}${cut(below, width)}${CLEAR_LINE}${CLEAR_BELOW}`);
  }
}

/** No wider than the screen, and nothing in it that would move the cursor. */
function cut(line: string, width: number): string {
  return [...oneLine(line)].slice(0, width).join('');
}
