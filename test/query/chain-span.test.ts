import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseAddress } from '../../src/flow/address.ts';
import { runIndex } from '../../src/pipeline/archive/index-stores.ts';
import { makeFlows, type TestFlow } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { dumpText } from './support/run-dump.ts';

const SLOTS = 8;
const HOUR_MS = 3_600_000;
const RARE = '203.0.113.99';
let directory: string;

/** Two stores of the same slots, a host in two of them; one is indexed. */
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-chain-span-'));
  for (const store of ['indexed', 'plain']) {
    mkdirSync(join(directory, store));
    for (let slot = 0; slot < SLOTS; slot++) {
      const flows = makeFlows(300, 7 + slot).map(({ numbers, addresses }, index): TestFlow => {
        const shift = slot * HOUR_MS;
        const isRare = (slot === 3 || slot === 5) && index % 100 === 50;
        return {
          numbers: { ...numbers, firstMs: numbers['firstMs']! + shift, lastMs: numbers['lastMs']! + shift },
          addresses: isRare ? { ...addresses, srcAddr: parseAddress(RARE)! } : addresses,
        } as TestFlow;
      });
      await writeOwnSegment(join(directory, store, `weir.20261120${10 + slot}00.parquet`), flows, 100, 'zstd', [
        'src_addr_lo',
        'dst_addr_lo',
      ]);
    }
  }
  await runIndex([join(directory, 'indexed')], () => undefined);
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it.each([
  `first { src ip ${RARE} dst port P } then { dst port P } within 10m`,
  `first { src ip ${RARE} dst ip A } then { ip A }`,
  `every first { src ip ${RARE} proto X } then { proto X } within 5s then { proto X } within 2s`,
  `first { src ip 203.0.113.98 proto X } then { proto X } within 5s`,
  `first { proto tcp src ip A } then { src ip A dst port 443 } all within 1h`,
])('chains are the same with an index of the files and without: %s', async (sequence) => {
  const ask = (store: string) => dumpText(['-R', join(directory, store), '-q', '-o', 'csv', '-n', '200', sequence]);
  const chains = await ask('plain');
  expect(await ask('indexed')).toBe(chains);
  if (sequence.includes(RARE)) expect(chains.split('\n').length).toBeGreaterThan(3);
});
