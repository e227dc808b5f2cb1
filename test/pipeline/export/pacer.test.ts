import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { P_TIME, PACKET_BYTES, PACKET_WORDS } from '../../../src/addon/packet-layout.ts';
import type { PacketSlot } from '../../../src/capture/source.ts';
import { Pacer } from '../../../src/pipeline/export/pacer.ts';

const START_US = 1_700_000_000_000_000;

/** A slot of packets at these milliseconds after the start. */
function slotOf(timesMs: number[]): PacketSlot {
  const bytes = new Uint8Array(timesMs.length * PACKET_BYTES);
  const doubles = new Float64Array(bytes.buffer);
  timesMs.forEach((ms, i) => {
    doubles[(i * PACKET_WORDS + P_TIME) / 2] = START_US + ms * 1000;
  });
  return {
    index: 0,
    count: timesMs.length,
    bytes,
    words: new Uint32Array(bytes.buffer),
    doubles,
    extensions: undefined,
  };
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

async function play(pacer: Pacer, timesMs: number[], seen: [number, number][], startMs: number): Promise<void> {
  await pacer.play(slotOf(timesMs), (from, to) => {
    for (let i = from; i < to; i++) seen.push([timesMs[i]!, Math.round(performance.now() - startMs)]);
  });
}

it.each([1, 2, 0.5])('hands packets over at their time, at speed %d', async (speed) => {
  const startMs = performance.now();
  const pacer = new Pacer(speed);
  const times = [0, 0, 40, 45, 1000, 400, 3000];
  const seen: [number, number][] = [];
  const done = play(pacer, times, seen, startMs);
  await vi.advanceTimersByTimeAsync(20_000);
  await done;
  expect(seen.map(([ms]) => ms)).toEqual(times);
  let clock = 0;
  for (const [ms, at] of seen) {
    clock = Math.max(clock, ms);
    expect(at).toBeGreaterThanOrEqual(Math.floor(clock / speed));
    expect(at).toBeLessThanOrEqual(clock / speed + 10);
  }
  // The next slot goes on with the same clock.
  const later = play(pacer, [30_000], seen, startMs);
  await vi.advanceTimersByTimeAsync(100_000);
  await later;
  expect(Math.abs(seen.at(-1)![1] - Math.max(20_000, 30_000 / speed))).toBeLessThanOrEqual(10);
});

it('waits no longer once it is stopped', async () => {
  const pacer = new Pacer(1);
  const seen: [number, number][] = [];
  const done = play(pacer, [0, 86_400_000, 172_800_000], seen, performance.now());
  await vi.advanceTimersByTimeAsync(1000);
  expect(seen).toHaveLength(1);
  pacer.stop();
  await done;
  expect(seen.map(([ms]) => ms)).toEqual([0, 86_400_000, 172_800_000]);
});
