import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { startCollector } from '../support/collector.ts';
import { describeWith, tempDir, weir, weirOk } from '../support/process.ts';
import { segmentFiles } from '../support/segments.ts';
import { freeUdpPort } from '../support/udp.ts';

/** A store of five days with a file each of 64 KiB. */
function store(): { directory: string; files: string[] } {
  const directory = tempDir('expire');
  const files = [1, 2, 3, 4, 5].map((day) => {
    const path = join(directory, `2024/05/0${day}`);
    mkdirSync(path, { recursive: true });
    const file = join(path, `weir.2024050${day}0000.parquet`);
    writeFileSync(file, Buffer.alloc(65_536, day));
    return file;
  });
  return { directory, files };
}

describeWith(['weir'], 'weir expire', () => {
  it('deletes the oldest files beyond a size; --dry-run only names them', async () => {
    const { directory, files } = store();
    const dry = await weirOk(['expire', directory, '-s', '200K', '-w', '100', '--dry-run']);
    expect(dry.split('\n').slice(0, 3)).toEqual([
      `would delete ${files[0]}`,
      `would delete ${files[1]}`,
      `${directory}: 2 files (128.0 KiB) would be deleted, 3 (192.0 KiB) left`,
    ]);
    expect(files.map((file) => existsSync(file))).toEqual([true, true, true, true, true]);
    await weirOk(['expire', directory, '-s', '200K', '-w', '100']);
    expect(files.map((file) => existsSync(file))).toEqual([false, false, true, true, true]);
    expect(existsSync(join(directory, '2024/05/01'))).toBe(false);
  });

  it('keeps limits with -u, uses them later, and shows them with -l', async () => {
    const { directory, files } = store();
    const refused = await weir(['expire', directory]);
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(/no limits: give -s SIZE or -t LIFE/)]);
    await weirOk(['expire', '-u', directory, '-t', '1w1d12H', '-s', '1G', '-w', '90']);
    expect(await weirOk(['expire', '-l', directory])).toMatch(
      /: 5 files, 320\.0 KiB, 2024-05-01 00:00 to 2024-05-05 00:00; at most 1\.0 GiB, at most 1 week 1 day 12 hours, watermark 90 %\n$/,
    );
    // A limit of the command line goes before the one that is kept.
    await weirOk(['expire', directory, '-t', '0']);
    expect(files.every((file) => existsSync(file))).toBe(true);
    await weirOk(['expire', '-e', directory]);
    expect(files.map((file) => existsSync(file))).toEqual([false, false, false, false, true]);
  });

  it('goes through the stores below a directory of weir collect -M, by the limits of each', async () => {
    const directory = tempDir('expire');
    const files = ['10-0-0-1', '10-0-0-2', 'not-a-store'].map((name) => {
      const path = join(directory, name, '2024/05/01');
      mkdirSync(path, { recursive: true });
      if (name !== 'not-a-store') writeFileSync(join(directory, name, '.weir.lock'), '');
      return ['0000', '0005'].map((time) => {
        const file = join(path, `weir.20240501${time}.parquet`);
        writeFileSync(file, Buffer.alloc(4096, 1));
        return file;
      });
    });
    await weirOk(['expire', '-u', join(directory, '10-0-0-2'), '-s', '1G']);
    await weirOk(['expire', '-u', directory, '-t', '1w']);
    expect((await weirOk(['expire', '-l', directory])).trimEnd().split('\n')).toHaveLength(2);
    await weirOk(['expire', '-e', directory]);
    expect(files.map((each) => each.map((file) => existsSync(file)))).toEqual([
      [false, true],
      [true, true],
      [true, true],
    ]);
  });

  it('refuses what makes no sense', async () => {
    const { directory } = store();
    for (const [args, pattern] of [
      [[], /which directory/],
      [[directory, '-s', 'much'], /"much"/],
      [[directory, '-t', '1y'], /"1y"/],
      [[directory, '-w', '101'], /-w/],
      [[directory, directory], /one directory/],
      [[join(directory, 'gone'), '-s', '1G'], /gone/],
    ] as [string[], RegExp][]) {
      const refused = await weir(['expire', ...args]);
      expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(pattern)]);
    }
  });
});

describeWith(['weir'], 'weir collect -e', () => {
  it('deletes by the kept limits after each slot', async () => {
    const { directory } = store();
    await weirOk(['expire', '-u', directory, '-s', '1']);
    const port = await freeUdpPort();
    const collector = await startCollector(['-w', directory, '-t', '1', '-e'], port);
    await collector.until('two slots ended', () => (collector.output.match(/Ident: /g) ?? []).length >= 2);
    expect((await collector.stop()).status, collector.output).toBe(0);
    expect(collector.output).toMatch(/\d flow files of .* deleted \(\d+\.0 KiB\), from 2024-05-01 00:00 to /);
    expect(existsSync(join(directory, '2024'))).toBe(false);
    expect(segmentFiles(directory)).toHaveLength(1);
  });
});
