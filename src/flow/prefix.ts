import { type AddressWords, isV4, parseAddress } from './address.ts';

/** An address block: the first `bits` (0 to 128) of `words` count. An IPv4 block is one of v4-mapped addresses. */
export interface Prefix {
  readonly words: AddressWords;
  readonly bits: number;
}

/** Bits before an IPv4 address in its v4-mapped form. */
export const V4_MAPPED_BITS = 96;

/** Reads an address (a block of one) or `ADDRESS/LENGTH`, IPv4 or IPv6; undefined when the text is neither. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = slash < 0 ? text : text.slice(0, slash);
  const words = parseAddress(address);
  if (words === undefined) return undefined;
  const before = address.includes(':') ? 0 : V4_MAPPED_BITS;
  if (slash < 0) return { words, bits: 128 };
  const length = text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(length) || before + Number(length) > 128) return undefined;
  return { words, bits: before + Number(length) };
}

/** Whether an address lies in the block. */
export function isInPrefix(prefix: Prefix, address: AddressWords): boolean {
  const { words, bits } = prefix;
  for (let i = 0, left = bits; left > 0; i++, left -= 32) {
    const differing = words[i]! ^ address[i]!;
    if (left >= 32 ? differing !== 0 : differing >>> (32 - left) !== 0) return false;
  }
  return true;
}

/** Whether a block is one of IPv4 addresses. */
export function isV4Prefix({ words, bits }: Prefix): boolean {
  return bits >= V4_MAPPED_BITS && isV4(words[0], words[1], words[2]);
}

/** The first `bits` bits of a word; none below 1, all above 31. */
export function wordMask(bits: number): number {
  if (bits <= 0) return 0;
  return bits >= 32 ? -1 : -1 << (32 - bits);
}
