import { expect, it } from 'vitest';
import { ExtraReader } from '../../src/query/output/exporter-name.ts';

it.each([
  ['{"id":18446744073709551615}', '18446744073709551615'],
  ['{"id":9007199254740993,"b":1}', '9007199254740993'],
  ['{"a":"\\"12345678901234567890,","id":12}', '12'],
  ['{"a":1.0000000000000001,"id":"12345678901234567890"}', '12345678901234567890'],
  ['{"id":7}', '7'],
])('numbers of elements without a column are exact: %s', (json, id) => {
  const reader = new ExtraReader({
    rows: 1,
    narrow: () => new Uint8Array(1),
    words: () => new Uint32Array(2),
    text: () => Buffer.from(json),
  });
  expect(reader.member(0, 'id')).toBe(id);
});
