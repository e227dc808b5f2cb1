import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { replaceFile } from '../../src/store/replace-file.ts';
import { isTemporary } from '../../src/store/slots.ts';
import { tempDir } from '../support/process.ts';

let directory: string;
beforeAll(() => {
  directory = tempDir('replace');
});

test.each([true, false])('replaces the whole text, and leaves nothing beside it (sync %s)', async (sync) => {
  const path = join(directory, '.weir.some.json');
  writeFileSync(path, 'longer than what comes');
  await replaceFile(path, 'new', { sync });
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readdirSync(directory)).toEqual(['.weir.some.json']);
});

test('links to other files are replaced, not followed', async () => {
  const place = join(directory, 'links');
  mkdirSync(place);
  const victim = join(place, 'victim');
  writeFileSync(victim, 'precious');
  const path = join(place, '.weir.some.json');
  const aside = `${path}.${process.pid}.tmp`;
  symlinkSync(victim, path);
  symlinkSync(victim, aside);
  expect(isTemporary(`.weir.some.json.${process.pid}.tmp`)).toBe(true);
  await replaceFile(path, 'new', { sync: false });
  expect(readFileSync(victim, 'utf8')).toBe('precious');
  expect(readFileSync(path, 'utf8')).toBe('new');
  expect(readdirSync(place).sort()).toEqual(['.weir.some.json', 'victim']);
});

test('what cannot be replaced stays, with nothing beside it', async () => {
  const place = join(directory, 'taken');
  mkdirSync(join(place, '.weir.some.json'), { recursive: true });
  await expect(replaceFile(join(place, '.weir.some.json'), 'new', { sync: true })).rejects.toThrow(/EISDIR/);
  expect(readdirSync(place)).toEqual(['.weir.some.json']);
});
