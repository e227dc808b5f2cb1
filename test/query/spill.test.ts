import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Database } from '../../src/query/database.ts';
import { removeSpillDirectories, SpillDirectory } from '../../src/query/spill.ts';

const usual = process.env['TMPDIR'];
let temporary: string;
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'weir-spill-'));
  process.env['TMPDIR'] = temporary;
});
afterEach(() => {
  if (usual === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = usual;
  rmSync(temporary, { recursive: true });
});

it('each engine has a directory that nobody else can enter, and takes it away', async () => {
  const databases = [await Database.open(), await Database.open(30 << 20)];
  const names = readdirSync(temporary);
  expect(names.length).toBe(2);
  for (const name of names) {
    expect(statSync(join(temporary, name)).mode & 0o777).toBe(0o700);
  }
  await databases[1]!.run('CREATE TABLE numbers AS SELECT range, hash(range) AS text FROM range(8000000)');
  expect(names.flatMap((name) => readdirSync(join(temporary, name)))).not.toEqual([]);
  for (const database of databases) database.close();
  expect(readdirSync(temporary)).toEqual([]);
});

it('what is not closed goes when the process is ended', async () => {
  const { path } = new SpillDirectory();
  expect(readdirSync(temporary)).toEqual([path.slice(temporary.length + 1)]);
  removeSpillDirectories();
  expect(readdirSync(temporary)).toEqual([]);
});

it('a place where nothing can be written is a matter of answers that need it', async () => {
  process.env['TMPDIR'] = join(temporary, 'none');
  const database = await Database.open();
  await database.run('SELECT 1');
  database.close();
});
