import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, expect, it } from 'vitest';
import { tempDir } from '../support/process.ts';
import { makeFlows } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { dumpText } from './support/run-dump.ts';

let directory: string;
beforeAll(() => {
  directory = tempDir('foreign-extra');
});

/** A file of one flow that has this text as its `extra`. */
async function fileWith(extra: string): Promise<string> {
  const [ours, theirs] = ['ours.parquet', 'theirs.parquet'].map((name) => join(directory, name)) as [string, string];
  await writeOwnSegment(ours, makeFlows(1), 100, 'zstd');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  await connection.run(`COPY (SELECT *, '${extra}' AS extra FROM '${ours}') TO '${theirs}'`);
  connection.closeSync();
  instance.closeSync();
  return theirs;
}

it.each([
  ['texts', '"x"', '0x0000000000|0x000000000|    0.000|      x'],
  ['numbers', '10', '0x000000000a|0x00000000a|    0.010|     10'],
  ['fractions and less than nothing', '-1.5', '0x0000000000|0x000000000|   -0.002|   -1.5'],
  ['lists', '[1]', '0x00|0x00|    0.000|      0'],
])('files of another program may have %s where we write numbers', async (_, value, expected) => {
  const names = ['observationPointId', 'observationDomainId', '57555', 'portRangeStart'];
  const theirs = await fileWith(`{${names.map((name) => `"${name}":${value}`).join()}}`);
  const line = await dumpText(['-r', theirs, '-q', '-o', 'fmt:%opid|%odid|%cl|%pbstart']);
  expect(line.trimEnd()).toBe(expected);
  for (const asked of [['observation point id 10'], ['client latency > 1'], ['-s', 'opid/bytes'], ['-o', 'raw']]) {
    expect(await dumpText(['-r', theirs, ...asked])).not.toBe('');
  }
  const [flow] = JSON.parse(await dumpText(['-r', theirs, '-o', 'json'])) as [Record<string, unknown>];
  expect(flow).toMatchObject({ type: 'FLOW', extra: { '57555': JSON.parse(value) } });
});

it('texts that others chose neither steer the terminal nor begin lines or cells', async () => {
  const theirs = await fileWith('{"40000":"\\u001b[2J\\nroot, \\"x\\"","applicationId":"1:2\\u009b3"}');
  const dump = async (format: string) => (await dumpText(['-r', theirs, '-q', '-o', format])).trimEnd().split('\n');
  expect(await dump('fmt:%uname|%nbid')).toEqual([' [2J root, "x"| 1..2 3']);
  expect((await dump('csv:%uname,%nbid')).slice(1)).toEqual(['" [2J root, ""x""",1..2 3']);
  expect((await dump('csv:%extra,%sp'))[1]).toMatch(/^"\{""40000"":.*\}",\d+$/);
});

it.each(['json', 'ndjson'])('%s has no control character of texts that others chose', async (format) => {
  const extra = { '40000': 'a\u007fb\u009b2Jc', vendor: 'ä\u0085\u009f' };
  const printed = await dumpText(['-r', await fileWith(JSON.stringify(extra)), '-o', format]);
  expect(printed).not.toMatch(/[\u007f-\u009f]/);
  expect(printed).toContain('a\\u007fb\\u009b2Jc');
  expect([JSON.parse(printed)].flat()).toMatchObject([{ extra, user_name: extra[40000] }]);
});
