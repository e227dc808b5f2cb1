import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith, ROOT, run, tempDir } from '../support/process.ts';

const UNITS = join(ROOT, 'systemd');
const SERVICES = ['weir-export@eth0.service', 'weir-collect.service', 'weir-expire.service'];

/** The units with a program that is there on every machine, as the manager looks for it. */
function installed(): string {
  const directory = tempDir('units');
  for (const name of readdirSync(UNITS).filter((one) => /\.(service|timer)$/.test(one))) {
    const text = readFileSync(join(UNITS, name), 'utf8').replace(/^ExecStart=weir /m, 'ExecStart=true ');
    writeFileSync(join(directory, name), text);
  }
  symlinkSync('weir-export@.service', join(directory, 'weir-export@eth0.service'));
  return directory;
}

describeWith(['systemd-analyze'], 'systemd units', () => {
  it.each([...SERVICES, 'weir-expire.timer'])('%s is right', async (unit) => {
    const { status, stdout, stderr } = await run('systemd-analyze', ['verify', `./${unit}`], { cwd: installed() });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  it.each(SERVICES)('%s is exposed by 2.0 at most', async (unit) => {
    const args = ['security', '--offline=true', '--threshold=20', '--no-pager', `./${unit}`];
    const { status, stdout } = await run('systemd-analyze', args, { cwd: installed() });
    expect(status, stdout).toBe(0);
  });
});
