import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { dumpSurroundings } from '../../../src/pipeline/query/dump.ts';
import { parseDumpArguments } from '../../../src/query/arguments.ts';
import { runDump } from '../../../src/query/dump.ts';
import { makeFlows } from '../../query/support/generate.ts';
import { writeOwnSegment } from '../../query/support/parquet.ts';
import { Collector, dumpText } from '../../query/support/run-dump.ts';
import { tempDir } from '../../support/process.ts';

let directory: string;
let flows: string;
let work: string;
const usual = process.env['TMPDIR'];

beforeAll(async () => {
  directory = tempDir('flow-file');
  flows = join(directory, 'flows.parquet');
  await writeOwnSegment(flows, makeFlows(2000), 100, 'zstd');
});
beforeEach(() => {
  work = mkdtempSync(join(directory, 'work-'));
  mkdirSync(join(work, 'temporary'));
  process.env['TMPDIR'] = join(work, 'temporary');
});
afterEach(() => {
  if (usual === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = usual;
});

/** The same flows with octets amid the data changed. */
function damaged(): string {
  const path = join(directory, 'damaged.parquet');
  const bytes = readFileSync(flows);
  bytes.fill(0xff, bytes.length >> 2, bytes.length >> 1);
  writeFileSync(path, bytes);
  return path;
}

it.each([
  ['a file', 'out.parquet'],
  ['standard output', '-'],
])('-w to %s leaves nothing of an answer that fails behind', async (_, to) => {
  const target = to === '-' ? to : join(work, to);
  await expect(dumpText(['-r', damaged(), '-w', target])).rejects.toThrow();
  expect([readdirSync(work), readdirSync(join(work, 'temporary'))]).toEqual([['temporary'], []]);
  await expect(dumpText(['-r', flows, '-w', target, '-s', 'srcip'])).rejects.toThrow('-w writes flows');
  expect([readdirSync(work), readdirSync(join(work, 'temporary'))]).toEqual([['temporary'], []]);
  await dumpText(['-r', flows, '-w', target]);
  expect(readdirSync(join(work, 'temporary'))).toEqual([]);
});

it('-w - ends quietly, and leaves nothing behind, when its reader has gone', async () => {
  const stdout = new Writable({
    write: (_chunk, _encoding, callback) => callback(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' })),
  });
  const stderr = new Collector();
  const options = parseDumpArguments(['-r', flows, '-w', '-']);
  expect(await runDump(options, dumpSurroundings({ stdout, stderr } as unknown as NodeJS.Process))).toBe(0);
  expect([stderr.text, readdirSync(join(work, 'temporary'))]).toEqual(['', []]);
});
