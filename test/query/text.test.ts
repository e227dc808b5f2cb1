import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Clock } from '../../src/query/output/clock.ts';
import { Label, TextBlock } from '../../src/query/output/text.ts';

function written(write: (out: TextBlock) => void): string {
  const out = new TextBlock(64);
  write(out);
  return Buffer.from(out.bytes.subarray(0, out.length)).toString('utf8');
}

describe('a block of text', () => {
  it('has whole numbers with all their digits, right-aligned', () => {
    const exponents = fc.double({ min: 0, max: 53, maxExcluded: true, noNaN: true });
    const values = exponents.map((exponent) => Math.floor(2 ** exponent));
    fc.assert(
      fc.property(values, fc.nat(20), (value, width) => {
        expect(written((out) => out.uint(value, width))).toBe(String(value).padStart(width));
        expect(written((out) => out.uintLeft(value, width))).toBe(String(value).padEnd(width));
      }),
    );
    for (const value of [0, 9, 10, 99, 100, 999, 1000, 999_999, 1_000_000, 999_999_999, 1e9, 2 ** 31, 2 ** 53 - 1]) {
      expect(written((out) => out.uint(value))).toBe(String(value));
    }
  });

  it('has IPv4 addresses right-aligned', () => {
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(octet, octet, octet, octet, fc.nat(20), (a, b, c, d, width) => {
        const word = a * 2 ** 24 + b * 2 ** 16 + c * 2 ** 8 + d;
        expect(written((out) => out.v4(word, width))).toBe(`${a}.${b}.${c}.${d}`.padStart(width));
      }),
    );
  });

  it('has any text as UTF-8', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', '~', 'ü', '€', '😀') })), (texts) => {
        const wanted = Buffer.from(texts.join('|')).toString('utf8');
        expect(written((out) => out.text(texts.join('|')))).toBe(wanted);
      }),
    );
    expect(written((out) => out.text(`${'a'.repeat(100_000)}ü`))).toBe(`${'a'.repeat(100_000)}ü`);
  });

  it('has labels of any length behind one another', () => {
    const ascii = fc.string({ unit: 'grapheme-ascii' });
    fc.assert(
      fc.property(fc.array(ascii), (texts) => {
        const write = (out: TextBlock) => texts.forEach((text) => void out.label(new Label(text)));
        expect(written(write)).toBe(texts.join(''));
      }),
    );
  });
});

it('writes points in time of any order as UTC has them', () => {
  const clock = new Clock('utc');
  const times = fc.array(fc.integer({ min: 0, max: Date.UTC(9999, 11, 30) }));
  fc.assert(
    fc.property(times, fc.nat(300_000), (moments, more) => {
      for (const ms of [...moments, ...moments.map((moment) => moment + more)]) {
        const wanted = new Date(ms).toISOString();
        expect(written((out) => clock.writeRfc3339(out, ms))).toBe(wanted);
        expect(written((out) => clock.write(out, ms))).toBe(wanted.slice(0, -1).replace('T', ' '));
      }
    }),
  );
});
