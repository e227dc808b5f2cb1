import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import { type EndedSlot, FlowStore, type FlowStoreOptions } from '../../src/store/flow-store.ts';
import { chooseSegments } from '../../src/store/segment-files.ts';
import { isTemporary, partTime } from '../../src/store/slots.ts';
import { query, scratchDirectory } from './scratch.ts';

const START = Date.UTC(2026, 10, 20, 10, 0, 0);
const DAY = '2026/11/20';

interface Flow {
  id: number;
  receivedMs?: number;
  proto?: number;
  octets?: number;
  srcAs?: number;
}

function batchOf(flows: Flow[]): FlowBatch {
  const batch = new FlowBatch(Math.max(1, flows.length));
  for (const [row, flow] of flows.entries()) {
    batch.use('receivedMs')[row] = flow.receivedMs ?? START;
    batch.use('firstMs')[row] = (flow.receivedMs ?? START) - 1000;
    batch.use('lastMs')[row] = flow.receivedMs ?? START;
    batch.use('flowId')[row * 2] = flow.id;
    batch.use('proto')[row] = flow.proto ?? 6;
    batch.use('packets')[row * 2] = 2;
    batch.use('octets')[row * 2] = flow.octets ?? 100;
    if (flow.srcAs !== undefined) batch.use('srcAs')[row] = flow.srcAs;
  }
  batch.rows = flows.length;
  return batch;
}

function many(from: number, count: number, more: Partial<Flow> = {}): Flow[] {
  return Array.from({ length: count }, (_, index) => ({ id: from + index, ...more }));
}

/** A live store whose clock stands where the test puts it, and whose flush happens when the test says. */
async function liveStore(directory: string, options: Partial<FlowStoreOptions> = {}) {
  const clock = { nowMs: START };
  const ended: EndedSlot[] = [];
  const messages: string[] = [];
  const store = await FlowStore.open({
    directory,
    mode: 'live',
    flushMs: 5,
    now: () => clock.nowMs,
    onSlotEnd: (slot) => ended.push(slot),
    log: (message) => messages.push(message),
    ...options,
  });
  return { store, clock, ended, messages };
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('waited 4 s in vain');
}

async function ids(directory: string): Promise<number[]> {
  const paths = (await chooseSegments({ range: directory })).map((file) => file.path);
  if (paths.length === 0) return [];
  return (await query('select flow_id from files order by 1', paths)).map(([id]) => Number(id));
}

const visible = (directory: string) =>
  existsSync(directory)
    ? readdirSync(directory)
        .filter((name) => !name.startsWith('.'))
        .sort()
    : [];

