import { linkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addon } from '../../../src/addon/addon.ts';
import { lookAhead } from '../../../src/pipeline/query/look-below.ts';
import { makeFlows } from '../../query/support/generate.ts';
import { writeSegment } from '../../query/support/parquet.ts';
import { tempDir } from '../../support/process.ts';

async function store(): Promise<{ directory: string; copy: (name: string) => void }> {
  const directory = tempDir('look');
  const kept = join(directory, 'weir.202611201000.parquet');
  await writeSegment(kept, makeFlows(10, 1));
  return { directory, copy: (name) => linkSync(kept, join(directory, name)) };
}

describe('a look at the files ahead of the question', () => {
  it('serves one question, and no second one after files have changed', async () => {
    const { directory, copy } = await store();
    const named = { read: undefined, range: directory, sources: undefined };
    const look = lookAhead(named, new AbortController().signal);
    const first = await look(named);
    copy('weir.202611201005.parquet');
    const second = await look(named);
    expect([first, second].map((scan) => scan?.summary().files)).toEqual([1, 2]);
  });

  it('ends when the question does', async () => {
    const { directory, copy } = await store();
    for (let number = 0; number < 2000; number++) copy(`${number}.parquet`);
    const done = new AbortController();
    const look = addon().openScanBelow(directory, done.signal);
    done.abort();
    await expect(look).rejects.toThrow();
    expect((await addon().openScanBelow(directory))?.summary().files).toBe(2001);
  });
});
