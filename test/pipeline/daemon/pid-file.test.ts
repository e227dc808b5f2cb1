import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { UserError } from '../../../src/flow/user-error.ts';
import { PidFile } from '../../../src/pipeline/daemon/pid-file.ts';
import { tempDir } from '../../support/process.ts';

let directory: string;
beforeAll(() => {
  directory = tempDir('pid');
});

test('names this process until it is released', () => {
  const path = join(directory, 'weir.pid');
  writeFileSync(path, 'left by something else, and longer than a number\n');
  const file = PidFile.take(path);
  expect(readFileSync(path, 'utf8')).toBe(`${process.pid}\n`);
  file.release();
  expect(() => readFileSync(path)).toThrow('ENOENT');
});

test('a link is not followed', () => {
  const victim = join(directory, 'victim');
  const link = join(directory, 'link.pid');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, link);
  expect(() => PidFile.take(link)).toThrow(UserError);
  expect(readFileSync(victim, 'utf8')).toBe('precious');
});
