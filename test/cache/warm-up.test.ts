import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FlowCacheOptions } from '../../src/cache/flow-cache-options.ts';
import { parseTrack } from '../../src/cache/key-fields.ts';
import { END_ACTIVE, END_DETECTED, END_FORCED } from '../../src/cache/timeouts.ts';
import { warmUp } from '../../src/cache/warm-up.ts';
import { packet, plain, seeds, settings, toTest } from './arbitrary-packets.ts';
import { collecting } from './packets.ts';

const END_IDLE = 1;
/** Room for all that a warm-up has at once. */
const ROOMY = { maxFlows: 5000, spareRows: 5000 };

const warmed = (options: Partial<FlowCacheOptions>) => {
  const kept = collecting(options);
  return { ...kept, stats: warmUp(kept.cache) };
};

describe('warm-up of the flow cache', () => {
  it('takes flows through all that happens to them', () => {
    const { stats, records } = warmed(ROOMY);
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
    expect(records).toEqual([]);
  });

  it.each([
    ['another key', { key: parseTrack('ip') }],
    ['a key out of extension records', { key: parseTrack('full,vlan,mac') }],
    ['both ways in one flow', { biflow: true }],
    ['further columns', { columns: ['inSrcMac', 'minTtl', 'firstNs'] as const }],
    ['room for few flows', { maxFlows: 20, spareRows: 3 }],
    ['no room to be made', { maxFlows: 20, spareRows: 3, whenFull: 'ignore' as const }],
  ])('runs with %s', (_, options) => {
    expect(warmed({ ...ROOMY, ...options }).stats.packets).toBe(warmed(ROOMY).stats.packets);
  });

  it('leaves the cache as it was: flows, their order and all counters are those of a cache without', () => {
    fc.assert(
      fc.property(
        fc.array(packet, { minLength: 1, maxLength: 150 }),
        settings,
        fc.boolean(),
        (steps, some, isLarge) => {
          const options = isLarge ? { ...some, ...ROOMY } : some;
          const packets = plain(steps).map((one) => toTest(one, seeds[2]!(JSON.stringify(one.addresses))));
          const [expected, found] = [collecting(options), warmed(options)].map(({ cache, records, batches, add }) => {
            add(...packets);
            const halfway = cache.stats();
            cache.flush();
            return { records, batches, stats: [halfway, cache.stats()].map((stats) => ({ ...stats, slots: 0 })) };
          });
          expect(found).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });
});
