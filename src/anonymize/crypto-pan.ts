import { type Cipher, createCipheriv } from 'node:crypto';
import { V4_MAPPED_WORD } from '../flow/address.ts';
import { UserError } from '../flow/user-error.ts';

/** Addresses enciphered in one call; each has 128 blocks of 16 octets at most. */
const ADDRESSES_A_CALL = 64;
const BLOCK_BYTES = 16;
const V4_BITS = 32;
const V6_BITS = 128;

/**
 * A key as nfanon takes it: 32 characters, or 0x and 64 hexadecimal digits.
 * @throws UserError for anything else
 */
export function parseAnonymizerKey(text: string): Uint8Array {
  if (/^0x[0-9a-f]{64}$/i.test(text)) return Buffer.from(text.slice(2), 'hex');
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length === 32) return bytes;
  throw new UserError('a key has 32 characters, or 0x and 64 hexadecimal digits');
}

/** As nfanon maps IPv6: in all versions up to 1.7.8, and since. */
export const NFANON_MAPPINGS = ['1.7.8', 'later'] as const;
export type NfanonMapping = (typeof NFANON_MAPPINGS)[number];

/**
 * CryptoPAn: addresses become others, one for one, and two that share a prefix share one of the same length afterwards.
 *
 * It maps as nfanon does, which differs from the paper in IPv6: there each half of an address is taken with its octets
 * in the order of a little-endian number, the pad is laid under the bits of the address, not behind them, and up to
 * nfdump 1.7.8 the bits within an octet change places (decision 0152).
 */
export class CryptoPan {
  private readonly cipher: Cipher;
  /** What stands behind the bits of an address. */
  private readonly pad: Uint8Array;
  private readonly padWord: number;
  private readonly turnsBits: boolean;
  /** A call's blocks, every one of them full of the pad where no address was written. */
  private readonly input4: Buffer;
  private readonly input6: Buffer;

  /** @param key 32 octets: those of the cipher, and those that the pad is made of */
  constructor(key: Uint8Array, mapping: NfanonMapping) {
    this.turnsBits = mapping === '1.7.8';
    this.cipher = createCipheriv('aes-128-ecb', key.subarray(0, 16), null).setAutoPadding(false);
    this.pad = this.cipher.update(key.subarray(16, 32));
    const pad = Buffer.from(this.pad);
    this.padWord = pad.readUInt32BE(0);
    this.input4 = Buffer.alloc(ADDRESSES_A_CALL * V4_BITS * BLOCK_BYTES, pad);
    this.input6 = Buffer.alloc(ADDRESSES_A_CALL * V6_BITS * BLOCK_BYTES, pad);
  }

  /** Maps addresses in place: four words each, most significant first; IPv4 is v4-mapped and stays so. */
  map(words: Uint32Array): void {
    const v4: number[] = [];
    const v6: number[] = [];
    for (let at = 0; at < words.length; at += 4) {
      const isV4 = (words[at]! | words[at + 1]!) === 0 && words[at + 2] === V4_MAPPED_WORD;
      (isV4 ? v4 : v6).push(at);
    }
    for (let i = 0; i < v4.length; i += ADDRESSES_A_CALL) this.mapV4(words, v4.slice(i, i + ADDRESSES_A_CALL));
    for (let i = 0; i < v6.length; i += ADDRESSES_A_CALL) this.mapV6(words, v6.slice(i, i + ADDRESSES_A_CALL));
  }

  private mapV4(words: Uint32Array, places: readonly number[]): void {
    const { input4: input, padWord } = this;
    let block = 0;
    for (const at of places) {
      const address = words[at + 3]!;
      for (let bits = 0; bits < V4_BITS; bits++) {
        const mask = bits === 0 ? 0 : (-1 << (V4_BITS - bits)) >>> 0;
        input.writeUInt32BE(((address & mask) | (padWord & ~mask)) >>> 0, block);
        block += BLOCK_BYTES;
      }
    }
    const output = this.cipher.update(input.subarray(0, block));
    block = 0;
    for (const at of places) {
      let flips = 0;
      for (let bits = 0; bits < V4_BITS; bits++) {
        flips = (flips << 1) | (output[block]! >>> 7);
        block += BLOCK_BYTES;
      }
      words[at + 3]! ^= flips;
    }
  }

  private mapV6(words: Uint32Array, places: readonly number[]): void {
    const { input6: input, pad } = this;
    const octets = new Uint8Array(BLOCK_BYTES);
    let block = 0;
    for (const at of places) {
      toOctets(words, at, octets);
      for (let octet = 0; octet < BLOCK_BYTES; octet++) {
        for (let bit = 0; bit < 8; bit++) {
          for (let i = 0; i < octet; i++) input[block + i] = octets[i]!;
          input[block + octet] = (octets[octet]! & (0xff << (7 - bit))) | pad[octet]!;
          for (let i = octet + 1; i < BLOCK_BYTES; i++) input[block + i] = pad[i]!;
          block += BLOCK_BYTES;
        }
      }
    }
    const output = this.cipher.update(input.subarray(0, block));
    block = 0;
    for (const at of places) {
      toOctets(words, at, octets);
      for (let octet = 0; octet < BLOCK_BYTES; octet++) {
        let flips = 0;
        for (let bit = 0; bit < 8; bit++) {
          flips |= (output[block]! >>> 7) << (this.turnsBits ? bit : 7 - bit);
          block += BLOCK_BYTES;
        }
        octets[octet]! ^= flips;
      }
      fromOctets(octets, words, at);
    }
  }
}

/** Octets of an address in nfanon's order: each half as a little-endian number. */
function toOctets(words: Uint32Array, at: number, octets: Uint8Array): void {
  for (let i = 0; i < BLOCK_BYTES; i++) octets[i] = words[wordOf(at, i)]! >>> ((i & 3) * 8);
}

function fromOctets(octets: Uint8Array, words: Uint32Array, at: number): void {
  for (let i = 0; i < BLOCK_BYTES; i += 4) {
    words[wordOf(at, i)] = octets[i]! | (octets[i + 1]! << 8) | (octets[i + 2]! << 16) | (octets[i + 3]! << 24);
  }
}

/** The word that an octet stands in: of each half the less significant one first. */
function wordOf(at: number, octet: number): number {
  return at + (octet < 8 ? 0 : 2) + ((octet & 4) === 0 ? 1 : 0);
}
