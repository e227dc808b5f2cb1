import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { tempDir } from '../support/process.ts';
import { makeFlows } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { dumpText } from './support/run-dump.ts';

let directory: string;
let flows: string;
beforeAll(async () => {
  directory = tempDir('refused');
  flows = join(directory, 'flows.parquet');
  await writeOwnSegment(flows, makeFlows(10), 100, 'zstd');
});

it.each([
  [['-s', 'ja3'], 'flows are stored without payload'],
  [['-A', 'srcip,dstgeo'], 'use -s dstgeo with -G FILE'],
  [['-A', 'opid'], 'use -s opid'],
  [['-A', 'exp'], 'use -A router'],
  [['payload content "abc"'], 'flows are stored without payload'],
  [['exporter id 1'], 'use "router ip ADDRESS"'],
  [['ingress ace 3'], 'use "ingress acl N"'],
  [['count 3'], 'records are not numbered: use -c'],
])('%j, which nfdump answers, is answered with what to do instead', async (args, message) => {
  await expect(dumpText(['-r', flows, ...args])).rejects.toThrow(message);
});

it('port in [ ... ] is no block of ports', async () => {
  expect(await dumpText(['-r', flows, '-q', '-o', 'csv', 'port in [ 0-65535 ]'])).not.toBe('');
});
