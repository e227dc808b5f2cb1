import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { describeProgress, describeShare, ProgressLine } from '../../../src/pipeline/daemon/progress.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const CLEAR_LINE = '\r\x1b[K';
const figures = { packets: 12_300_000, flows: 1_200_000, bytesRead: 450, bytesTotal: 1000 };

it('tells packets, flows, rate and share', () => {
  expect(describeProgress(figures, 3)).toBe('12.3 M packets, 1.20 M flows, 4.10 M packets/s, 45 %');
  expect(describeProgress({ ...figures, flows: 1, bytesTotal: 0 }, 3)).toBe('12.3 M packets, 1 flow, 4.10 M packets/s');
  expect(describeProgress({ ...figures, bytesRead: 2000 }, 3)).toMatch(/ 100 %$/);
});

it('writes one line over and over on a terminal, and takes it away', () => {
  const written: string[] = [];
  const line = new ProgressLine({ isTTY: true, write: (text) => written.push(text) }, (seconds) =>
    describeProgress(figures, seconds),
  );
  expect(written).toEqual([]);
  vi.advanceTimersByTime(1100);
  expect(written).toHaveLength(2);
  for (const text of written) {
    expect(text.startsWith(CLEAR_LINE)).toBe(true);
    expect(text.slice(CLEAR_LINE.length)).toMatch(/^12\.3 M packets.* 45 %$/);
  }
  line.clear();
  line.clear();
  expect(written.slice(2)).toEqual([CLEAR_LINE]);
  line.stop();
  vi.advanceTimersByTime(5000);
  expect(written).toHaveLength(3);
});

it('waits before it shows itself', () => {
  const written: string[] = [];
  const line = new ProgressLine({ isTTY: true, write: (text) => written.push(text) }, () => describeShare(0.4), 1000);
  vi.advanceTimersByTime(600);
  expect(written).toEqual([]);
  vi.advanceTimersByTime(600);
  expect(written).toEqual([`${CLEAR_LINE}[############------------------]  40 %`]);
  line.stop();
});

it('writes nothing on a terminal that knows no control sequences', () => {
  vi.stubEnv('TERM', 'dumb');
  const write = vi.fn();
  const line = new ProgressLine({ isTTY: true, write }, () => describeShare(0.4));
  vi.advanceTimersByTime(5000);
  line.stop();
  vi.unstubAllEnvs();
  expect(write).not.toHaveBeenCalled();
});

it('writes nothing where nobody looks', () => {
  const write = vi.fn();
  const line = new ProgressLine({ write }, (seconds) => describeProgress(figures, seconds));
  vi.advanceTimersByTime(5000);
  line.stop();
  expect(write).not.toHaveBeenCalled();
});
