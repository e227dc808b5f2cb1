import { describe, expect, test } from 'vitest';
import { SequenceTracker } from '../../src/collect/sequence.ts';

const T = 1_700_000_000_000;
const BOOT = T - 5_000_000;

/** Feeds [sequence, records, seconds since the first] in turn. */
function follow(unit: 'datagrams' | 'records', steps: readonly (readonly [number, number, number?])[], bootMs = BOOT) {
  const tracker = new SequenceTracker(unit);
  for (const [sequence, sent, seconds] of steps) tracker.observe(sequence, sent, T + (seconds ?? 0) * 1000, bootMs);
  const { lost, duplicated, reordered, resets } = tracker;
  return { lost, duplicated, reordered, resets };
}

const NOTHING = { lost: 0, duplicated: 0, reordered: 0, resets: 0 };

describe('sequence numbers', () => {
  test('in order', () => {
    expect(
      follow('records', [
        [100, 30],
        [130, 30],
        [160, 5],
        [165, 30],
      ]),
    ).toEqual(NOTHING);
    expect(
      follow('datagrams', [
        [7, 30],
        [8, 1],
        [9, 12],
      ]),
    ).toEqual(NOTHING);
  });

  test('across the wrap of 32 bits', () => {
    expect(
      follow('records', [
        [2 ** 32 - 10, 30],
        [20, 30],
        [50, 1],
      ]),
    ).toEqual(NOTHING);
    expect(
      follow('records', [
        [2 ** 32 - 10, 5],
        [5, 30],
      ]),
    ).toEqual({ ...NOTHING, lost: 10 });
  });

  test('a gap is lost, in records or datagrams', () => {
    expect(
      follow('records', [
        [0, 30],
        [90, 30],
        [120, 30],
      ]),
    ).toEqual({ ...NOTHING, lost: 60 });
    expect(
      follow('datagrams', [
        [1, 30],
        [4, 30],
        [5, 30],
      ]),
    ).toEqual({ ...NOTHING, lost: 2 });
  });

  test('what comes late was not lost', () => {
    expect(
      follow('records', [
        [0, 30],
        [60, 30],
        [30, 30],
        [90, 30],
      ]),
    ).toEqual({ ...NOTHING, reordered: 1 });
    expect(
      follow('datagrams', [
        [1, 9],
        [4, 9],
        [3, 9],
        [2, 9],
        [5, 9],
      ]),
    ).toEqual({ ...NOTHING, reordered: 2 });
  });

  test('a duplicate is none of both', () => {
    expect(
      follow('records', [
        [0, 30],
        [30, 30],
        [30, 30],
        [60, 30],
      ]),
    ).toEqual({ ...NOTHING, duplicated: 1 });
    expect(
      follow('datagrams', [
        [1, 9],
        [2, 9],
        [1, 9],
        [3, 9],
      ]),
    ).toEqual({ ...NOTHING, duplicated: 1 });
  });

  test('a duplicate of one that came late', () => {
    expect(
      follow('records', [
        [0, 30],
        [60, 30],
        [30, 30],
        [30, 30],
        [90, 30],
      ]),
    ).toEqual({
      ...NOTHING,
      reordered: 1,
      duplicated: 1,
    });
  });

  test('a step back that was sent later is a restart, even to a number seen before', () => {
    expect(
      follow('records', [
        [0, 30],
        [30, 30],
        [0, 30, 9],
        [30, 30, 10],
      ]),
    ).toEqual({ ...NOTHING, resets: 1 });
    expect(
      follow('datagrams', [
        [5000, 30],
        [5001, 30],
        [0, 30, 3],
      ]),
    ).toEqual({ ...NOTHING, resets: 1 });
  });

  test('a long step back within one second is a restart', () => {
    expect(
      follow('records', [
        [1_000_000, 30],
        [1_000_030, 30],
        [0, 30],
        [30, 30],
      ]),
    ).toEqual({ ...NOTHING, resets: 1 });
  });

  test('a gap with another boot instant is a restart and no loss', () => {
    const tracker = new SequenceTracker('records');
    tracker.observe(10, 30, T, BOOT);
    tracker.observe(500, 30, T + 60_000, T + 50_000);
    expect([tracker.lost, tracker.resets]).toEqual([0, 1]);
  });

  test('the wrap of the uptime is no restart while the sequence goes on', () => {
    const tracker = new SequenceTracker('records');
    tracker.observe(10, 30, T, BOOT);
    tracker.observe(40, 30, T + 1000, BOOT + 2 ** 32);
    expect([tracker.lost, tracker.resets]).toEqual([0, 0]);
  });

  test('after an unknown number of records counting begins anew without loss', () => {
    expect(
      follow(
        'records',
        [
          [0, 30],
          [30, -1],
          [95, 30],
          [125, 30],
        ],
        Number.NaN,
      ),
    ).toEqual(NOTHING);
  });

  test('messages of templates alone do not move the sequence', () => {
    expect(
      follow(
        'records',
        [
          [0, 0],
          [0, 30],
          [30, 0],
          [30, 10],
        ],
        Number.NaN,
      ),
    ).toEqual(NOTHING);
  });

  test('a v9 exporter that counts records is found out', () => {
    const tracker = new SequenceTracker('datagrams');
    let sequence = 0;
    for (let i = 0; i < 50; i++) {
      const records = 10 + (i % 5);
      tracker.observe(sequence, records, T + i, BOOT);
      sequence += records;
    }
    expect([tracker.unit, tracker.lost]).toEqual(['records', 0]);
    tracker.observe(sequence + 7, 10, T + 99, BOOT);
    expect(tracker.lost).toBe(7);
  });

  test('a lossy v9 exporter that counts datagrams is not mistaken', () => {
    const tracker = new SequenceTracker('datagrams');
    let sequence = 0;
    for (let i = 0; i < 300; i++) {
      sequence += i % 10 === 9 ? 25 : 1;
      tracker.observe(sequence, 24, T + i, BOOT);
    }
    expect([tracker.unit, tracker.lost]).toEqual(['datagrams', 30 * 24]);
  });

  test('random order and loss within the window: what is missing is what is lost', () => {
    let state = 1;
    const roll = (limit: number) => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % limit;
    };
    const sent = Array.from({ length: 2000 }, (_, i) => ({ sequence: i, at: i + roll(20) }));
    const first = sent[0]!;
    first.at = -1;
    const arrived = sent.filter(({ sequence }) => sequence === 0 || sequence > 1980 || roll(10) > 0);
    const steps = arrived.sort((a, b) => a.at - b.at).map(({ sequence }) => [sequence, 1] as const);
    expect(follow('datagrams', steps).lost).toBe(sent.length - arrived.length);
  });
});
