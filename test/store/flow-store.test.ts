import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import { FlowStore } from '../../src/store/flow-store.ts';
import { chooseSegments } from '../../src/store/segment-files.ts';
import type { EndedSlot } from '../../src/store/slot-sealer.ts';
import { partTime } from '../../src/store/slots.ts';
import { tempDir, until } from '../support/process.ts';
import { batchOf, DAY, ids, liveStore, many, START_MS, visible } from './live-store.ts';
import { query } from './query-files.ts';

describe('a live store', () => {
  it('shows flows of the running slot in parts and makes one file of them', async () => {
    const directory = tempDir('store');
    const { store, clock, ended } = await liveStore(directory, { ident: 'border' });
    const day = join(directory, DAY);
    await store.write(batchOf(many(0, 10)));
    await until(() => store.storedFlows === 10);
    await store.write(batchOf(many(10, 20_000)));
    await until(() => store.storedFlows === 20_010);
    expect(visible(day).every((name) => partTime(name) === '202611201000')).toBe(true);
    expect((await ids(directory)).length).toBe(20_010);
    clock.nowMs += 300_000;
    await store.write(batchOf([{ id: 90_000, proto: 17 }]));
    await until(() => ended.length === 1);
    // The parts may still be there for readers that know of them; nobody counts them.
    expect(await ids(directory)).toEqual(expect.arrayContaining([0, 20_009]));
    expect((await ids(directory)).filter((id) => id < 90_000).length).toBe(20_010);
    await store.close();
    expect(visible(day)).toEqual(['weir.202611201000.parquet', 'weir.202611201005.parquet']);
    expect(await ids(directory)).toEqual([...many(0, 20_010).map((flow) => flow.id), 90_000]);
    expect(ended.map((slot) => [slot.startMs - START_MS, slot.endMs - START_MS, slot.path, slot.ident])).toEqual([
      [0, 300_000, join(day, 'weir.202611201000.parquet'), 'border'],
      [300_000, 600_000, join(day, 'weir.202611201005.parquet'), 'border'],
    ]);
    expect(ended[0]!.stats).toEqual({
      tcp: { flows: 20_010, packets: 40_020, octets: 2_001_000 },
      udp: { flows: 0, packets: 0, octets: 0 },
      icmp: { flows: 0, packets: 0, octets: 0 },
      other: { flows: 0, packets: 0, octets: 0 },
      firstMs: START_MS - 1000,
      lastMs: START_MS,
      sequenceErrors: 0,
    });
    expect(ended[1]!.stats.udp.flows).toBe(1);
    const info = await addon().segmentInfo(ended[0]!.path);
    expect(info.rows).toBe(20_010);
    expect(info.metadata).toMatchObject({
      'weir.schema': '1',
      'weir.ident': 'border',
      'weir.slot': '202611201000',
      'weir.stats': JSON.stringify(ended[0]!.stats),
    });
    expect(JSON.parse(info.metadata['weir.parts']!)).toHaveLength(2);
  });

  it('goes back with a clock that was wrong by more than a slot', async () => {
    const directory = tempDir('store');
    const { store, clock, ended, messages } = await liveStore(directory);
    await store.write(batchOf(many(0, 3)));
    await until(() => store.storedFlows === 3);
    clock.nowMs += 40 * 86_400_000;
    await store.write(batchOf(many(3, 3)));
    await until(() => store.storedFlows === 6);
    // As far as the slot before, a clock that is corrected changes nothing: a slot is not opened again for a second.
    clock.nowMs -= 300_000;
    await store.write(batchOf(many(6, 3)));
    clock.nowMs = START_MS + 1000;
    await store.write(batchOf(many(9, 3)));
    await store.close();
    expect(messages).toEqual([expect.stringMatching(/the clock went back by 3456000 s: slot 202612301000 ends/)]);
    expect(await ids(directory)).toEqual(many(0, 12).map(({ id }) => id));
    const flows = new Map(ended.map(({ path, stats }) => [path, stats.tcp.flows]));
    expect(flows.get(join(directory, DAY, 'weir.202611201000.parquet'))).toBe(6);
    expect(flows.get(join(directory, '2026/12/30', 'weir.202612301000.parquet'))).toBe(6);
  });

  it('takes the batch back at once when it was copied', async () => {
    const { store } = await liveStore(tempDir('store'));
    const batch = batchOf(many(0, 100));
    expect(store.write(batch)).toBeUndefined();
    batch.reset();
    const large = batchOf(many(100, 30_000));
    await store.write(large);
    large.reset();
    await store.close();
    expect(store.storedFlows).toBe(30_100);
  });

  it('writes a file for slots without flows', async () => {
    const directory = tempDir('store');
    const { store, clock } = await liveStore(directory, { layout: 0 });
    await store.write(batchOf(many(0, 1)));
    clock.nowMs += 900_000;
    await store.write(batchOf(many(1, 1)));
    await store.close();
    expect(visible(directory)).toEqual([1000, 1005, 1010, 1015].map((time) => `weir.20261120${time}.parquet`));
    expect(await ids(directory)).toEqual([0, 1]);
    expect((await addon().segmentInfo(join(directory, 'weir.202611201005.parquet'))).rows).toBe(0);
  });

  it('adds to the file of its slot after a restart', async () => {
    const directory = tempDir('store');
    for (const first of [0, 10, 20]) {
      const { store } = await liveStore(directory);
      await store.write(batchOf(many(first, 10)));
      await store.close();
      expect(visible(join(directory, DAY))).toEqual(['weir.202611201000.parquet']);
    }
    expect(await ids(directory)).toEqual(many(0, 30).map((flow) => flow.id));
    const info = await addon().segmentInfo(join(directory, DAY, 'weir.202611201000.parquet'));
    expect(JSON.parse(info.metadata['weir.stats']!).tcp.flows).toBe(30);
  });

  it('stores columns that come and go', async () => {
    const directory = tempDir('store');
    const { store } = await liveStore(directory);
    for (let i = 0; i < 6; i++) {
      await store.write(batchOf(many(i * 20_000, 20_000, i % 2 === 1 ? { srcAs: 64_500 + i } : {})));
    }
    await store.close();
    const paths = (await chooseSegments({ range: directory })).map((file) => file.path);
    expect(paths).toHaveLength(1);
    expect(await query('select src_as, count(*) from files group by 1 order by 1', paths)).toEqual([
      [0, 60_000n],
      [64_501, 20_000n],
      [64_503, 20_000n],
      [64_505, 20_000n],
    ]);
  });

  it('goes on when whoever is told of a slot fails', async () => {
    const directory = tempDir('store');
    const messages: string[] = [];
    const { store, clock } = await liveStore(directory, {
      log: (message) => messages.push(message),
      onSlotEnd: () => {
        throw new Error('no such command');
      },
    });
    for (let i = 0; i < 2; i++) {
      await store.write(batchOf(many(i, 1)));
      clock.nowMs += 300_000;
    }
    await store.close();
    expect(messages[0]).toMatch(/202611201000.*no such command/);
    expect(await ids(directory)).toEqual([0, 1]);
    expect(() => store.write(batchOf(many(2, 1)))).toThrow(/closed/);
  });

  it('refuses a directory that another store has', async () => {
    const directory = tempDir('store');
    const { store } = await liveStore(directory);
    await expect(liveStore(directory)).rejects.toThrow(/in use by another weir/);
    await store.close();
    await (await liveStore(directory)).store.close();
  });

  it('refuses an interval or a layout that there is not', async () => {
    await expect(liveStore(tempDir('store'), { intervalSeconds: 0 })).rejects.toThrow(/interval/);
    await expect(liveStore(tempDir('store'), { layout: 9 })).rejects.toThrow(/layout/);
  });
});

