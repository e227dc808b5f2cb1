import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { mmdb } from '../support/mmdb.ts';
import { tempDir } from '../support/process.ts';
import { makeDatagrams } from './parity/datagrams.ts';
import { collectIntoFile } from './parity/store.ts';
import { makeFlows } from './support/generate.ts';
import { writeOwnSegment } from './support/parquet.ts';
import { dumpText, inZone, withEngine } from './support/run-dump.ts';

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

  it.each([
    [
      '-s srcas -n 0',
      `
2026-11-20 10:00:00.000     00:49:22.334 any                   65001      216(56.4)   80.8 M(42.4)   64.9 G(45.0)    27278  175.3 M   803
2026-11-20 10:00:01.997     00:45:55.239 any                    3303       33( 8.6)    7.4 M( 3.9)    5.0 G( 3.5)     2697   14.7 M   679
2026-11-20 10:00:00.616     00:41:00.534 any                     559       30( 7.8)    9.8 M( 5.2)    9.2 G( 6.4)     4002   29.8 M   931
2026-11-20 10:00:00.481     00:38:34.854 any              4200000001       30( 7.8)   13.1 M( 6.9)    9.0 G( 6.2)     5667   31.0 M   684
2026-11-20 10:00:00.143     00:46:01.460 any                   64512       28( 7.3)   13.1 M( 6.9)   13.1 G( 9.1)     4750   38.0 M   998
2026-11-20 10:00:00.102     00:49:15.619 any                   65010       25( 6.5)    8.9 M( 4.7)    7.2 G( 5.0)     3002   19.5 M   809
2026-11-20 10:00:00.408     00:46:49.672 any                   65002       15( 3.9)    24631( 0.0)   15.0 M( 0.0)        8    42644   608
2026-11-20 10:00:04.019     00:00:59.330 any                       0        6( 1.6)    2.3 M( 1.2)  758.5 M( 0.5)    38842  102.3 M   329
`,
    ],
    [
      '-s dstas/bytes -n 4',
      `
2026-11-20 10:00:00.071     00:49:22.263 any                   65002      136(35.5)   62.9 M(33.0)   50.4 G(34.9)    21217  136.2 M   802
2026-11-20 10:00:00.000     00:46:50.080 any                       0      111(29.0)   34.7 M(18.2)   26.9 G(18.6)    12339   76.5 M   775
2026-11-20 10:00:02.862     00:45:58.741 any                   13335       42(11.0)   26.9 M(14.1)   21.7 G(15.0)     9747   62.8 M   805
2026-11-20 10:00:01.997     00:36:51.236 any                   15169       31( 8.1)   26.2 M(13.8)   17.6 G(12.2)    11859   63.6 M   670
`,
    ],
    [
      '-s as/packets/bytes -n 3',
      `
2026-11-20 10:00:00.000     00:49:22.334 any                   65001      224(58.5)   95.6 M(50.2)   75.9 G(52.6)    32274  205.0 M   794
2026-11-20 10:00:00.071     00:49:22.263 any                   65002      151(39.4)   62.9 M(33.0)   50.4 G(34.9)    21226  136.2 M   802
2026-11-20 10:00:00.143     00:46:06.012 any                     559       60(15.7)   45.7 M(24.0)   30.8 G(21.4)    16517   89.2 M   674
2026-11-20 10:00:00.000     00:49:22.334 any                   65001      224(58.5)   95.6 M(50.2)   75.9 G(52.6)    32274  205.0 M   794
2026-11-20 10:00:00.071     00:49:22.263 any                   65002      151(39.4)   62.9 M(33.0)   50.4 G(34.9)    21226  136.2 M   802
2026-11-20 10:00:00.143     00:46:06.012 any                     559       60(15.7)   45.7 M(24.0)   30.8 G(21.4)    16517   89.2 M   674
`,
    ],
    [
      '-s as:p/bps -n 3',
      `
2026-11-20 10:00:09.791     00:00:05.414 UDP                   64512        3( 0.8)    1.3 M( 0.7)    1.7 G( 1.2)   248372    2.5 G  1272
2026-11-20 10:00:00.000     00:00:59.267 UDP                       0       43(11.2)    8.7 M( 4.6)    7.8 G( 5.4)   146362    1.1 G   899
2026-11-20 10:00:00.177     00:01:09.275 ICMP                  64512        3( 0.8)    8.0 M( 4.2)    7.9 G( 5.5)   115101  912.5 M   990
`,
    ],
    [
      '-s srcas:p/bytes -n 3',
      `
2026-11-20 10:00:00.000     00:49:22.334 TCP                   65001       87(22.7)   33.8 M(17.8)   29.7 G(20.6)    11411   80.2 M   878
2026-11-20 10:00:00.000     00:47:47.829 UDP                   65001       58(15.1)   19.2 M(10.1)   15.8 G(11.0)     6712   44.2 M   822
2026-11-20 10:00:03.939     00:38:31.396 TCP              4200000001       17( 4.4)   18.2 M( 9.6)   14.0 G( 9.7)     7869   48.6 M   771
`,
    ],
  ])('counts flows under the AS numbers of their addresses: %s', async (asked, table) => {
    for (const engine of ['native', 'duckdb'] as const) {
      const text = await withEngine(engine, () => inZone('UTC', () => ask('-q', ...asked.split(' '))));
      expect(`\n${text}`, engine).toBe(table);
    }
  });
});
