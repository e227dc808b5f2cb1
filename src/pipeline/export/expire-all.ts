import type { MeteringCache } from '../../cache/flow-cache-options.ts';
import { BATCH_ROWS } from '../../flow/batch.ts';
import type { FlowOutput } from '../flow-output.ts';

/**
 * Ends every flow at hand, a batch at a time, and waits until it is taken before the next one: live output drops what it
 * has no room for, and a full cache is more than it ever has room for. Flows of packets that come meanwhile may stay.
 * Gives how many ended.
 */
export async function expireAll(cache: MeteringCache, output: FlowOutput): Promise<number> {
  const before = ended(cache);
  for (let from = 1; from !== 0; ) {
    await output.idle();
    from = await cache.expire(from, BATCH_ROWS);
  }
  return ended(cache) - before;
}

function ended(cache: MeteringCache): number {
  const { created, active } = cache.stats();
  return created - active;
}
