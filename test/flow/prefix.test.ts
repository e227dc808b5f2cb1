import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAddress } from '../../src/flow/address.ts';
import { isInPrefix, parsePrefix } from '../../src/flow/prefix.ts';

const isIn = (block: string, address: string) => isInPrefix(parsePrefix(block)!, parseAddress(address)!);

test('addresses in a block and beside it', () => {
  expect(isIn('192.0.2.0/24', '192.0.2.255')).toBe(true);
  expect(isIn('192.0.2.0/24', '192.0.3.0')).toBe(false);
  expect(isIn('192.0.2.7', '192.0.2.7')).toBe(true);
  expect(isIn('192.0.2.7', '192.0.2.6')).toBe(false);
  expect(isIn('0.0.0.0/0', '255.255.255.255')).toBe(true);
  expect(isIn('0.0.0.0/0', '2001:db8::1')).toBe(false);
  expect(isIn('2001:db8::/33', '2001:db8:7fff::1')).toBe(true);
  expect(isIn('2001:db8::/33', '2001:db8:8000::1')).toBe(false);
  expect(isIn('::/0', '192.0.2.1')).toBe(true);
});

test.each(['', '192.0.2', '192.0.2.0/33', '192.0.2.0/', '192.0.2.0/-1', '2001:db8::/129', 'host', '10.0.0.0/8/8'])(
  '"%s" is no block',
  (text) => expect(parsePrefix(text)).toBeUndefined(),
);

test('an address is in the block of its first bits, and not in that with the last of them turned', () => {
  const octets = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 4, maxLength: 4 });
  fc.assert(
    fc.property(octets, fc.integer({ min: 1, max: 32 }), (parts, bits) => {
      const address = parts.join('.');
      expect(isIn(`${address}/${bits}`, address)).toBe(true);
      const turned = [...parts];
      turned[(bits - 1) >> 3]! ^= 0x80 >> ((bits - 1) & 7);
      expect(isIn(`${turned.join('.')}/${bits}`, address)).toBe(false);
    }),
  );
});
