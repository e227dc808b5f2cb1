import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSize } from '../../src/flow/size.ts';
import { chooseExpired, deleteFiles, type StoredFile, storedFiles } from '../../src/store/expire.ts';
import { parseLife, readLimits, writeLimits } from '../../src/store/expiry-limits.ts';
import { tempDir } from '../support/process.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2024, 4, 2);

/** Files of equal size, one an hour, the last an hour ago. */
function hourly(count: number, diskBytes = 100): StoredFile[] {
  return Array.from({ length: count }, (_, i) => ({ path: `f${i}`, startMs: NOW - (count - i) * HOUR, diskBytes }));
}

describe('limits as text', () => {
  test.each([
    ['0', 0],
    ['4096', 4096],
    ['10k', 10_240],
    ['500M', 500 * 2 ** 20],
    ['1.5GB', 1.5 * 2 ** 30],
    ['2 T', 2 * 2 ** 40],
  ])('size %s', (text, bytes) => expect(parseSize(text)).toBe(bytes));

  test.each([
    ['0', 0],
    ['36', 36 * HOUR],
    ['2w', 336 * HOUR],
    ['1w2d', 216 * HOUR],
    ['1d 12H', 36 * HOUR],
    ['1.5d', 36 * HOUR],
    ['90M', 1.5 * HOUR],
  ])('life %s', (text, ms) => expect(parseLife(text)).toBe(ms));

  test.each(['', 'x', '1P', '-5', '1,5G', 'G'])('"%s" is no size', (text) =>
    expect(() => parseSize(text)).toThrow(/size/),
  );
  test.each(['', 'd', '1y', '-5', '2h', '1d2'])('"%s" is no life', (text) =>
    expect(() => parseLife(text)).toThrow(/life/),
  );
});

describe('what is deleted', () => {
  const limits = (sizeBytes: number, lifeMs: number, watermarkPercent = 95) => ({
    sizeBytes,
    lifeMs,
    watermarkPercent,
  });
  const kept = (files: StoredFile[], ...of: Parameters<typeof limits>) =>
    chooseExpired(files, limits(...of), NOW).kept.length;

  test('nothing within the limits', () => {
    expect(kept(hourly(10), 1000, 10 * HOUR)).toBe(10);
    expect(kept(hourly(10), 0, 0)).toBe(10);
    expect(kept([], 1, 1)).toBe(0);
  });

  test('by size: beyond the limit down to the watermark', () => {
    expect(kept(hourly(10), 999, 0)).toBe(9);
    expect(kept(hourly(10), 999, 0, 50)).toBe(4);
    expect(kept(hourly(10), 999, 0, 100)).toBe(9);
  });

  test('by age: beyond the limit down to the watermark', () => {
    expect(kept(hourly(10), 0, 9.5 * HOUR, 100)).toBe(9);
    expect(kept(hourly(10), 0, 9.5 * HOUR, 50)).toBe(4);
  });

  test('the newest stays, however strict the limits', () => {
    expect(kept(hourly(10), 1, 1, 1)).toBe(1);
  });

  test('any files and limits: oldest first, within the limits or one left, none deleted without need', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(sizes, fc.nat(10_000), fc.nat(40), fc.integer({ min: 1, max: 100 }), (all, size, hours, percent) => {
        const files = all.map((diskBytes, i) => ({ path: `f${i}`, startMs: NOW - (all.length - i) * HOUR, diskBytes }));
        const { deleted, kept: left } = chooseExpired(files, limits(size, hours * HOUR, percent), NOW);
        expect([...deleted, ...left]).toEqual(files);
        const total = (of: readonly StoredFile[]) => of.reduce((sum, { diskBytes }) => sum + diskBytes, 0);
        if (left.length > 1) {
          if (size > 0) expect(total(left)).toBeLessThanOrEqual(size);
          if (hours > 0) expect(NOW - left[0]!.startMs).toBeLessThanOrEqual(hours * HOUR);
        }
        if (deleted.length === 0) return;
        const isNeeded = (size > 0 && total(files) > size) || (hours > 0 && NOW - files[0]!.startMs > hours * HOUR);
        expect(isNeeded).toBe(true);
      }),
    );
  });
});

