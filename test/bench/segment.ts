// What writing segments costs: `node test/store/run-ts.mjs test/bench/segment.ts [rows in millions]`.
// CPU ns a row is what counts on a busy machine; wall ns a row shows what several row groups at once save.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addon } from '../../src/addon/addon.ts';
import type { SegmentOptions } from '../../src/addon/segments.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import { FlowStore } from '../../src/store/flow-store.ts';
import { ColumnSet, columnsNamed, segmentColumns } from '../../src/store/segment-columns.ts';
import { fillWithFlows, randomNumbers } from '../store/synthetic-flows.ts';

const ADDRESSES = ['src_addr_lo', 'dst_addr_lo'];
const cases: Record<string, SegmentOptions> = {
  'zstd 1': {},
  'zstd 3': { level: 3 },
  lz4: { compression: 'lz4' },
  'no compression': { compression: 'none' },
  'zstd 1, Bloom filters': { bloom: ADDRESSES },
};

const random = randomNumbers(1);
const batches = [0, 1, 2, 3].map((number) => {
  const batch = new FlowBatch();
  fillWithFlows(batch, random, 1.79e12 + number * 655, 100_000);
  return batch;
});
const columns = new ColumnSet().columns;
const appends = Math.ceil((Number(process.argv[2] ?? 2) * 1e6) / batches[0]!.capacity);
const directory = mkdtempSync(join(tmpdir(), 'weir-bench-'));

async function measure(name: string, work: () => Promise<{ rows: number; bytes: number }>): Promise<void> {
  const before = process.cpuUsage();
  const started = performance.now();
  const { rows, bytes } = await work();
  const wall = (performance.now() - started) * 1e6;
  const cpu = process.cpuUsage(before);
  const perRow = (nanoseconds: number) => (nanoseconds / rows).toFixed(0).padStart(5);
  console.log(
    `${name.padEnd(24)}${perRow((cpu.user + cpu.system) * 1000)} ns CPU a row${perRow(wall)} ns wall a row${(bytes / rows).toFixed(2).padStart(8)} bytes a row`,
  );
}

try {
  const [warm] = batches;
  for (const [name, options] of Object.entries(cases)) {
    await measure(name, async () => {
      const writer = new (addon().SegmentWriter)(join(directory, 'bench.parquet'), options);
      for (let i = 0; i < appends; i++) {
        const batch = batches[i % batches.length]!;
        await writer.append(segmentColumns(batch, columns), batch.rows);
      }
      return { rows: appends * warm!.rows, bytes: await writer.finish() };
    });
  }
  await measure('store, replay', async () => {
    const store = await FlowStore.open({ directory: join(directory, 'store'), mode: 'replay' });
    const writes: (Promise<void> | undefined)[] = [];
    for (let i = 0; i < appends; i++) {
      if (i >= store.concurrentWrites) await writes[i - store.concurrentWrites];
      writes.push(store.write(batches[i % batches.length]!));
    }
    await store.close();
    return { rows: store.storedFlows, bytes: 0 };
  });
  // What ends a slot: many small parts become one file.
  const parts: string[] = [];
  for (let i = 0; i < 100; i++) {
    const path = join(directory, `part-${i}.parquet`);
    const writer = new (addon().SegmentWriter)(path, {});
    await writer.append(segmentColumns(warm!, columns, i * 500, i * 500 + 10_000), 10_000);
    await writer.finish();
    parts.push(path);
  }
  await measure('merge of small parts', () =>
    addon().mergeSegments(parts, join(directory, 'merged.parquet'), columnsNamed(new Set()), {}),
  );
  const large = join(directory, 'bench.parquet');
  await measure('merge of large parts', () =>
    addon().mergeSegments([large, large], join(directory, 'merged.parquet'), columnsNamed(new Set()), {}),
  );
} finally {
  rmSync(directory, { recursive: true, force: true });
}