describe('a replaying store', () => {
  it('writes each slot of the data into one file, straight away', async () => {
    const directory = tempDir('store');
    const ended: EndedSlot[] = [];
    const store = await FlowStore.open({ directory, mode: 'replay', onSlotEnd: (slot) => ended.push(slot) });
    const minute = 60_000;
    const flows = Array.from({ length: 40_000 }, (_, id) => ({
      id,
      receivedMs: START_MS + Math.floor(id / 4000) * minute,
    }));
    await store.write(batchOf(flows.slice(0, 25_000)));
    await store.write(batchOf(flows.slice(25_000)));
    // Late by a slot: its file is closed, so it goes to the running one.
    await store.write(batchOf([{ id: 40_000, receivedMs: START_MS }]));
    await store.close();
    expect(visible(join(directory, DAY))).toEqual(['weir.202611201000.parquet', 'weir.202611201005.parquet']);
    expect(ended.map((slot) => slot.stats.tcp.flows)).toEqual([20_000, 20_001]);
    expect(await ids(directory)).toEqual(many(0, 40_001).map((flow) => flow.id));
  });

  it('writes no file for what has no flows, and one for each of many slots', async () => {
    const directory = tempDir('store');
    const none = await FlowStore.open({ directory, mode: 'replay' });
    await none.close();
    expect(visible(directory)).toEqual([]);
    const store = await FlowStore.open({ directory, mode: 'replay', intervalSeconds: 1, layout: 0 });
    await store.write(batchOf(Array.from({ length: 60 }, (_, id) => ({ id, receivedMs: START_MS + id * 2000 }))));
    await store.close();
    expect(visible(directory)).toHaveLength(60);
    expect(await ids(directory)).toEqual(many(0, 60).map((flow) => flow.id));
  });

  it('adds to files that are there', async () => {
    const directory = tempDir('store');
    for (const first of [0, 5]) {
      const store = await FlowStore.open({ directory, mode: 'replay' });
      await store.write(batchOf(many(first, 5)));
      await store.close();
    }
    expect(visible(join(directory, DAY))).toEqual(['weir.202611201000.parquet']);
    expect(await ids(directory)).toEqual(many(0, 10).map((flow) => flow.id));
  });
});
