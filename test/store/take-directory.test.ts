import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { takeDirectory } from '../../src/store/take-directory.ts';
import { tempDir } from '../support/process.ts';

const scratch = tempDir('take');

describe('takeDirectory', () => {
  it('makes the directory and those above it, and takes one that is there', () => {
    const directory = join(scratch, 'a', 'b', 'c');
    takeDirectory(directory).release();
    expect(existsSync(directory)).toBe(true);
    takeDirectory(directory).release();
  });

  it('says why where a file is in the way', () => {
    writeFileSync(join(scratch, 'file'), '');
    expect(() => takeDirectory(join(scratch, 'file'))).toThrow(/cannot use .*file for flows: EEXIST/);
    expect(() => takeDirectory(join(scratch, 'file', 'x'))).toThrow(/cannot use .*x for flows: ENOTDIR/);
  });

  // In a process of its own: what never returns would take the test runner with it.
  it.runIf(existsSync('/proc/self'))('ends where the parent is there and takes no directory', () => {
    const child = join(scratch, 'child.ts');
    const module = JSON.stringify(resolve('src/store/take-directory.ts'));
    writeFileSync(
      child,
      `import { takeDirectory } from ${module};
       try { takeDirectory('/proc/weir/x'); } catch (error) { console.log(error.message); }`,
    );
    const { stdout } = spawnSync(process.execPath, [resolve('test/store/run-ts.mjs'), child], {
      encoding: 'utf8',
      timeout: 10_000,
      killSignal: 'SIGKILL',
    });
    expect(stdout).toMatch(/cannot use \/proc\/weir\/x for flows: ENOENT/);
  });
});
