import { setTimeout as sleep } from 'node:timers/promises';

/** Shortest and longest wait at a stretch, milliseconds: the clock of a timer goes wrong beyond 2^31 ms. */
const STEP_MS = 5;
const LONGEST_WAIT_MS = 60_000;

/** When flows may go. */
export interface ReplayPace {
  /**
   * Waits until the row `from` is due; resolves to the row after the last one that is due with it, `from` when the
   * signal to stop came first.
   * @param timeMs when each row was received, milliseconds since 1970
   */
  due(timeMs: (row: number) => number, from: number, rows: number): Promise<number>;
}

/** As fast as they are taken. */
export const unpaced: ReplayPace = { due: (_, __, rows) => Promise.resolve(rows) };

/** So many flows a second, spread evenly. */
export class FlowRate implements ReplayPace {
  private readonly flowsPerMs: number;
  private readonly stop: AbortSignal;
  private readonly nowMs: () => number;
  private startMs = Number.NaN;
  private gone = 0;

  constructor(flowsPerSecond: number, stop: AbortSignal, nowMs: () => number = () => performance.now()) {
    this.flowsPerMs = flowsPerSecond / 1000;
    this.stop = stop;
    this.nowMs = nowMs;
  }

  async due(_: (row: number) => number, from: number, rows: number): Promise<number> {
    if (Number.isNaN(this.startMs)) this.startMs = this.nowMs();
    while (!this.stop.aborted) {
      // The first goes at once.
      const due = Math.floor((this.nowMs() - this.startMs) * this.flowsPerMs) + 1 - this.gone;
      if (due > 0) {
        const to = Math.min(rows, from + due);
        this.gone += to - from;
        return to;
      }
      await wait((1 - due) / this.flowsPerMs, this.stop);
    }
    return from;
  }
}

/** As they were received, or so many times faster; one that is older than those before it is due at once. */
export class RecordedSpeed implements ReplayPace {
  private readonly speed: number;
  private readonly stop: AbortSignal;
  private readonly nowMs: () => number;
  private startMs = 0;
  private firstMs = Number.NaN;

  constructor(speed: number, stop: AbortSignal, nowMs: () => number = () => performance.now()) {
    this.speed = speed;
    this.stop = stop;
    this.nowMs = nowMs;
  }

  async due(timeMs: (row: number) => number, from: number, rows: number): Promise<number> {
    if (Number.isNaN(this.firstMs)) {
      this.firstMs = timeMs(from);
      this.startMs = this.nowMs();
    }
    while (!this.stop.aborted) {
      const clockMs = this.firstMs + (this.nowMs() - this.startMs) * this.speed;
      let to = from;
      while (to < rows && timeMs(to) <= clockMs) to++;
      if (to > from) return to;
      await wait((timeMs(from) - clockMs) / this.speed, this.stop);
    }
    return from;
  }
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  // A wait that is broken off is over, too.
  await sleep(Math.min(Math.max(ms, STEP_MS), LONGEST_WAIT_MS), undefined, { signal }).catch(() => undefined);
}
