import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mmdb } from '../support/mmdb.ts';
import { tempDir } from '../support/process.ts';
import { makeDatagrams } from './parity/datagrams.ts';
import { collectIntoFile } from './parity/store.ts';
import { makeFlows } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { dumpText } from './support/run-dump.ts';

let directory: string;
const file = (name: string) => join(directory, name);

beforeAll(async () => {
  directory = tempDir('places');
  await writeOwnSegment(file('flows.parquet'), makeFlows(80), 100, 'zstd');
  writeFileSync(
    file('country.mmdb'),
    mmdb({ '10.1.0.0/16': { country: { iso_code: 'CH' } }, '10.2.0.0/16': { country_code: 'AT' } }),
  );
  writeFileSync(file('asn.mmdb'), mmdb({ '10.0.0.0/8': { autonomous_system_organization: 'Example \u001b[31mNet' } }));
});

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

it('-G shows countries beside addresses', async () => {
  const ask = (...argv: string[]) => dumpText(['-r', file('flows.parquet'), '-G', file('country.mmdb'), ...argv]);
  const lines = (await ask('-q', 'src net 10.1.0.0/16')).trimEnd().split('\n');
  for (const line of lines) expect(line).toMatch(/ 10\.1\.\d+\.\d+\(CH\):/);
  expect(await ask('-c', '1')).toMatch(/^Date first seen +Duration +Proto +Src IP Addr\(\.\.\):Port/);
  expect(await ask('-s', 'srcip/bytes', '-n', '0')).toMatch(/ 10\.2\.\d+\.\d+\(AT\) /);
  expect(await ask('-A', 'srcip')).toMatch(/ 10\.2\.\d+\.\d+\(AT\) /);
  expect(await ask('-o', 'line', '-c', '5')).not.toContain('(');
  expect(await ask('-q', '-s', 'srcip/bytes', '-o', 'json', '-n', '0')).toContain('", "geo" : "CH", "flows"');
});

it('-G makes statistics of countries', async () => {
  const rows = async (argv: string[], filter: string) => {
    const text = await dumpText(['-r', file('flows.parquet'), '-q', '-n', '0', ...argv, filter]);
    return text.trimEnd().split('\n');
  };
  const geo = ['-G', file('country.mmdb'), '-s', 'srcgeo/bytes'];
  const countries = await rows(geo, 'any');
  expect(countries.map((line) => line.slice(47, 68).trim()).sort()).toEqual(['..', 'AT', 'CH']);
  // The same flows by their network: one row of all of them.
  const counters = (line: string | undefined) => line!.slice(68).replaceAll(/\([ \d.]+\)/g, '');
  const [swiss] = countries.filter((line) => line.includes(' CH '));
  const [same] = await rows(['-G', file('country.mmdb'), '-s', 'ivrf/bytes'], 'src net 10.1.0.0/16');
  expect(counters(swiss)).toBe(counters(same));
  await expect(rows(['-s', 'geo'], 'any')).rejects.toThrow('-G FILE');
});

