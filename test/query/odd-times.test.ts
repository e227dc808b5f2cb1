import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { BATCH_ROWS, FlowBatch } from '../../src/flow/batch.ts';
import { FlowFile } from '../../src/pipeline/query/flow-file.ts';
import { tempDir } from '../support/process.ts';
import { dumpText, inZone, splitWords, withEngine } from './support/run-dump.ts';

/** Times that no clock shows, as files of other programs, and of a clock that was never set, may have them. */
const ODD_MS = [-4000, -1, 8.64e15, 8.64e15 + 1, 9.2e18, Date.UTC(9999, 11, 31, 23), Date.UTC(12_000, 1, 1)];
/** DuckDB counts in microseconds, and refuses what is beyond. */
const LAST_OF_DUCKDB_MS = 9.2e15;
const USUAL_MS = 1_700_000_000_000;

let directory: string;
const fileOf = (engine: string) => join(directory, engine);

beforeAll(async () => {
  directory = tempDir('odd-times');
  await write(ODD_MS, fileOf('native'));
  await write(
    ODD_MS.filter((ms) => ms < LAST_OF_DUCKDB_MS),
    fileOf('duckdb'),
  );
});

async function write(oddMs: readonly number[], file: string): Promise<void> {
  const batch = new FlowBatch(BATCH_ROWS);
  const [received, first, last] = [batch.use('receivedMs'), batch.use('firstMs'), batch.use('lastMs')];
  const [event, exported] = [batch.use('eventMs'), batch.use('exportMs')];
  for (const odd of oddMs) {
    for (const [firstMs, lastMs] of [
      [odd, USUAL_MS],
      [USUAL_MS, odd],
      [odd, odd],
    ] as const) {
      const row = batch.rows++;
      received[row] = odd;
      first[row] = firstMs;
      last[row] = lastMs;
      event[row] = odd;
      exported[row] = odd;
      batch.use('packets')[row * 2] = 1;
      batch.use('octets')[row * 2] = 100;
    }
  }
  const written = new FlowFile(file, { ident: 'odd', compression: undefined });
  await written.write(batch);
  await written.close();
}

describe.each(['native', 'duckdb'] as const)('times that cannot be, %s', (engine) => {
  it.each([
    ...['line', 'long', 'extended', 'csv', 'json', 'ndjson', 'raw', 'biline', 'nsel', 'nat', 'pipe', 'csv-legacy'].map(
      (o) => `-o ${o}`,
    ),
    "-o 'fmt:%ts %te %tr %tsr %ter %trr %tevt %td %bps %pps'",
    "-o 'csv:%ts,%te,%tr,%td'",
    '-O tstart',
    '-O tend -o json',
    '-O duration',
    '-s record/bytes',
    '-s srcip/bps -s proto/packets',
    '-A srcip -O bytes',
    '-a -o json',
    '-b',
    '-I',
  ])('weir dump %s', async (options) => {
    for (const zone of ['UTC', 'Pacific/Kiritimati', 'America/Adak']) {
      const args = ['-r', fileOf(engine), ...splitWords(options).map((word) => word.replaceAll(/^'|'$/g, ''))];
      const text = await withEngine(engine, () => inZone(zone, () => dumpText(args)));
      expect(text).not.toBe('');
      expect(text).not.toMatch(/NaN|Invalid|undefined|[+-]\d{6}-/);
    }
  });
});
