import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { describe, expect, it } from 'vitest';
import { dumpSurroundings } from '../../src/pipeline/query/dump.ts';
import { parseDumpArguments } from '../../src/query/arguments.ts';
import { runDump } from '../../src/query/dump.ts';
import { fuzz } from '../support/fuzz.ts';
import { tempDir } from '../support/process.ts';
import { makeFlows } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { Collector } from './support/run-dump.ts';

const HARMED = 'weir.202611211005.parquet';
const WHOLE = 'weir.202611211000.parquet';
/** Of a page header, and a little of what comes behind it. */
const HEADER_OCTETS = 32;

const QUESTIONS = [
  ['-s', 'srcip/bytes', '-n', '0', '-o', 'csv'],
  ['-s', 'proto', '-o', 'json'],
  ['-q', '-A', 'dstip,srcport', '-o', 'csv'],
  ['-q', '-O', 'bytes', '-o', 'csv'],
  ['-q', '-o', 'csv', 'proto tcp and packets > 3'],
  ['-I'],
];

async function dump(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  const [stdout, stderr] = [new Collector(), new Collector()];
  const status = await runDump(parseDumpArguments(args), dumpSurroundings({ stdout, stderr }));
  return { status, out: stdout.text, err: stderr.text };
}

/** Where the pages of a file are, and where the first two of each of its column chunks begin. */
async function pagesOf(path: string): Promise<{ starts: number[]; end: number }> {
  const connection = await (await DuckDBInstance.create()).connect();
  const sql = `SELECT dictionary_page_offset::DOUBLE, data_page_offset::DOUBLE,
    (coalesce(dictionary_page_offset, data_page_offset) + total_compressed_size)::DOUBLE FROM parquet_metadata('${path}')`;
  const rows = (await connection.runAndReadAll(sql)).getRows() as (number | null)[][];
  const starts = rows.flat().filter((at) => at !== null && at > 0);
  return { starts: starts as number[], end: Math.max(...rows.map(([, , end]) => end!)) };
}

describe.each(['none', 'lz4', 'zstd'] as const)('a flipped bit in a page (%s)', (codec) => {
  it('changes no answer: it is met, or of no consequence', async () => {
    const [all, others] = [tempDir('flipped'), tempDir('flipped-others')];
    await writeOwnSegment(join(all, WHOLE), makeFlows(200), 100, codec);
    const flows = makeFlows(1500);
    await writeOwnSegment(join(all, HARMED), flows, 1000, codec);
    copyFileSync(join(all, WHOLE), join(others, WHOLE));
    const answers = (store: string) => Promise.all(QUESTIONS.map((question) => dump('-R', store, ...question)));
    const [whole, without] = [await answers(all), await answers(others)];
    const bytes = readFileSync(join(all, HARMED));
    const { starts, end } = await pagesOf(join(all, HARMED));
    let met = 0;
    await fuzz(async (roll) => {
      const at = roll(3) === 0 ? 4 + roll(end - 4) : starts[roll(starts.length)]! + roll(HEADER_OCTETS);
      const bit = roll(8);
      const harmed = Buffer.from(bytes);
      harmed[at]! ^= 1 << bit;
      writeFileSync(join(all, HARMED), harmed);
      const number = roll(QUESTIONS.length);
      const { status, out, err } = await dump('-R', all, ...QUESTIONS[number]!);
      const what = `${QUESTIONS[number]!.join(' ')}: bit ${bit} of octet ${at}`;
      if (status === 0) {
        expect([out, err], what).toEqual([whole[number]!.out, '']);
        return;
      }
      met++;
      expect(err, what).toMatch(new RegExp(`^cannot read segment .*${HARMED}: .*; the file is left out\n$`));
      expect(out, what).toBe(without[number]!.out);
    });
    expect(met).toBeGreaterThan(0);
  });
});
