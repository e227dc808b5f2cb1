import type { Reader } from 'mmdb-lib';
import { type AddressWords, formatAddress } from '../flow/address.ts';
import { UserError } from '../flow/user-error.ts';

/** A network of a MaxMind file, from its first address to its last, and its record. */
export interface MmdbNetwork {
  readonly from: AddressWords;
  readonly to: AddressWords;
  readonly version: 4 | 6;
  readonly record: unknown;
}

/** Where files of IPv6 keep the addresses of IPv4 once more: v4-mapped, Teredo, 6to4. */
const ALIASES = [
  [0n, 96],
  [0xffff_0000_0000n, 96],
  [0x2001_0000n << 96n, 32],
  [0x2002n << 112n, 16],
] as const;
const V4_MAPPED = 0xffff_0000_0000n;

/** All networks of a file in the order of their addresses, IPv4 first. Networks that the file does not know are left out. */
export function* networksOf(reader: Reader<never>): Generator<MmdbNetwork, void, undefined> {
  yield* networksBetween(reader, V4_MAPPED, V4_MAPPED | 0xffff_ffffn, 4);
  if (reader.metadata.ipVersion === 6) yield* networksBetween(reader, 0n, (1n << 128n) - 1n, 6);
}

function* networksBetween(
  reader: Reader<never>,
  first: bigint,
  last: bigint,
  version: 4 | 6,
): Generator<MmdbNetwork, void, undefined> {
  // A tree has one more leaf than nodes; a damaged one may lead in circles.
  let left = reader.metadata.nodeCount + 1 + ALIASES.length;
  for (let at = first; at <= last; ) {
    if (left-- < 0) throw new UserError('a MaxMind database is damaged: it has more networks than it can hold');
    const alias = version === 6 ? ALIASES.find(([start]) => start === at) : undefined;
    const [record, bits] = alias === undefined ? lookUp(reader, at) : [null, alias[1]];
    const size = 1n << BigInt((version === 4 ? 32 : 128) - bits);
    // A network may be larger than what is left of it here.
    const start = at & ~(size - 1n);
    if (record !== null) yield { from: wordsOf(at), to: wordsOf(start + size - 1n), version, record };
    at = start + size;
  }
}

function lookUp(reader: Reader<never>, address: bigint): [record: unknown, bits: number] {
  const text = formatAddress(...wordsOf(address));
  const [record, bits] = reader.getWithPrefixLength(text) as [unknown, number];
  return [record, bits];
}

function wordsOf(address: bigint): AddressWords {
  return [96n, 64n, 32n, 0n].map((shift) => Number((address >> shift) & 0xffff_ffffn)) as unknown as AddressWords;
}
