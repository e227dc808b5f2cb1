import { plural, scaled } from './log.ts';

/** How far a replay is. */
export interface ProgressFigures {
  packets: number;
  flows: number;
  /** Octets of the files read and in all; 0 in all when nobody knows. */
  bytesRead: number;
  bytesTotal: number;
}

/** The stream that the line goes to: standard error, or what a test has in its place. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const EVERY_MS = 500;
const CLEAR_LINE = '\r\x1b[K';

/** A terminal that says of itself that it knows no control sequences. */
export function isDumb(): boolean {
  return process.env['TERM'] === 'dumb';
}

/** A line on a terminal that tells how far a long run is, written over again twice a second. */
export class ProgressLine {
  readonly #stream: ProgressStream;
  readonly #describe: (seconds: number) => string;
  readonly #fromMs: number;
  readonly #startMs: number;
  readonly #timer: NodeJS.Timeout | undefined;
  #shown = false;

  /**
   * `describe` gets the seconds since the start. Nothing is shown before `fromMs`, and nothing at all where `stream` is no
   * terminal, or a dumb one.
   */
  constructor(stream: ProgressStream, describe: (seconds: number) => string, fromMs = 0) {
    this.#stream = stream;
    this.#describe = describe;
    this.#fromMs = fromMs;
    this.#startMs = performance.now();
    if (stream.isTTY !== true || isDumb()) return;
    this.#timer = setInterval(() => this.#show(), EVERY_MS);
    this.#timer.unref();
  }

  /** Takes the line away: before other text, and at the end. */
  clear(): void {
    if (!this.#shown) return;
    this.#stream.write(CLEAR_LINE);
    this.#shown = false;
  }

  stop(): void {
    clearInterval(this.#timer);
    this.clear();
  }

  #show(): void {
    const elapsedMs = performance.now() - this.#startMs;
    if (elapsedMs < this.#fromMs) return;
    this.#stream.write(CLEAR_LINE + this.#describe(elapsedMs / 1000));
    this.#shown = true;
  }
}

/** `12.3 M packets, 1.20 M flows, 3.41 M packets/s, 45 %`; the share is left out where it is not known. */
export function describeProgress(figures: ProgressFigures, seconds: number): string {
  const { packets, flows, bytesRead, bytesTotal } = figures;
  const parts = [
    `${scaled(packets)} packets`,
    flows < 1000 ? plural(flows, 'flow') : `${scaled(flows)} flows`,
    `${scaled(packets / Math.max(seconds, 1e-3))} packets/s`,
  ];
  // A file that grows meanwhile is never more than read.
  if (bytesTotal > 0) parts.push(`${Math.min(100, Math.floor((bytesRead / bytesTotal) * 100))} %`);
  return parts.join(', ');
}

const BAR_WIDTH = 30;
/** Answers that come sooner need no progress. */
export const SHORT_ANSWER_MS = 1000;

/** `[############------------------]  40 %` of a share from 0 to 1. */
export function describeShare(share: number): string {
  const whole = Math.min(1, Math.max(0, share));
  const filled = Math.round(whole * BAR_WIDTH);
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(whole * 100)).padStart(3)} %`;
}