it('-s srcasn names the organisations of AS numbers', async () => {
  writeFileSync(
    file('as.mmdb'),
    mmdb({
      '192.0.2.0/24': { autonomous_system_number: 559, autonomous_system_organization: 'Büro, Netz' },
      '198.51.100.0/24': { autonomous_system_number: 3303, autonomous_system_organization: 'Other' },
    }),
  );
  const ask = async (...argv: string[]) =>
    dumpText(['-r', file('flows.parquet'), '-q', '-n', '0', '-G', file('as.mmdb'), ...argv]);
  const lines = await ask('-s', 'srcasn/bytes');
  expect(lines).toMatch(/ any {2}( {34})? +Büro, Netz AS559 {5}/);
  expect(lines).toMatch(/ unknown AS64512 /);
  const numbers = (text: string) => [...text.matchAll(/\((.*)$/gm)].map(([rest]) => rest);
  expect(numbers(lines)).toEqual(numbers(await ask('-s', 'srcas/bytes')));
  expect(await ask('-o', 'json', '-s', 'srcasn')).toContain('"srcasn" : "AS559", "organisation" : "Büro, Netz", ');
  expect(await ask('-o', 'csv', '-s', 'asn/bytes')).toContain(',any,AS3303,');
});

it.each([
  ['src geo CH', 'src net 10.1.0.0/16'],
  ['geo at', 'net 10.2.0.0/16'],
  ['src geo in [ CH AT ]', 'src net 10.1.0.0/16 or src net 10.2.0.0/16'],
  ['not src geo CH', 'not src net 10.1.0.0/16'],
  ['src geo != CH', 'not src net 10.1.0.0/16'],
  ['dst geo US', 'net 192.0.2.0/32 and not any'],
])('%s means %s', async (geo, net) => {
  const withPlaces = (filter: string) =>
    dumpText(['-r', file('flows.parquet'), '-q', '-o', 'line', '-G', file('country.mmdb'), filter]);
  expect(await withPlaces(geo)).toBe(await withPlaces(net));
});

it('countries in filters need -G, and two letters', async () => {
  const ask = (filter: string) => dumpText(['-r', file('flows.parquet'), filter]);
  await expect(ask('src geo CH')).rejects.toThrow('where is CH? Name a MaxMind database');
  await expect(ask('src geo CHE')).rejects.toThrow("'CHE' is not the two letters of a country");
});

it('-G that is no MaxMind database is refused only where a place is asked for', async () => {
  await expect(dump('-G', file('flows.parquet'))).rejects.toThrow('no MaxMind database');
  expect(await dump('-G', 'none')).toContain('|..|');
  expect(await dumpText(['-r', file('flows.parquet'), '-q', '-G', '/nowhere', '-n', '1', '-s', 'srcip'])).not.toBe('');
});

describe('-G beside the answers of nfdump 1.7.8 with the same places', () => {
  const city = {
    continent: { code: 'EU' },
    country: { iso_code: 'CH' },
    city: { names: { en: 'Zurich' } },
    location: { latitude: 47, longitude: 8 },
  };
  const places = () => ['-G', `${file('numbers.mmdb')},${file('city.mmdb')}`];
  const ask = (...argv: string[]) => dumpText(['-r', file('weir.202611201200.parquet'), ...places(), ...argv]);

  beforeAll(async () => {
    await collectIntoFile(makeDatagrams(), file('weir.202611201200.parquet'));
    const numbers = { '10.0.0.0/8': 65_001, '2001:db8::/32': 65_002 };
    const records = Object.entries(numbers).map(([net, asNumber]) => [net, { autonomous_system_number: asNumber }]);
    writeFileSync(file('numbers.mmdb'), mmdb(Object.fromEntries(records)));
    writeFileSync(file('city.mmdb'), mmdb({ '10.0.0.0/16': city, '2001:db8::/32': city }));
  });

  it('prints where hosts are, and the AS numbers that flows lack', async () => {
    expect(await ask('-q', '-o', 'fmt:%sa %sas %das %sloc', '-c', '5')).toBe(
      [
        '        10.0.1.3  64512    559 EU/CH/Zurich long/lat: 8.0000/47.0000',
        '      172.16.2.2  64512  65001 <no location info>',
        '        10.0.1.2 4200000001    559 EU/CH/Zurich long/lat: 8.0000/47.0000',
        '       192.0.2.1    559  65001 <no location info>',
        '2001:db..fff::53  65002  65002 EU/CH/Zurich long/lat: 8.0000/47.0000',
        '',
      ].join('\n'),
    );
    expect(await ask('-o', 'csv:%sa,%sas,%dloc', '-c', '2')).toBe(
      'srcAddr,srcAS,dstLocation\n10.0.1.3,64512,no location info\n' +
        '172.16.2.2,64512,EU/CH/Zurich long/lat: 8.0000/47.0000\n',
    );
  });

  it.each([
    ['src as 65001', 216],
    ['as 65001', 224],
    ['src as 0', 6],
    ['as 0', 117],
    ['src as > 65000', 286],
    ['src as < 65002', 313],
    ['src as 559', 30],
    ['not src as 65001', 167],
    ['dst as 65002 and proto tcp', 41],
    // nfdump does not look up members of lists; what single numbers mean is true of them, too.
    ['src as in [ 65001 559 ]', 216 + 30],
    ['src as != 65001', 167],
  ])('finds flows by the AS numbers of their addresses: %s', async (filter, flows) => {
    expect(await ask('-o', 'null', filter)).toContain(`total flows: ${flows},`);
    process.env['WEIR_QUERY_ENGINE'] = 'duckdb';
    try {
      expect(await ask('-o', 'null', filter)).toContain(`total flows: ${flows},`);
    } finally {
      delete process.env['WEIR_QUERY_ENGINE'];
    }
  });
});
