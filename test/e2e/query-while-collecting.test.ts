import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith, ROOT } from '../support/process.ts';

describeWith(['weir'], 'queries while the collector receives', () => {
  it('have no flow twice, and none is lost', () => {
    // What the benchmark does at 200 000 flows/s, at a rate that a busy machine takes.
    const bench = join(ROOT, 'test/bench/concurrent.mjs');
    const printed = execFileSync(process.execPath, [bench, '3000', '7', '3'], { encoding: 'utf8', stdio: 'pipe' });
    const { sent, stored, asked, faults } = JSON.parse(printed);
    expect(faults).toEqual([]);
    expect(stored).toBe(sent);
    expect(asked).toBeGreaterThan(0);
  }, 90_000);
});
