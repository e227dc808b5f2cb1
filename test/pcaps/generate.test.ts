import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { captures } from '../../pcaps/captures.mjs';
import { address, checksum } from '../../pcaps/frames.mjs';
import { Random } from '../../pcaps/random.mjs';

const directory = join(import.meta.dirname, '../../pcaps');

describe('bundled captures', () => {
  it.each(Object.keys(captures))('%s comes out of the generator as it stands in the repository', (name) => {
    const made = captures[name]!();
    expect(made.equals(readFileSync(join(directory, name)))).toBe(true);
  });

  it('there is no capture that the generator does not make', () => {
    const files = readdirSync(directory).filter((name) => /\.pcap(ng)?$/.test(name));
    expect(files.sort()).toEqual(Object.keys(captures).sort());
  });

  it('stay small', () => {
    const total = Object.values(captures).reduce((sum, make) => sum + make().length, 0);
    expect(total).toBeLessThan(400_000);
  });
});

describe('frame builder', () => {
  it('parses addresses of both families', () => {
    expect([...address('192.0.2.1')]).toEqual([192, 0, 2, 1]);
    expect(address('2001:db8::1').toString('hex')).toBe('20010db8000000000000000000000001');
    expect(address('::').toString('hex')).toBe('0'.repeat(32));
  });

  it('computes the checksum of RFC 1071', () => {
    expect(checksum(Buffer.from('0001f203f4f5f6f7', 'hex'))).toBe(~0xddf2 & 0xffff);
  });

  it('draws heavy-tailed numbers within their bounds', () => {
    const random = new Random(1);
    const drawn = Array.from({ length: 10_000 }, () => random.heavyTailed(5, 5000));
    expect(Math.min(...drawn)).toBe(5);
    expect(Math.max(...drawn)).toBeGreaterThan(2000);
    expect(Math.max(...drawn)).toBeLessThanOrEqual(5000);
  });
});
