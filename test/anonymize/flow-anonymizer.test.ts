import { describe, expect, it } from 'vitest';
import { AddressMap } from '../../src/anonymize/address-map.ts';
import { CryptoPan, parseAnonymizerKey } from '../../src/anonymize/crypto-pan.ts';
import { FlowAnonymizer } from '../../src/anonymize/flow-anonymizer.ts';
import { FlowBatch } from '../../src/flow/batch.ts';

/** The key, and some of the addresses, that the authors of Crypto-PAn published with it. */
const KEY = Uint8Array.from([
  21, 34, 23, 141, 51, 164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16, 216, 152, 143, 131, 121, 121, 101, 39, 98, 87,
  76, 45, 42, 132, 34, 2,
]);
const V4 = (a: number, b: number, c: number, d: number) => [0, 0, 0xffff, ((a << 24) | (b << 16) | (c << 8) | d) >>> 0];

describe('CryptoPan', () => {
  it('maps IPv4 as its authors published', () => {
    const words = Uint32Array.from([...V4(128, 11, 68, 132), ...V4(129, 118, 74, 4), ...V4(130, 132, 252, 244)]);
    new CryptoPan(KEY, '1.7.8').map(words);
    expect([...words]).toEqual([...V4(135, 242, 180, 132), ...V4(134, 136, 186, 123), ...V4(133, 68, 164, 234)]);
  });

  it('keeps common prefixes of IPv4, however many are mapped at once', () => {
    const addresses = Array.from({ length: 200 }, (_, i) => V4(10, 1, i >> 4, i)).flat();
    const words = Uint32Array.from(addresses);
    new CryptoPan(KEY, '1.7.8').map(words);
    const last = (i: number) => words[i * 4 + 3]!;
    for (let i = 1; i < 200; i++) {
      const before = Math.clz32(addresses[i * 4 + 3]! ^ addresses[i * 4 - 1]!);
      expect(Math.clz32(last(i) ^ last(i - 1))).toBe(before);
    }
  });

  it('maps each block of IPv6 by itself: one address alone and among others is the same', () => {
    const address = [0x20010db8, 1, 2, 3];
    const alone = Uint32Array.from(address);
    const among = Uint32Array.from([...V4(1, 2, 3, 4), 0xfe800000, 0, 0, 1, ...address]);
    for (const words of [alone, among]) new CryptoPan(KEY, 'later').map(words);
    expect([...among.subarray(8)]).toEqual([...alone]);
    expect([...alone]).not.toEqual(address);
  });

  it('takes keys as characters and as digits', () => {
    const text = 'abcdefghijklmnopqrstuvwxyz012345';
    expect([...parseAnonymizerKey(`0x${Buffer.from(text).toString('hex')}`)]).toEqual([...parseAnonymizerKey(text)]);
    expect(() => parseAnonymizerKey('abc')).toThrow(/32 characters/);
    expect(parseAnonymizerKey(text)).toHaveLength(32);
  });
});

describe('AddressMap', () => {
  it('maps each address once, also when it grows', () => {
    let mapped = 0;
    const map = new AddressMap((words) => {
      mapped += words.length / 4;
      for (let i = 0; i < words.length; i++) words[i]! ^= 0xff;
    }, 4);
    const numbers = (rounds: number) =>
      Array.from({ length: rounds }, (_, i) => map.numberOf(i & 3, Math.imul(i, 0x9e3779b1) >>> 0, 7, i >>> 2));
    const first = numbers(1000);
    map.results();
    expect(numbers(1000)).toEqual(first);
    const results = map.results();
    expect(mapped).toBe(1000);
    for (const i of [0, 1, 500, 999]) {
      const at = first[i]! * 4;
      expect([...results.subarray(at, at + 4)]).toEqual(
        [i & 3, Math.imul(i, 0x9e3779b1) >>> 0, 7, i >>> 2].map((word) => (word ^ 0xff) >>> 0),
      );
    }
  });
});

describe('FlowAnonymizer', () => {
  it('changes every address, empties AS numbers, and leaves what is no address', () => {
    const batch = new FlowBatch(4);
    const [hi, lo] = [batch.use('srcAddrHi'), batch.use('srcAddrLo')];
    const [natHi, natLo] = [batch.use('natDstAddrHi'), batch.use('natDstAddrLo')];
    batch.use('srcAs').fill(64_512, 0, 2);
    batch.use('srcPort').fill(443, 0, 2);
    lo.set([0x800b4484, 0xffff], 0);
    natLo.set([0x800b4484, 0xffff], 2);
    batch.rows = 2;
    new FlowAnonymizer(KEY, '1.7.8').apply(batch);
    expect([...lo.subarray(0, 4), ...hi.subarray(0, 4)]).toEqual([0x87f2b484, 0xffff, 0, 0, 0, 0, 0, 0]);
    expect([...natLo.subarray(0, 4), ...natHi.subarray(0, 4)]).toEqual([0, 0, 0x87f2b484, 0xffff, 0, 0, 0, 0]);
    expect([...batch.get('srcAs')!.subarray(0, 2), ...batch.get('srcPort')!.subarray(0, 2)]).toEqual([0, 0, 443, 443]);
  });
});
