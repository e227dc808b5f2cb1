import { describe, expect, it } from 'vitest';
import { parseTrack } from '../../src/cache/key-fields.ts';
import { END_ACTIVE, END_DETECTED, END_FORCED } from '../../src/cache/timeouts.ts';
import { warmUp } from '../../src/cache/warm-up.ts';

const END_IDLE = 1;

describe('warm-up of the flow cache', () => {
  it('takes flows through all that happens to them', () => {
    const stats = warmUp({});
    for (const reason of [END_IDLE, END_ACTIVE, END_DETECTED, END_FORCED]) {
      expect(stats.endedBy[reason], `ended by ${reason}`).toBeGreaterThan(0);
    }
    expect(stats.late).toBeGreaterThan(0);
    expect(stats.steppedBack).toBe(0);
    expect(stats.badTimes).toBe(0);
    // The table has grown, and entries with one home follow one another.
    expect(stats.slots).toBe(8192);
    expect(stats.maxProbe).toBeGreaterThan(10);
    expect(stats.active).toBe(0);
    expect(stats.octets).toBe(stats.packets * 100);
  });

  it.each([
    ['another key', { key: parseTrack('ip') }],
    ['a key out of extension records', { key: parseTrack('full,vlan,mac') }],
    ['both ways in one flow', { biflow: true }],
    ['further columns', { columns: ['inSrcMac', 'minTtl', 'firstNs'] as const }],
  ])('runs with %s', (_, options) => {
    expect(warmUp(options).packets).toBe(warmUp({}).packets);
  });
});
