import { expect, test } from 'vitest';
import type { InputStats } from '../../../src/pipeline/collect/inputs.ts';
import { ReceptionReport } from '../../../src/pipeline/collect/report.ts';
import type { EndedSlot } from '../../../src/store/slot-sealer.ts';

const MINUTE = 60_000;
const T = 1_700_000_040_000;

function reporter(): (startMs: number, datagrams: number) => number | undefined {
  const report = new ReceptionReport();
  return (startMs, datagrams) => {
    const received = { datagrams, kernelDropped: 0, queueDropped: 0 } as InputStats;
    const line = report.describe({ startMs } as EndedSlot, received, 0);
    return line === undefined ? undefined : Number(/^Total packets received: (\d+), /.exec(line)![1]);
  };
}

test('each slot has one line, however many sources end it, and some of them later', () => {
  const told = reporter();
  expect([told(T, 10), told(T, 12), told(T + MINUTE, 15)]).toEqual([10, undefined, 5]);
  expect([told(T, 16), told(T + MINUTE, 17), told(T + 2 * MINUTE, 20)]).toEqual([undefined, undefined, 5]);
});

test('a clock that is set back does not silence it', () => {
  const told = reporter();
  expect(told(T, 10)).toBe(10);
  expect([told(T - 600 * MINUTE, 11), told(T - 599 * MINUTE, 13)]).toEqual([1, 2]);
});
