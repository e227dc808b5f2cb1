import type { Reader } from 'mmdb-lib';
import { formatAddress, isV4 } from '../flow/address.ts';
import { UserError } from '../flow/user-error.ts';
import { openMmdb } from './mmdb-file.ts';

/**
 * Blocks whose answer is remembered, a power of two. A look-up in the file decodes its records into objects; flows
 * speak of far fewer networks than they have addresses.
 */
const CACHE_BLOCKS = 1 << 16;
/** A block is a /24 of IPv4 or a /48 of IPv6, where the file does not tell smaller networks apart in it. */
const V4_BLOCK_BITS = 24;
const V6_BLOCK_BITS = 48;
/** A cache entry: four words of the first address, the answer, and how much of the address counts. */
const WORDS = 6;
const W_ANSWER = 4;
const W_STATE = 5;
const EMPTY = 0;
const BLOCK = 1;
/** Smaller networks are told apart within this block. */
const DIVIDED = 2;
const SINGLE = 3;

/** Members of records in the files of MaxMind, IPinfo and DB-IP that say the AS number. */
const NUMBER_KEYS = ['autonomous_system_number', 'asn', 'as_number'];

/** Types of MaxMind's databases that have other things to say. */
const WITHOUT_NUMBERS = /City|Country|Domain|Anonymous|Connection-Type/i;

/** AS numbers by address, out of a file in the MaxMind format (`.mmdb`). */
export class AsnDatabase {
  readonly #reader: Reader<never>;
  readonly #cache = new Uint32Array(CACHE_BLOCKS * WORDS);

  /** Reads a file; throws a `UserError` that names it when it is none, or has no AS numbers. */
  constructor(path: string) {
    const { reader, size } = openMmdb(path);
    this.#reader = reader;
    const { searchTreeSize, ipVersion, databaseType } = reader.metadata;
    if (!(searchTreeSize > 0 && searchTreeSize < size) || (ipVersion !== 4 && ipVersion !== 6)) {
      throw new UserError(`${path}: this MaxMind database is damaged`);
    }
    if (WITHOUT_NUMBERS.test(String(databaseType))) {
      throw new UserError(`${path}: this MaxMind database (${databaseType}) has no AS numbers: an ASN one is needed`);
    }
  }

  /** The AS number of an address (four words, most significant first, IPv4 v4-mapped); 0 when the file has none. */
  find(w0: number, w1: number, w2: number, w3: number): number {
    const cache = this.#cache;
    const v4 = isV4(w0, w1, w2);
    const b1 = v4 ? w1 : w1 & 0xffff_0000;
    const b2 = v4 ? w2 : 0;
    const b3 = v4 ? w3 & 0xffff_ff00 : 0;
    const block = slotOf(w0, b1, b2, b3) * WORDS;
    const state = isAt(cache, block, w0, b1, b2, b3) ? cache[block + W_STATE]! : EMPTY;
    if (state === BLOCK) return cache[block + W_ANSWER]!;
    if (state === DIVIDED) {
      const single = slotOf(w0, w1, w2, w3) * WORDS;
      if (cache[single + W_STATE] === SINGLE && isAt(cache, single, w0, w1, w2, w3)) return cache[single + W_ANSWER]!;
    }
    return this.#lookUp(w0, w1, w2, w3);
  }

  #lookUp(w0: number, w1: number, w2: number, w3: number): number {
    const v4 = isV4(w0, w1, w2);
    const { answer, bits } = this.#read(formatAddress(w0, w1, w2, w3), v4);
    const isWhole = bits <= (v4 ? V4_BLOCK_BITS : V6_BLOCK_BITS);
    const b1 = v4 ? w1 : w1 & 0xffff_0000;
    const b2 = v4 ? w2 : 0;
    const b3 = v4 ? w3 & 0xffff_ff00 : 0;
    this.#remember(w0, b1, b2, b3, answer, isWhole ? BLOCK : DIVIDED);
    if (!isWhole) this.#remember(w0, w1, w2, w3, answer, SINGLE);
    return answer;
  }

  #read(address: string, v4: boolean): { answer: number; bits: number } {
    // An IPv4 file has no IPv6; the library would take the first bits of the address for one of IPv4.
    if (!v4 && this.#reader.metadata.ipVersion === 4) return { answer: 0, bits: 0 };
    try {
      const [record, bits] = this.#reader.getWithPrefixLength(address) as [unknown, number];
      return { answer: numberIn(record), bits };
    } catch {
      // A damaged record of a file whose start is whole: as if it had none.
      return { answer: 0, bits: 128 };
    }
  }

  #remember(w0: number, w1: number, w2: number, w3: number, answer: number, state: number): void {
    const cache = this.#cache;
    const at = slotOf(w0, w1, w2, w3) * WORDS;
    cache[at] = w0;
    cache[at + 1] = w1;
    cache[at + 2] = w2;
    cache[at + 3] = w3;
    cache[at + W_ANSWER] = answer;
    cache[at + W_STATE] = state;
  }
}

/** The AS number in a record: as a number, or as `AS64500`. */
function numberIn(record: unknown): number {
  if (typeof record !== 'object' || record === null) return 0;
  for (const key of NUMBER_KEYS) {
    const value = (record as Record<string, unknown>)[key];
    const number = typeof value === 'string' ? Number(value.replace(/^AS/i, '')) : Number(value ?? Number.NaN);
    if (Number.isInteger(number) && number >= 0 && number <= 0xffff_ffff) return number;
  }
  return 0;
}

function slotOf(w0: number, w1: number, w2: number, w3: number): number {
  let hash = Math.imul(w0 ^ Math.imul(w1, 0x85eb_ca6b), 0xc2b2_ae35) ^ Math.imul(w2, 0x27d4_eb2f) ^ w3;
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b_3c6d);
  return (hash ^ (hash >>> 16)) & (CACHE_BLOCKS - 1);
}

function isAt(cache: Uint32Array, at: number, w0: number, w1: number, w2: number, w3: number): boolean {
  return ((cache[at]! ^ w0) | (cache[at + 1]! ^ w1) | (cache[at + 2]! ^ w2) | (cache[at + 3]! ^ w3)) === 0;
}
