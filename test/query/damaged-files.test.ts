import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runAnonymize } from '../../src/pipeline/archive/anonymize.ts';
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

/** Where the pages of a file lie: its footer stays as it was. */
type Damage = (bytes: Buffer) => void;
const DAMAGES: Record<string, Damage> = {
  'bits that are not what they were': (bytes) => {
    for (let at = 40; at < bytes.length >> 1; at += 97) bytes[at]! ^= 0x10;
  },
  'a block of zeros': (bytes) => bytes.fill(0, 4, bytes.length >> 1),
};

describe.each(Object.entries(DAMAGES))('a file whose footer is whole, with %s', (_, harm) => {
  const NAMES = [WHOLE[0], CUT, WHOLE[1]] as const;
  let all: string;
  let others: string;
  beforeAll(async () => {
    all = mkdtempSync(join(tmpdir(), 'weir-harmed-'));
    others = mkdtempSync(join(tmpdir(), 'weir-whole-'));
    for (const name of NAMES) await writeOwnSegment(join(all, name), makeFlows(500), 100, 'zstd');
    for (const name of WHOLE) copyFileSync(join(all, name), join(others, name));
    const bytes = readFileSync(join(all, CUT));
    harm(bytes);
    writeFileSync(join(all, CUT), bytes);
  });
  afterAll(() => {
    for (const directory of [all, others]) rmSync(directory, { recursive: true, force: true });
  });
  afterEach(() => {
    delete process.env['WEIR_QUERY_ENGINE'];
  });

  const questions: Record<string, string[]> = {
    'a statistic': ['-s', 'srcip', '-o', 'json'],
    'an aggregation': ['-q', '-A', 'srcip,dstport'],
    'a sorted list': ['-q', '-O', 'bytes', '-o', 'csv'],
    'the top of a list': ['-q', '-O', 'bytes', '-n', '5', '-o', 'extended'],
    'a list': ['-q', '-o', 'csv'],
    totals: ['-q', '-o', 'json', '-s', 'proto', '-n', '0'],
    'sums of files': ['-I'],
  };
  const engines = ['native', 'duckdb'];
  const cases = Object.entries(questions).flatMap(([what, argv]) => engines.map((engine) => ({ what, argv, engine })));

  it.each(cases)('is named once and left out of $what ($engine)', async ({ argv, engine }) => {
    process.env['WEIR_QUERY_ENGINE'] = engine;
    const { status, out, err } = await dump('-R', all, ...argv);
    const expected = await dump('-R', others, ...argv);
    expect([expected.status, expected.err]).toEqual([0, '']);
    expect(err).toMatch(new RegExp(`^cannot read segment .*${CUT}: .*; the file is left out\n$`));
    expect(status).toBe(1);
    expect(out).toBe(expected.out);
  });

  it('is left out of what -w writes', async () => {
    const path = join(others, '..', `weir-damaged-written-${process.pid}.parquet`);
    try {
      expect((await dump('-R', all, '-w', path)).status).toBe(1);
      expect((await dump('-r', path, '-q', '-o', 'csv')).out).toBe((await dump('-R', others, '-q', '-o', 'csv')).out);
    } finally {
      rmSync(path, { force: true });
    }
  });

  it.each(['csv', 'parquet'] as const)('is left out of the %s of weir sql', async (format) => {
    const ask = async (range: string) => {
      const [stdout, stderr] = [new Collector(), new Collector()];
      const streams = { stdout, stderr } as unknown as Parameters<typeof runSql>[1];
      const files = { read: undefined, range, sources: undefined };
      const statement = 'SELECT src_addr, dst_addr, sum(octets), sum(packets) FROM flows GROUP BY ALL ORDER BY ALL';
      const rest = { filter: '', window: undefined, format, write: undefined, memoryOctets: undefined };
      const status = await runSql({ files, statement, ...rest }, streams);
      return { status, out: stdout.text, err: stderr.text };
    };
    const { status, out, err } = await ask(all);
    const expected = await ask(others);
    expect(expected.status).toBe(0);
    expect(err).toMatch(new RegExp(`^cannot read segment .*${CUT}: .*; the file is left out\n$`));
    expect(status).toBe(1);
    expect(out).toBe(expected.out);
  });

  it('is named where nothing else is read', async () => {
    await expect(dump('-r', join(all, CUT), '-q', '-o', 'csv')).rejects.toThrow(CUT);
    process.env['WEIR_QUERY_ENGINE'] = 'duckdb';
    await expect(dump('-r', join(all, CUT), '-q', '-o', 'csv')).rejects.toThrow(CUT);
  });
});

it('a slot whose only file has damaged pages is no slot of an anonymous store', async () => {
  const [from, to] = ['from', 'to'].map((name) => mkdtempSync(join(tmpdir(), `weir-anonymize-${name}-`)));
  try {
    for (const name of [WHOLE[0], CUT, WHOLE[1]]) {
      const metadata = { 'weir.slot': name.slice(5, 17), 'weir.interval': '300' };
      await writeOwnSegment(join(from!, name), makeFlows(50), 100, 'zstd', undefined, metadata);
    }
    writeFileSync(join(from!, CUT), readFileSync(join(from!, CUT)).fill(0, 4, 2000));
    const lines: string[] = [];
    const options = { read: undefined, range: from!, sources: undefined, directory: to!, layout: 0, force: false };
    const secret = { key: new Uint8Array(32).fill(7), mapping: '1.7.8' as const };
    const signal = { stops: () => undefined } as never;
    expect(await runAnonymize({ ...options, ...secret }, signal, (line) => lines.push(line))).toBe(1);
    expect(lines.filter((line) => line.includes(`${CUT}: `))).toHaveLength(1);
    expect((await dump('-R', to!, '-q', '-o', 'csv')).out.trim().split('\n').length).toBeGreaterThanOrEqual(100);
  } finally {
    for (const directory of [from!, to!]) rmSync(directory, { recursive: true, force: true });
  }
});
