import { describe, expect, it } from 'vitest';
import { FlowCache } from '../../src/cache/flow-cache.ts';
import type { FlowCacheOptions } from '../../src/cache/flow-cache-options.ts';
import { ROUND_PACKETS } from '../../src/cache/packet-round.ts';
import type { OpenShard } from '../../src/cache/shard-link.ts';
import { ShardedCache } from '../../src/cache/sharded-cache.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import type { ColumnName } from '../../src/flow/fields.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { encode, keeping, type TestPacket } from './packets.ts';
import { openHere } from './shard-here.ts';

const START_US = 1_700_000_000_000_000;

function open(options: Partial<FlowCacheOptions>, workers: number, openShard: OpenShard = openHere(1)) {
  const { complete, records, batches } = keeping(options);
  const failures: string[] = [];
  const cache = new ShardedCache({
    ...complete,
    workers,
    shardSeed: 1,
    open: openShard,
    onFailure: () => failures.push('failed'),
  });
  const add = (packets: TestPacket[]) => {
    const { words, times, extensions } = encode(packets);
    return cache.addPackets(words, times, packets.length, extensions);
  };
  return { cache, add, records, batches, failures };
}

/** Packet `number`: of one of 500 flows, and every third late by up to 2 s. */
function packet(number: number): TestPacket {
  const flow = Math.imul(number, 0x9e3779b1) >>> 23;
  const late = number % 3 === 0 ? (number % 2000) * 1000 : 0;
  return {
    timeUs: START_US + number * 500 - late,
    src: [0, 0, 0xffff, flow],
    hash: Math.imul(flow, 0x9e3779b1) >>> 0,
    octets: number % 1000,
  };
}

function packets(count: number): TestPacket[] {
  return Array.from({ length: count }, (_, number) => packet(number));
}

async function flowsAtHand(cache: ShardedCache, capacity: number): Promise<number[]> {
  const batch = new FlowBatch(capacity);
  const found: number[] = [];
  for (let from = 1; from !== 0; ) {
    batch.reset();
    from = await cache.snapshot(batch, from, 1234);
    for (let row = 0; row < batch.rows; row++) {
      expect([batch.get('exportMs')![row], batch.get('endReason')![row]]).toEqual([1234, 0]);
      found.push(batch.get('srcAddrLo')![row * 2]!);
    }
  }
  return found.sort((a, b) => a - b);
}

const distinct = (many: readonly TestPacket[]) => [...new Set(many.map(({ src }) => src![3]))].sort((a, b) => a - b);

