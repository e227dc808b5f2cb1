import { existsSync, linkSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { makeFlows } from '../query/support/generate.ts';
import { writeOwnSegment } from '../query/support/parquet.ts';
import { Daemon, describeWith, tempDir } from '../support/process.ts';

const COPIES = 300;

describeWith(['weir'], 'a question that is interrupted', () => {
  it.each([
    ['weir dump -w', (out: string) => ['dump', '-w', out]],
    ['weir sql -w', (out: string) => ['sql', '-o', 'parquet', '-w', out, 'SELECT * FROM flows']],
  ])('%s leaves no part of its file behind', { timeout: 60_000 }, async (_, command) => {
    const [store, output] = [tempDir('interrupted-store'), tempDir('interrupted-output')];
    const first = join(store, 'weir.202611200000.parquet');
    await writeOwnSegment(first, makeFlows(20_000), 5000, 'zstd');
    for (let copy = 1; copy < COPIES; copy++) {
      linkSync(first, join(store, `weir.20261120${String(10_000 + copy).slice(1)}.parquet`));
    }
    const [name, ...rest] = command(join(output, 'answer.parquet'));
    const daemon = Daemon.weir([name!, '-R', store, ...rest]);
    await daemon.until('a file that is being written', () => readdirSync(output).length > 0);
    const { status, signal } = await daemon.stop('SIGINT');
    expect({ status, signal, left: readdirSync(output) }).toEqual({ status: -1, signal: 'SIGINT', left: [] });
    expect(existsSync(join(output, 'answer.parquet'))).toBe(false);
    expect(daemon.output).toBe('');
  });
});
