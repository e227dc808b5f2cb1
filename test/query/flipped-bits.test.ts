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
/** Of a footer, from its end. */
const FOOTER_OCTETS = 6000;
/** The first octets of a file, which nothing is read from. */
const MAGIC_OCTETS = 4;

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

/** Where headers of pages of a file begin. */
async function headersOf(path: string): Promise<number[]> {
  const connection = await (await DuckDBInstance.create()).connect();
  const sql = `SELECT dictionary_page_offset::DOUBLE, data_page_offset::DOUBLE FROM parquet_metadata('${path}')`;
  const offsets = (await connection.runAndReadAll(sql)).getRows() as (number | null)[][];
  return offsets.flat().filter((at) => at !== null && at > 0) as number[];
}

describe.each(['none', 'lz4', 'zstd'] as const)('a flipped bit in a file (%s)', (codec) => {
  it('changes no answer: it is met, or of no consequence', async () => {
    const [all, others] = [tempDir('flipped'), tempDir('flipped-others')];
    await writeOwnSegment(join(all, WHOLE), makeFlows(200), 100, codec);
    const flows = makeFlows(1500);
    await writeOwnSegment(join(all, HARMED), flows, 1000, codec);
    copyFileSync(join(all, WHOLE), join(others, WHOLE));
    const answers = (store: string) => Promise.all(QUESTIONS.map((question) => dump('-R', store, ...question)));
    const [whole, without] = [await answers(all), await answers(others)];
    const bytes = readFileSync(join(all, HARMED));
    const headers = await headersOf(join(all, HARMED));
    let met = 0;
    await fuzz(async (roll) => {
      const places = [
        () => MAGIC_OCTETS + roll(bytes.length - MAGIC_OCTETS),
        () => headers[roll(headers.length)]! + roll(HEADER_OCTETS),
        () => bytes.length - 1 - roll(FOOTER_OCTETS),
      ];
      const at = places[roll(places.length)]!();
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
