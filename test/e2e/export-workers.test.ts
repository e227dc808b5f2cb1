import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { describeWith, ROOT, run, tempDir, weir, weirOk } from '../support/process.ts';
import { segmentFiles } from '../support/segments.ts';

const DEMO = join(ROOT, 'pcaps/demo.pcap');
const SHARED = join(ROOT, '../shared/data/pcap');

/** Options that have every capture of a directory read one after another. */
function captures(directory: string): string[] {
  const names = readdirSync(directory).filter((name) => /\.pcap(ng)?$/.test(name));
  return names.sort().flatMap((name) => ['-r', join(directory, name)]);
}

/** What is told of a run but for its speed. */
function told(stderr: string): string {
  return stderr.replace(/ in [\d.]+ s \(.*\)/, '');
}

describeWith(['weir'], 'weir export --workers', () => {
  it.each([
    ['the demo', ['-r', DEMO]],
    ['the demo, all that a flow can have', ['-r', DEMO, '--template', 'full', '--inactive', '1']],
    ['the demo, addresses alone', ['-r', DEMO, '--track', 'ip', '--active', '5']],
    ['the demo, both ways as one', ['-r', DEMO, '--biflow', '-o', 'biline']],
    ['tunnels and duplicates', ['-r', join(ROOT, 'pcaps/tunnels.pcap'), '--decap', '--dedup', '--track', 'ether']],
    ['all captures of the project, one after another', [...captures(join(ROOT, 'pcaps')), '--template', 'full']],
    ['npm pcap', ['-r', DEMO, '--source', 'pcap']],
  ])('prints the same for any number: %s', async (_, args) => {
    const outputOf = async (workers: number) => {
      const { status, stdout, stderr } = await weir(['export', '-o', 'csv', ...args, '--workers', String(workers)]);
      return { status, stdout, stderr: told(stderr) };
    };
    const one = await outputOf(1);
    expect(one.stdout.split('\n').length).toBeGreaterThan(5);
    for (const workers of [2, 3, 4]) expect(await outputOf(workers)).toEqual(one);
  });

  it.skipIf(!existsSync(SHARED))('prints the same for any number: the shared captures', async () => {
    const args = ['export', ...captures(SHARED), '-o', 'csv', '--template', 'full', '-q', '--workers'];
    const one = await weir([...args, '1']);
    expect(one.stdout.split('\n').length).toBeGreaterThan(1000);
    for (const workers of ['2', '4']) expect(await weir([...args, workers])).toEqual(one);
  });

  it('writes the same flow files, to the octet', async () => {
    const digests = async (workers: string) => {
      const store = tempDir('workers');
      await weirOk(['export', '-r', DEMO, '-w', store, '--workers', workers]);
      const { stdout } = await run('sha256sum', segmentFiles(store));
      return stdout.replaceAll(store, '');
    };
    const one = await digests('1');
    expect(one).toContain('.parquet');
    expect(await digests('3')).toBe(one);
  });

  it('evicts the same flows in every run with as many workers', async () => {
    const args = ['export', '-r', DEMO, '-o', 'csv', '--max-flows', '40', '--workers', '3'];
    const first = await weir(args);
    expect(first.stderr).toContain('cache full');
    expect((await weir(args)).stdout).toBe(first.stdout);
  });

  it('is told in the plan, and takes no number that makes no sense', async () => {
    expect(await weirOk(['export', '-r', DEMO, '-o', 'csv', '--dry-run', '--workers', '3'])).toContain('by 3 workers');
    for (const wrong of ['0', '33', 'two']) {
      const { status, stderr } = await weir(['export', '-r', DEMO, '-o', 'csv', '--workers', wrong]);
      expect([status, stderr]).toEqual([1, expect.stringContaining('--workers')]);
    }
  });
});
