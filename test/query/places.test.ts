import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mmdb } from '../support/mmdb.ts';
import { makeFlows } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { dumpText } from './support/run-dump.ts';

let directory: string;
const file = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'weir-places-'));
  await writeOwnSegment(file('flows.parquet'), makeFlows(80), 100, 'zstd');
  writeFileSync(
    file('country.mmdb'),
    mmdb({ '10.1.0.0/16': { country: { iso_code: 'CH' } }, '10.2.0.0/16': { country_code: 'AT' } }),
  );
  writeFileSync(file('asn.mmdb'), mmdb({ '10.0.0.0/8': { autonomous_system_organization: 'Example \u001b[31mNet' } }));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const dump = (...argv: string[]) =>
  dumpText(['-r', file('flows.parquet'), '-q', '-o', 'fmt:%sa|%sc|%dc|%sasn', ...argv]);

it('-G prints countries and organisations', async () => {
  const lines = (await dump('-G', `${file('country.mmdb')},${file('asn.mmdb')}`)).trimEnd().split('\n');
  expect(lines).toHaveLength(80);
  for (const line of lines) {
    const [address, country, other, organisation] = line.split('|').map((cell) => cell.trim());
    expect(country).toBe(address!.startsWith('10.1.') ? 'CH' : address!.startsWith('10.2.') ? 'AT' : '..');
    expect(other).toBe('..');
    expect(organisation).toBe(address!.startsWith('10.') ? 'Example  [31mNet' : 'none');
  }
});

it('-G is read only where a place is printed', async () => {
  await expect(dump('-G', file('flows.parquet'))).rejects.toThrow('no MaxMind database');
  expect(await dump('-G', 'none')).toContain('|..|');
  expect(await dumpText(['-r', file('flows.parquet'), '-q', '-G', '/nowhere', '-n', '1', '-s', 'srcip'])).not.toBe('');
});