describe('a flow cache spread over workers', () => {
  it('takes more packets at once than there is room for, and gives what one cache gives', async () => {
    const many = packets(6 * ROUND_PACKETS + 5);
    const options = { inactiveMs: 300, activeMs: 4000 };
    const { complete, records: expected } = keeping(options);
    const one = new FlowCache(complete);
    const { words, times } = encode(many);
    one.addPackets(words, times, many.length);
    one.flush();

    const { cache, add, records } = open(options, 3);
    const waited = add(many);
    expect(waited).toBeInstanceOf(Promise);
    await waited;
    await cache.flush();
    expect(records).toEqual(expected);
    expect(records.length).toBeGreaterThan(1000);
    expect(cache.stats().late).toBe(one.stats().late);
    expect(cache.stats().packets).toBe(many.length);
  });

  it('is as new after a flush: other packets from an earlier time', async () => {
    const { cache, add, records } = open({}, 2);
    await add([packet(100_000)]);
    await cache.flush();
    await add([packet(1)]);
    await cache.flush();
    expect(records).toHaveLength(2);
    expect(records[1]!.endMs).toBe(Math.floor(packet(1).timeUs / 1000));
    expect(cache.stats().late).toBe(0);
  });

  it('shows the flows of all workers, which stay', async () => {
    const many = packets(700);
    const { cache, add, records } = open({}, 3);
    await add(many);
    for (const capacity of [7, 10_000]) expect(await flowsAtHand(cache, capacity)).toEqual(distinct(many));
    expect(records).toEqual([]);
    expect(cache.stats().active).toBe(distinct(many).length);
  });

  it('ends flows in portions, of every worker', async () => {
    const many = packets(700);
    const { cache, add, records } = open({}, 3);
    await add(many);
    let portions = 0;
    for (let from = 1; from !== 0; portions++) {
      const before = records.length;
      from = await cache.expire(from, 50);
      expect(records.length - before).toBeLessThanOrEqual(50);
    }
    expect(portions).toBeGreaterThan(5);
    expect(records).toHaveLength(distinct(many).length);
    expect(records.every(({ reason }) => reason === 4)).toBe(true);
    expect(cache.stats().active).toBe(0);
  });

  it('ends flows in silence, also those of workers that have seen no packet for long', async () => {
    const { cache, add, records } = open({ inactiveMs: 1000 }, 4);
    await add(packets(20));
    cache.advance(START_US + 5_000_000);
    await add([{ ...packet(1), timeUs: START_US + 5_000_000 }]);
    await cache.expire(1, 0);
    expect(records).toHaveLength(distinct(packets(20)).length);
    expect(records.every(({ reason }) => reason === 1)).toBe(true);
  });

  it('takes other timeouts, and refuses those that cannot be', async () => {
    const { cache, add, records } = open({ inactiveMs: 60_000 }, 2);
    await add(packets(20));
    expect(() => cache.setTimeouts({ activeMs: 1000, inactiveMs: -1 })).toThrow(UserError);
    cache.setTimeouts({ activeMs: 60_000, inactiveMs: 1000 });
    await add([{ ...packet(1), timeUs: START_US + 5_000_000 }]);
    await cache.flush();
    expect(records.filter(({ reason }) => reason === 1)).toHaveLength(distinct(packets(20)).length);
    expect(() => open({ inactiveMs: -1 }, 2)).toThrow(UserError);
  });

  it('changes columns as one cache does: flows before leave with theirs, and those after have the others', async () => {
    const many = packets(3 * ROUND_PACKETS).map((one, number) => ({
      ...one,
      ttl: 1 + (number % 200),
      srcMac: 1 + (number % 7),
    }));
    const ALL: ColumnName[] = ['minTtl', 'maxTtl', 'inSrcMac'];
    const steps: readonly (readonly ColumnName[])[] = [[], ['minTtl', 'inSrcMac'], ['maxTtl']];
    const [one, spread] = [keeping({ columns: ALL }), keeping({ columns: ALL })];
    const columns: ColumnName[] = ['maxTtl'];
    const cache = new FlowCache({ ...one.complete, columns });
    const sharing = { workers: 3, shardSeed: 1, isExtended: true, open: openHere(1) };
    const shards = new ShardedCache({ ...spread.complete, columns, ...sharing });
    for (const [step, next] of [...steps, undefined].entries()) {
      const part = many.slice(step * 5000, (step + 1) * 5000);
      const { words, times, extensions } = encode(part);
      cache.addPackets(words, times, part.length, extensions);
      await shards.addPackets(words, times, part.length, extensions);
      if (next === undefined) break;
      cache.setColumns(next);
      let leftBefore = 0;
      const changed = shards.setColumns(next, () => {
        leftBefore = spread.records.length;
      });
      await changed;
      expect(leftBefore).toBe(one.records.length);
    }
    cache.flush();
    await shards.flush();
    const told = ({ records, extras }: Pick<typeof one, 'records' | 'extras'>) =>
      records.map((record, i) => JSON.stringify([record, extras[i]])).sort();
    expect(told(spread)).toEqual(told(one));
    expect(new Set(one.extras.map((extra) => Object.keys(extra).join())).size).toBe(3);
  });

  it('evicts the same flows each time, and keeps to the limit in all', async () => {
    const runs = [];
    for (let run = 0; run < 2; run++) {
      const { cache, add, records } = open({ maxFlows: 30 }, 3, openHere(run));
      await add(packets(3000));
      await cache.flush();
      expect(cache.stats().peak).toBeLessThanOrEqual(30);
      expect(cache.stats().endedBy[5]).toBeGreaterThan(100);
      runs.push(records);
    }
    expect(runs[0]).toEqual(runs[1]);
  });

  it('throws what made a worker fail, whoever waits', async () => {
    const failing: OpenShard = (setup, events) => {
      const link = openHere(0)(setup, events);
      let requests = 0;
      return {
        ...link,
        send: (request) => {
          if (setup.shard === 1 && ++requests === 3) events.failed(new Error('out of memory'));
          else link.send(request);
        },
      };
    };
    const { cache, add, failures } = open({}, 2, failing);
    await expect(async () => {
      for (let portion = 0; portion < 10; portion++) await add(packets(ROUND_PACKETS));
    }).rejects.toThrow('out of memory');
    expect(failures).toEqual(['failed']);
    expect(() => add(packets(1))).toThrow('out of memory');
    await expect(cache.flush()).rejects.toThrow('out of memory');
    cache.advance(START_US + 1e9);
    await cache.close();
  });
});
