import { describe, expect, it } from 'vitest';
import { PrefixList } from '../../src/enrich/prefix-table.ts';
import { type AddressWords, parseAddress } from '../../src/flow/address.ts';
import { isInPrefix, type Prefix, parsePrefix } from '../../src/flow/prefix.ts';
import { fuzz } from '../support/fuzz.ts';

function tableOf(...entries: [prefix: string, value: number, rank?: number][]) {
  const list = new PrefixList();
  for (const [text, value, rank] of entries) {
    const { words, bits } = parsePrefix(text)!;
    list.add(...words, bits, value, rank);
  }
  const table = list.build();
  return (address: string) => table.find(...parseAddress(address)!);
}

describe('the longest prefix of an address', () => {
  it('is found among nested and neighbouring ones', () => {
    const find = tableOf(
      ['0.0.0.0/0', 1],
      ['10.0.0.0/8', 2],
      ['10.1.0.0/16', 3],
      ['10.1.2.0/24', 4],
      ['10.1.3.0/24', 5],
      ['10.1.255.255', 6],
      ['255.255.255.255', 7],
    );
    const expected = {
      '9.255.255.255': 1,
      '10.0.0.0': 2,
      '10.0.255.255': 2,
      '10.1.0.0': 3,
      '10.1.1.255': 3,
      '10.1.2.0': 4,
      '10.1.2.255': 4,
      '10.1.3.255': 5,
      '10.1.4.0': 3,
      '10.1.255.254': 3,
      '10.1.255.255': 6,
      '10.2.0.0': 2,
      '11.0.0.0': 1,
      '0.0.0.0': 1,
      '255.255.255.254': 1,
      '255.255.255.255': 7,
    };
    for (const [address, value] of Object.entries(expected)) expect([address, find(address)]).toEqual([address, value]);
  });

  it('is of the same family', () => {
    const find = tableOf(['::/0', 1], ['2001:db8::/32', 2], ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 3]);
    expect(find('10.0.0.1')).toBe(-1);
    expect(find('::1')).toBe(1);
    expect(find('0:0:0:0:0:fffe:a00:1')).toBe(1);
    expect(find('::1:0:0:0')).toBe(1);
    expect(find('2001:db8::')).toBe(2);
    expect(find('2001:db9::')).toBe(1);
    expect(find('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff')).toBe(3);
    expect(find('ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe')).toBe(1);
    expect(tableOf(['0.0.0.0/0', 1])('2001:db8::1')).toBe(-1);
  });

  it('is not there in an empty table', () => {
    expect(tableOf()('10.0.0.1')).toBe(-1);
    expect(tableOf()('::')).toBe(-1);
  });

  it('given twice is the one of the lower rank, then the first', () => {
    expect(tableOf(['10.0.0.0/8', 1, 9], ['10.0.0.0/8', 2, 5], ['10.0.0.0/8', 3, 5])('10.0.0.1')).toBe(2);
    expect(tableOf(['10.0.0.0/8', 1], ['10.0.0.0/8', -1])('10.0.0.1')).toBe(1);
  });

  it('may say that nothing is known', () => {
    const find = tableOf(['0.0.0.0/0', 1], ['224.0.0.0/4', -1], ['239.1.0.0/16', 2]);
    expect(['223.255.255.255', '224.0.0.1', '239.1.0.1', '240.0.0.0'].map(find)).toEqual([1, -1, 2, 1]);
  });

  it('is the one that a search through all finds, in tables made by chance', async () => {
    await fuzz((roll) => {
      // Few bits vary, so that prefixes nest and touch.
      const address = (): AddressWords =>
        roll(2) === 0
          ? [0, 0, 0xffff, (roll(4) * 0x4000_0000 + roll(8) * 0x1000 + roll(4)) >>> 0]
          : [roll(2) * 0xffff_ffff, roll(4) * 0x4000_0000, roll(3) * 0x7fff, roll(4)];
      const isV4 = (words: AddressWords) => words[0] === 0 && words[1] === 0 && words[2] === 0xffff;
      const prefixes = Array.from({ length: roll(30) }, (): Prefix => {
        const words = address();
        const least = isV4(words) ? 96 : 0;
        return { words, bits: least + roll(129 - least) };
      });
      const list = new PrefixList();
      prefixes.forEach(({ words, bits }, i) => {
        list.add(...words, bits, i);
      });
      const table = list.build();
      for (let i = 0; i < 100; i++) {
        const wanted = address();
        let best = -1;
        prefixes.forEach((prefix, at) => {
          if (!isInPrefix(prefix, wanted) || (isV4(wanted) && prefix.bits < 96)) return;
          if (best < 0 || prefix.bits > prefixes[best]!.bits) best = at;
        });
        expect([wanted, table.find(...wanted)]).toEqual([wanted, best]);
      }
    });
  });
});