describe('a live store', () => {
  it('shows flows of the running slot in parts and makes one file of them', async () => {
    const directory = scratchDirectory();
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
    expect(ended.map((slot) => [slot.startMs - START, slot.endMs - START, slot.path, slot.ident])).toEqual([
      [0, 300_000, join(day, 'weir.202611201000.parquet'), 'border'],
      [300_000, 600_000, join(day, 'weir.202611201005.parquet'), 'border'],
    ]);
    expect(ended[0]!.stats).toEqual({
      tcp: { flows: 20_010, packets: 40_020, octets: 2_001_000 },
      udp: { flows: 0, packets: 0, octets: 0 },
      icmp: { flows: 0, packets: 0, octets: 0 },
      other: { flows: 0, packets: 0, octets: 0 },
      firstMs: START - 1000,
      lastMs: START,
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

  it('takes the batch back at once when it was copied', async () => {
    const { store } = await liveStore(scratchDirectory());
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
    const directory = scratchDirectory();
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
    const directory = scratchDirectory();
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
    const directory = scratchDirectory();
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
    const directory = scratchDirectory();
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
    const directory = scratchDirectory();
    const { store } = await liveStore(directory);
    await expect(liveStore(directory)).rejects.toThrow(/in use by another weir/);
    await store.close();
    await (await liveStore(directory)).store.close();
  });

  it('refuses an interval or a layout that there is not', async () => {
    await expect(liveStore(scratchDirectory(), { intervalSeconds: 0 })).rejects.toThrow(/interval/);
    await expect(liveStore(scratchDirectory(), { layout: 9 })).rejects.toThrow(/layout/);
  });
});

describe('a replaying store', () => {
  it('writes each slot of the data into one file, straight away', async () => {
    const directory = scratchDirectory();
    const ended: EndedSlot[] = [];
    const store = await FlowStore.open({ directory, mode: 'replay', onSlotEnd: (slot) => ended.push(slot) });
    const minute = 60_000;
    const flows = Array.from({ length: 40_000 }, (_, id) => ({
      id,
      receivedMs: START + Math.floor(id / 4000) * minute,
    }));
    await store.write(batchOf(flows.slice(0, 25_000)));
    await store.write(batchOf(flows.slice(25_000)));
    // Late by a slot: its file is closed, so it goes to the running one.
    await store.write(batchOf([{ id: 40_000, receivedMs: START }]));
    await store.close();
    expect(visible(join(directory, DAY))).toEqual(['weir.202611201000.parquet', 'weir.202611201005.parquet']);
    expect(ended.map((slot) => slot.stats.tcp.flows)).toEqual([20_000, 20_001]);
    expect(await ids(directory)).toEqual(many(0, 40_001).map((flow) => flow.id));
  });

  it('writes no file for what has no flows, and one for each of many slots', async () => {
    const directory = scratchDirectory();
    const none = await FlowStore.open({ directory, mode: 'replay' });
    await none.close();
    expect(visible(directory)).toEqual([]);
    const store = await FlowStore.open({ directory, mode: 'replay', intervalSeconds: 1, layout: 0 });
    await store.write(batchOf(Array.from({ length: 60 }, (_, id) => ({ id, receivedMs: START + id * 2000 }))));
    await store.close();
    expect(visible(directory)).toHaveLength(60);
    expect(await ids(directory)).toEqual(many(0, 60).map((flow) => flow.id));
  });

  it('adds to files that are there', async () => {
    const directory = scratchDirectory();
    for (const first of [0, 5]) {
      const store = await FlowStore.open({ directory, mode: 'replay' });
      await store.write(batchOf(many(first, 5)));
      await store.close();
    }
    expect(visible(join(directory, DAY))).toEqual(['weir.202611201000.parquet']);
    expect(await ids(directory)).toEqual(many(0, 10).map((flow) => flow.id));
  });
});

describe('recovery', () => {
  it('sets aside what cannot be read and keeps the rest', async () => {
    const directory = scratchDirectory();
    const { store } = await liveStore(directory, { layout: 0 });
    await store.write(batchOf(many(0, 3)));
    await until(() => store.storedFlows === 3);
    writeFileSync(join(directory, 'weir.202611201000.00ff-000001.part.parquet'), 'no segment');
    writeFileSync(join(directory, '.weir.202611201000.parquet.1-2.tmp'), 'half a segment');
    await store.close();
    const { store: next, messages } = await liveStore(directory, { layout: 0 });
    await next.close();
    expect(messages).toEqual([]);
    expect(visible(directory)).toEqual(['weir.202611201000.00ff-000001.part.parquet.bad', 'weir.202611201000.parquet']);
    expect(readdirSync(directory).some(isTemporary)).toBe(false);
    expect(await ids(directory)).toEqual([0, 1, 2]);
  });

  it('starts although a part is damaged inside', async () => {
    const directory = scratchDirectory();
    const { store } = await liveStore(directory, { layout: 0 });
    for (const first of [0, 100]) {
      await store.write(batchOf(many(first, 100)));
      await until(() => store.storedFlows === first + 100);
    }
    const parts = visible(directory).map((name) => readFileSync(join(directory, name)));
    await store.close();
    rmSync(join(directory, 'weir.202611201000.parquet'));
    // Headers of pages lie at the beginning; the footer stays as it was.
    parts[1]!.fill(0xff, 4, 40);
    for (const [number, part] of parts.entries()) {
      writeFileSync(join(directory, `weir.202611201000.00ff-00000${number}.part.parquet`), part);
    }
    const { store: next, messages } = await liveStore(directory, { layout: 0, now: () => START + 300_000 });
    await next.close();
    expect(messages).toEqual([expect.stringMatching(/202611201000 stays in parts.*00ff-000001/)]);
    expect(visible(directory).filter((name) => partTime(name) !== undefined)).toHaveLength(2);
  });

  it('leaves stores below alone', async () => {
    const directory = scratchDirectory();
    const below = join(directory, '10-0-0-1');
    mkdirSync(below);
    const name = '.weir.202611201000.parquet.1-2.tmp';
    writeFileSync(join(below, name), '');
    await (await liveStore(directory)).store.close();
    expect(readdirSync(below)).toEqual([name]);
  });
});

describe('trouble with the disk', () => {
  it.skipIf(process.getuid?.() !== 0)(
    'a full disk (root only: mounts a small tmpfs) costs flows, a message and a counter',
    async () => {
      const directory = scratchDirectory();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory]);
      try {
        const { store, messages } = await liveStore(directory);
        const ballast = join(directory, 'ballast');
        await store.write(batchOf(many(0, 1000)));
        await until(() => store.storedFlows === 1000);
        try {
          writeFileSync(ballast, new Uint8Array(4 << 20));
        } catch (cause) {
          expect((cause as NodeJS.ErrnoException).code).toBe('ENOSPC');
        }
        let written = 1000;
        for (let i = 0; i < 3; i++) {
          await store.write(batchOf(many(written, 20_000)));
          written += 20_000;
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        await until(() => store.lostFlows === 60_000);
        expect(messages).toHaveLength(1);
        expect(messages[0]).toMatch(/not being stored.*weir\.202611201000.*No space left/);
        rmSync(ballast);
        await new Promise((resolve) => setTimeout(resolve, 20));
        await store.write(batchOf(many(written, 1000)));
        await until(() => store.storedFlows === 2000);
        expect(messages[1]).toMatch(/stored again; 60000 were lost/);
        await store.close();
        expect(messages).toHaveLength(2);
        expect((await ids(directory)).length).toBe(2000);
        expect(store.lostFlows + store.storedFlows).toBe(written + 1000);
      } finally {
        execFileSync('umount', ['-l', directory]);
      }
    },
  );

  it.skipIf(process.getuid?.() === 0)('a directory that must not be written is named (not root)', async () => {
    const directory = scratchDirectory();
    chmodSync(directory, 0o555);
    await expect(liveStore(directory)).rejects.toThrow(directory);
  });

  it('a directory that cannot be made is named', async () => {
    const directory = scratchDirectory();
    writeFileSync(join(directory, 'file'), '');
    await expect(liveStore(join(directory, 'file', 'store'))).rejects.toThrow(join(directory, 'file', 'store'));
  });
});