describe('files of a store', () => {
  function make(directory: string, path: string, bytes = 1): string {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, Buffer.alloc(bytes));
    return file;
  }

  test('only finished flow files in directories that a layout makes, oldest first, by room on the disk', async () => {
    const directory = tempDir('stored');
    const late = make(directory, '2024/05/02/weir.202405020000.parquet', 5000);
    const early = make(directory, '2024/04/30/weir.202404302355.parquet');
    const top = make(directory, 'weir.20240501000000.parquet');
    for (const other of [
      '.weir.templates.json',
      'notes.txt',
      'weir.202405010000.parquet.bad',
      'weir.202405010000.0a1b2c3d-000001.part.parquet',
      'weir.202413010000.parquet',
      'other/weir.202405010000.parquet',
      '10-0-0-1/2024/05/01/weir.202405010000.parquet',
    ]) {
      make(directory, other);
    }
    const files = await storedFiles(directory);
    expect(files.map(({ path }) => path)).toEqual([early, top, late]);
    expect(files.at(-1)).toEqual({ path: late, startMs: Date.UTC(2024, 4, 2), diskBytes: statSync(late).blocks * 512 });
    await expect(storedFiles(join(directory, 'gone'))).rejects.toThrow(/gone/);
  });

  test('the index of a directory counts with its files', async () => {
    const directory = tempDir('indexed');
    for (const name of [
      '2024/04/30/weir.202404302350',
      '2024/05/01/weir.202405010000',
      '2024/05/01/weir.202405010005',
    ]) {
      make(directory, `${name}.parquet`);
    }
    const before = await storedFiles(directory);
    const index = join(directory, '2024/05/01/.weir.index');
    writeFileSync(index, Buffer.alloc(20_000, 1));
    const files = await storedFiles(directory);
    const more = files.map(({ diskBytes }, at) => diskBytes - before[at]!.diskBytes);
    expect(more[0]).toBe(0);
    expect(more[1]! + more[2]!).toBe(statSync(index).blocks * 512);
    expect(Math.abs(more[1]! - more[2]!)).toBeLessThanOrEqual(1);
  });

  test('empty sub-directories go with their files, others stay; a file that is gone already is fine', async () => {
    const directory = tempDir('emptied');
    make(directory, '2024/04/30/weir.202404302350.parquet');
    make(directory, '2024/05/01/weir.202405010000.parquet');
    make(directory, '2024/05/01/notes.txt');
    make(directory, '2024/05/02/weir.202405020000.parquet');
    const files = await storedFiles(directory);
    const gone = { ...files[0]!, path: join(directory, '2024/04/30/weir.202404302355.parquet') };
    await deleteFiles(directory, [gone, ...files.slice(0, 2)]);
    expect(readdirSync(directory, { recursive: true }).sort()).toEqual([
      '2024',
      '2024/05',
      '2024/05/01',
      '2024/05/01/notes.txt',
      '2024/05/02',
      '2024/05/02/weir.202405020000.parquet',
    ]);
    await deleteFiles(directory, files.slice(2));
    expect(existsSync(directory)).toBe(true);
  });

  test('limits are kept and read back; what is no limit is named', async () => {
    const directory = tempDir('limits');
    expect(await readLimits(directory)).toBeUndefined();
    const limits = { sizeBytes: 2 ** 40, lifeMs: 36 * HOUR, watermarkPercent: 80 };
    await writeLimits(directory, limits);
    expect(await readLimits(directory)).toEqual(limits);
    const file = join(directory, '.weir.expire.json');
    for (const text of ['', '{}', 'null', '{"schema":1,"sizeBytes":-1,"lifeMs":0,"watermarkPercent":95}', '[1]']) {
      writeFileSync(file, text);
      await expect(readLimits(directory), text).rejects.toThrow(/\.weir\.expire\.json has no limits/);
    }
  });
});
