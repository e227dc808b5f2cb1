import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import { columnsNamed } from '../../src/store/segment-columns.ts';
import { slotDirectories } from '../../src/store/slot-directories.ts';
import { isTemporary, partTime } from '../../src/store/slots.ts';
import { sleep, tempDir, until } from '../support/process.ts';
import { batchOf, ids, liveStore, many, START_MS, visible } from './live-store.ts';

describe('recovery', () => {
  it('sets aside what cannot be read and keeps the rest', async () => {
    const directory = tempDir('store');
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
    const directory = tempDir('store');
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
    const { store: next, messages } = await liveStore(directory, { layout: 0, now: () => START_MS + 300_000 });
    await next.close();
    expect(messages).toEqual([expect.stringMatching(/202611201000 stays in parts.*00ff-000001/)]);
    expect(visible(directory).filter((name) => partTime(name) !== undefined)).toHaveLength(2);
  });

  it('deletes nothing but parts beside a file, whatever that file names', async () => {
    const directory = tempDir('store');
    const { store } = await liveStore(directory, { layout: 0 });
    await store.write(batchOf(many(0, 3)));
    await store.close();
    const segment = join(directory, 'weir.202611201000.parquet');
    const part = 'weir.202611201000.00ff-000001.part.parquet';
    writeFileSync(join(directory, part), readFileSync(segment));
    const victim = join(directory, 'victim');
    writeFileSync(victim, 'not of this store');
    mkdirSync(join(directory, 'weir.202611201000.00ff-000002.part.parquet'));
    const names = ['victim', '../victim', victim, `${part}/../victim`, part];
    await addon().mergeSegments(
      [segment],
      segment,
      columnsNamed(new Set((await addon().segmentInfo(segment)).columns)),
      {
        metadata: { 'weir.parts': JSON.stringify(names) },
      },
    );
    // The slot is running still, so that its parts are cleared away by what its file says.
    const { store: next } = await liveStore(directory, { layout: 0, flushMs: 60_000 });
    expect(readdirSync(directory)).toContain('victim');
    expect(readdirSync(directory)).not.toContain(part);
    await next.close();
  });

  it('passes over a directory that goes while it is looked at', async () => {
    const directory = tempDir('store');
    for (const name of ['2025', '2026']) mkdirSync(join(directory, name));
    const seen: string[] = [];
    for await (const { path } of slotDirectories(directory)) {
      seen.push(path);
      rmSync(join(directory, '2025'), { recursive: true, force: true });
    }
    expect(seen).toEqual([directory, join(directory, '2025'), join(directory, '2026')]);
    await expect(slotDirectories(join(directory, '2025')).next()).rejects.toThrow('ENOENT');
  });

  it('leaves stores below alone', async () => {
    const directory = tempDir('store');
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
      const directory = tempDir('store');
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
          await sleep(20);
        }
        await until(() => store.lostFlows === 60_000);
        expect(messages).toHaveLength(1);
        expect(messages[0]).toMatch(/not being stored.*weir\.202611201000.*No space left/);
        rmSync(ballast);
        await sleep(20);
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
    const directory = tempDir('store');
    chmodSync(directory, 0o555);
    await expect(liveStore(directory)).rejects.toThrow(directory);
  });

  it('a directory that cannot be made is named', async () => {
    const directory = tempDir('store');
    writeFileSync(join(directory, 'file'), '');
    await expect(liveStore(join(directory, 'file', 'store'))).rejects.toThrow(join(directory, 'file', 'store'));
  });
});
