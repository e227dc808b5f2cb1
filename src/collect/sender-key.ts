import { D_SRC_HI, D_SRC_LO } from '../addon/datagram-layout.ts';
import { type AddressWords, V4_MAPPED_WORD } from '../flow/address.ts';

/** Words of the sender of the datagram described at `at`. */
export function senderAt(words: Uint32Array, at: number): AddressWords {
  return [words[at + D_SRC_HI + 1]!, words[at + D_SRC_HI]!, words[at + D_SRC_LO + 1]!, words[at + D_SRC_LO]!];
}

/** What a sender is found by in a map: IPv4 by its word, IPv6 by text. */
export function senderKey(words: Uint32Array, at: number): number | string {
  const low = words[at + D_SRC_LO]!;
  if (words[at + D_SRC_LO + 1] === V4_MAPPED_WORD && words[at + D_SRC_HI] === 0 && words[at + D_SRC_HI + 1] === 0)
    return low;
  return senderAt(words, at).join('.');
}

/** Whether the datagrams described at `a` and at `b` have one sender. */
export function isSameSender(words: Uint32Array, a: number, b: number): boolean {
  for (let word = D_SRC_HI; word < D_SRC_LO + 2; word++) if (words[a + word] !== words[b + word]) return false;
  return true;
}
