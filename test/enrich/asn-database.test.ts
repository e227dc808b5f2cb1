import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AsnColumns } from '../../src/enrich/asn-columns.ts';
import { AsnDatabase } from '../../src/enrich/asn-database.ts';
import { parseAddress } from '../../src/flow/address.ts';
import { FlowBatch } from '../../src/flow/batch.ts';
import { UserError } from '../../src/flow/user-error.ts';
import { fuzz } from '../support/fuzz.ts';
import { mmdb } from '../support/mmdb.ts';
import { tempDir } from '../support/process.ts';
import { putAddress } from './addresses.ts';

const asn = (number: number) => ({ autonomous_system_number: number, autonomous_system_organization: 'Example' });
const ENTRIES = {
  '192.0.2.0/24': asn(64_500),
  '198.51.100.0/25': asn(64_501),
  '198.51.100.128/26': asn(64_502),
  '203.0.113.7': asn(4_200_000_000),
  '10.0.0.0/8': { asn: 'AS64503' },
  '2001:db8::/32': asn(64_504),
  '2001:db9:0:1::/64': asn(64_505),
};

function opened(bytes: Buffer): AsnDatabase {
  const path = join(tempDir('asn'), 'some.mmdb');
  writeFileSync(path, bytes);
  return new AsnDatabase(path);
}

function find(database: AsnDatabase, address: string): number {
  return database.find(...parseAddress(address)!);
}

describe('AS numbers', () => {
  const expected: Record<string, number> = {
    '192.0.2.1': 64_500,
    '192.0.2.255': 64_500,
    '192.0.3.0': 0,
    '198.51.100.127': 64_501,
    '198.51.100.128': 64_502,
    '198.51.100.192': 0,
    '203.0.113.6': 0,
    '203.0.113.7': 4_200_000_000,
    '10.255.255.255': 64_503,
    '2001:db8:ffff::1': 64_504,
    '2001:db9:0:1:ffff::': 64_505,
    '2001:db9:0:2::': 0,
    '::1': 0,
    '::c000:201': 64_500, // a file has IPv4 among the first addresses of IPv6
  };

  it.each([24, 28, 32] as const)('are found in a file of %d-bit records, again and again', (recordSize) => {
    const database = opened(mmdb(ENTRIES, { recordSize }));
    for (let round = 0; round < 3; round++) {
      for (const [address, number] of Object.entries(expected)) {
        expect([address, find(database, address)]).toEqual([address, number]);
      }
    }
  });

  it('of more addresses than are remembered are right', () => {
    const database = opened(mmdb(ENTRIES));
    for (let i = 0; i < 200_000; i++) database.find(0, 0, 0xffff, (i * 256 * 13) >>> 0);
    for (const [address, number] of Object.entries(expected)) expect(find(database, address)).toBe(number);
  });

  it('of IPv6 are not looked for in a file of IPv4', () => {
    const v4 = Object.fromEntries(Object.entries(ENTRIES).filter(([prefix]) => !prefix.includes(':')));
    const database = opened(mmdb(v4, { ipVersion: 4 }));
    expect(find(database, '192.0.2.1')).toBe(64_500);
    expect(find(database, 'c000:0201::')).toBe(0);
  });

  it('go into the columns of a batch', () => {
    const columns = new AsnColumns(opened(mmdb(ENTRIES)));
    const batch = new FlowBatch(10);
    for (const [src, dst] of [
      ['192.0.2.1', '10.0.0.1'],
      ['2001:db8::1', '2001:db9::1'],
    ]) {
      putAddress(batch, 'srcAddr', batch.rows, src!);
      putAddress(batch, 'dstAddr', batch.rows, dst!);
      batch.rows++;
    }
    columns.fill(batch);
    expect([...batch.get('srcAs')!.subarray(0, 2)]).toEqual([64_500, 64_504]);
    expect([...batch.get('dstAs')!.subarray(0, 2)]).toEqual([64_503, 0]);
  });
});

describe('a file that is of no use is named', () => {
  const good = mmdb(ENTRIES);
  const cases: [string, Buffer, RegExp][] = [
    ['empty', Buffer.alloc(0), /some\.mmdb: this is no MaxMind database/],
    ['of text', Buffer.from('autonomous systems'), /some\.mmdb: this is no MaxMind database/],
    [
      'cut at the front',
      good.subarray(good.indexOf('MaxMind.com') - 20),
      /some\.mmdb: this MaxMind database is damaged/,
    ],
    ['with countries', mmdb(ENTRIES, { type: 'GeoLite2-Country' }), /\(GeoLite2-Country\) has no AS numbers/],
  ];
  it.each(cases)('%s', (_, bytes, message) => {
    expect(() => opened(bytes)).toThrow(UserError);
    expect(() => opened(bytes)).toThrow(message);
  });

  it('missing', () => {
    expect(() => new AsnDatabase('/nowhere/asn.mmdb')).toThrow(/^\/nowhere\/asn\.mmdb: cannot read/);
  });

  it('or answers something, whatever bytes of it are changed', async () => {
    await fuzz((roll) => {
      const bytes = Buffer.from(good);
      for (let i = 0; i < 3; i++) bytes[roll(bytes.length)] = roll(256);
      let database: AsnDatabase;
      try {
        database = opened(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        return;
      }
      for (const address of Object.keys(ENTRIES)) {
        const number = find(database, address.split('/')[0]!);
        expect(Number.isInteger(number) && number >= 0 && number <= 0xffff_ffff).toBe(true);
      }
    });
  });
});
