import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import { ColumnSet, columnsNamed, segmentColumns } from '../../src/store/segment-columns.ts';
import { tempDir } from '../support/process.ts';
import { fillWithFlows, randomNumbers } from './synthetic-flows.ts';

const BUDGET_MS = 1500;
/** Damaged files that are tried however slow the machine is. */
const LEAST_ROUNDS = 20;

// Row groups that a merge decodes, and ones that it copies.
it.each([300, 50_000])(
  'a damaged segment of %i rows is refused or read, never the end of the process',
  async (rows) => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const random = randomNumbers(seed);
    const directory = tempDir('store');
    const path = join(directory, 'x.parquet');
    const batch = new FlowBatch(rows);
    fillWithFlows(batch, random, 1.79e12, 1000);
    const writer = new (addon().SegmentWriter)(path, {});
    await writer.append(segmentColumns(batch, new ColumnSet().columns), rows);
    await writer.finish();
    const whole = readFileSync(path);
    const footer = whole.readUInt32LE(whole.length - 8) + 8;
    let refused = 0;
    const end = performance.now() + BUDGET_MS;
    for (let round = 0; round < LEAST_ROUNDS || performance.now() < end; round++) {
      let bytes = Buffer.from(whole);
      if (random() < 0.1) bytes = bytes.subarray(0, Math.floor(random() * bytes.length));
      for (let flips = 1 + random() * 4; flips > 0; flips--) {
        // Mostly in the footer, which decides what the rest means.
        const span = random() < 0.7 ? Math.min(footer, bytes.length) : bytes.length;
        bytes[bytes.length - 1 - Math.floor(random() * span)] = Math.floor(random() * 256);
      }
      writeFileSync(path, bytes);
      const results = await Promise.allSettled([
        addon().segmentInfo(path),
        addon().mergeSegments([path], join(directory, 'y.parquet'), columnsNamed(new Set()), {}),
      ]);
      for (const result of results) {
        if (result.status === 'fulfilled') continue;
        refused++;
        expect(result.reason, `seed ${seed}`).toBeInstanceOf(Error);
      }
    }
    expect(refused, `seed ${seed}`).toBeGreaterThan(0);
  },
);
