import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith, ROOT, run } from '../support/process.ts';

describeWith(['weir'], 'the program as package.json names it', () => {
  it('runs by its own path, as a shell, npx and systemd run it', async () => {
    const { version, bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const { status, stdout, stderr } = await run(join(ROOT, bin.weir), ['--version']);
    expect({ status, stderr, stdout }).toEqual({ status: 0, stderr: '', stdout: `weir ${version}\n` });
  });
});
