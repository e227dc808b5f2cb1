import { describe, expect, it } from 'vitest';
import { FlowRate, RecordedSpeed, unpaced } from '../../../src/pipeline/archive/replay-pace.ts';

/** A clock that goes on by `step` each time somebody looks at it. */
function clock(step: number): () => number {
  let now = 0;
  return () => {
    now += step;
    return now;
  };
}

const never = new AbortController().signal;

describe('the pace of a replay', () => {
  it('without one lets all rows go', async () => {
    expect(await unpaced.due(() => 0, 3, 2048)).toBe(2048);
  });

  it('of 1000 flows a second lets one go at once and then one a millisecond', async () => {
    const pace = new FlowRate(1000, never, clock(10));
    // The first look starts the clock, the second one is 10 ms later.
    expect(await pace.due(() => 0, 0, 2048)).toBe(11);
    expect(await pace.due(() => 0, 11, 2048)).toBe(21);
    expect(await pace.due(() => 0, 21, 23)).toBe(23);
    // What did not go for lack of rows goes with the next.
    expect(await pace.due(() => 0, 0, 2048)).toBe(18);
  });

  it('of a low rate waits for the next flow', async () => {
    const pace = new FlowRate(50, never, clock(10));
    expect(await pace.due(() => 0, 0, 5)).toBe(1);
    expect(await pace.due(() => 0, 1, 5)).toBe(2);
  });

  it('as recorded lets flows go at their times, twice as fast with 2, and late ones at once', async () => {
    const times = [1000, 1015, 1021, 990, 1045];
    const timeMs = (row: number) => times[row]!;
    const pace = new RecordedSpeed(2, never, clock(10));
    expect(await pace.due(timeMs, 0, 5)).toBe(2);
    expect(await pace.due(timeMs, 2, 5)).toBe(4);
    expect(await pace.due(timeMs, 4, 5)).toBe(5);
  });

  it('ends when it is told to, in the middle of a wait', async () => {
    const stop = new AbortController();
    const pace = new RecordedSpeed(1, stop.signal, clock(10));
    expect(await pace.due((row) => row * 3_600_000, 0, 2)).toBe(1);
    const waiting = pace.due((row) => row * 3_600_000, 1, 2);
    stop.abort();
    expect(await waiting).toBe(1);
  });
});
