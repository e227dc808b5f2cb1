import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dumpSurroundings } from '../../src/pipeline/query/dump.ts';
import { runSql } from '../../src/pipeline/query/sql.ts';
import { parseDumpArguments } from '../../src/query/arguments.ts';
import { runDump } from '../../src/query/dump.ts';
import { makeFlows } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { Collector } from './support/run-dump.ts';

const WHOLE = ['weir.202611211000.parquet', 'weir.202611211010.parquet'] as const;
const CUT = 'weir.202611211005.parquet';

let store: string;
let damaged: string;
beforeAll(async () => {
  store = mkdtempSync(join(tmpdir(), 'weir-damaged-'));
  damaged = mkdtempSync(join(tmpdir(), 'weir-all-damaged-'));
  for (const name of WHOLE) await writeOwnSegment(join(store, name), makeFlows(50), 100, 'zstd');
  const bytes = readFileSync(join(store, WHOLE[0]));
  writeFileSync(join(store, CUT), bytes.subarray(0, bytes.length - 100));
  copyFileSync(join(store, CUT), join(damaged, CUT));
});
afterAll(() => {
  for (const directory of [store, damaged]) rmSync(directory, { recursive: true, force: true });
});

async function dump(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const status = await runDump(parseDumpArguments(args), dumpSurroundings({ stdout, stderr }));
  return { status, out: stdout.text, err: stderr.text };
}

describe('a damaged file among others', () => {
  const range = () => `${join(store, WHOLE[0])}:${WHOLE[1]}`;

  it.each(['flows', 'statistic', 'range', 'sums'])('is named and left out of %s, and the status is 1', async (kind) => {
    const argv: Record<string, string[]> = {
      flows: ['-r', store, '-o', 'csv', '-q'],
      statistic: ['-R', store, '-s', 'proto', '-o', 'json'],
      range: ['-R', range(), '-o', 'csv', '-q'],
      sums: ['-R', range(), '-q', '-A', 'proto'],
    };
    const whole: Record<string, string[]> = { ...argv };
    // The same question of the files that are whole: the answer is the same.
    const others = mkdtempSync(join(tmpdir(), 'weir-whole-'));
    try {
      for (const name of WHOLE) copyFileSync(join(store, name), join(others, name));
      const { status, out, err } = await dump(...argv[kind]!);
      expect(status).toBe(1);
      expect(err).toMatch(new RegExp(`^cannot read segment .*${CUT}: .*; the file is left out\n$`));
      const expected = await dump(...whole[kind]!.map((text) => text.replace(store, others)));
      expect([expected.status, expected.err]).toEqual([0, '']);
      expect(out).toBe(expected.out);
    } finally {
      rmSync(others, { recursive: true, force: true });
    }
  });

  it('likewise of weir sql', async () => {
    const [stdout, stderr] = [new Collector(), new Collector()];
    const streams = { stdout, stderr } as unknown as Parameters<typeof runSql>[1];
    const files = { read: undefined, range: range(), sources: undefined };
    const rest = { filter: '', window: undefined, format: 'csv', write: undefined, memoryOctets: undefined } as const;
    const statement = 'SELECT count(*) AS n FROM flows';
    expect(await runSql({ files, statement, ...rest }, streams)).toBe(1);
    expect(stdout.text).toBe('n\n100\n');
    expect(stderr.text).toContain(`${CUT}: `);
  });

  it('is an error where nothing else is read', async () => {
    await expect(dump('-r', join(store, CUT))).rejects.toThrow(CUT);
    await expect(dump('-R', damaged)).rejects.toThrow(CUT);
  });
});
