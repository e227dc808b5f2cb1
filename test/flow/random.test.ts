import { expect, it } from 'vitest';
import { randomOctets, randomWord } from '../../src/flow/random.ts';

it('gives as many octets as are asked for, others every time', () => {
  const all = Array.from({ length: 100 }, () => randomOctets(16));
  expect(all.every((octets) => octets.length === 16)).toBe(true);
  expect(new Set(all.map((octets) => octets.toString('hex'))).size).toBe(100);
  // Each bit of 1600 octets that are all random is there both ways.
  for (let bit = 0; bit < 8; bit++) {
    expect(new Set(all.flatMap((octets) => [...octets]).map((octet) => (octet >> bit) & 1)).size).toBe(2);
  }
});

it('gives words of 32 bits', () => {
  const words = Array.from({ length: 200 }, randomWord);
  expect(words.every((word) => Number.isInteger(word) && word >= 0 && word < 2 ** 32)).toBe(true);
  expect(words.some((word) => word >= 2 ** 31)).toBe(true);
  expect(words.some((word) => word < 2 ** 31)).toBe(true);
});
