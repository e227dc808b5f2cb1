import { readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { UserError } from '../../../src/flow/user-error.ts';
import { type LogFormat, LogOutput } from '../../../src/pipeline/daemon/log-output.ts';
import { tempDir } from '../../support/process.ts';

let directory: string;
beforeAll(() => {
  directory = tempDir('log');
});

function logTo(file: string, format: LogFormat = 'json'): LogOutput {
  return new LogOutput({ command: 'collect', format, file, inBackground: false, timed: true, quiet: false });
}

function messages(path: string): string[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.map((line) => (JSON.parse(line) as { message: string }).message);
}

test('appends, and goes on in a new file once the old one is moved away', () => {
  const path = join(directory, 'moved.log');
  const before = logTo(path);
  before.info('one');
  before.close();
  const log = logTo(path);
  log.warn('two');
  renameSync(path, `${path}.1`);
  log.info('three');
  log.reopen();
  log.info('four');
  log.close();
  expect(messages(`${path}.1`)).toEqual(['one', 'two', 'three']);
  expect(messages(path)).toEqual(['four']);
});

test('a link is not followed', () => {
  const victim = join(directory, 'victim');
  const link = join(directory, 'link.log');
  writeFileSync(victim, 'precious');
  symlinkSync(victim, link);
  expect(() => logTo(link)).toThrow(UserError);
  expect(() => logTo(link)).toThrow(/link\.log \(--log\): it is a symbolic link/);
  expect(readFileSync(victim, 'utf8')).toBe('precious');
});

test('goes on in the file at hand where it cannot be opened again, and says so once', () => {
  const path = join(directory, 'stuck.log');
  const log = logTo(path);
  renameSync(path, `${path}.1`);
  symlinkSync('elsewhere', path);
  log.reopen();
  log.info('one');
  log.reopen();
  rmSync(path);
  log.reopen();
  log.info('two');
  log.close();
  expect(messages(`${path}.1`)).toEqual([expect.stringMatching(/still go to the file opened before$/), 'one']);
  expect(messages(path)).toEqual(['two']);
});

test.each(['json', 'text'] as const)('a name in %s steers no terminal and begins no line', (format) => {
  const path = join(directory, `names.${format}.log`);
  const log = logTo(path, format);
  log.warn('eth0\n\u009b2J\u007f');
  log.close();
  const written = readFileSync(path, 'utf8');
  expect(written).toMatch(/^\P{Cc}+\n$/u);
  if (format === 'json') expect(messages(path)).toEqual(['eth0\n\u009b2J\u007f']);
  else expect(written).toMatch(/ eth0 {2}2J \n$/);
});
