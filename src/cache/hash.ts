import { P_INPUT, P_META, P_META_VERSION_MASK, P_PORTS, P_PROTO_TOS_FLAGS } from '../addon/packet-layout.ts';

/**
 * Hash of a packet's key without ToS. The addon's hash, which comes with each packet, has ToS in it and cannot serve
 * where ToS does not tell flows apart. Mixing steps of MurmurHash3 (32 bits, public domain).
 */
export function hashWithoutTos(words: Uint32Array, p: number, seed: number): number {
  let hash = seed | 0;
  for (let i = 0; i <= P_PORTS; i++) hash = mix(hash, words[p + i]!);
  hash = mix(hash, words[p + P_INPUT]!);
  hash = mix(hash, (words[p + P_PROTO_TOS_FLAGS]! & 0xff) | ((words[p + P_META]! & P_META_VERSION_MASK) << 8));
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

function mix(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51);
  const mixed = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}
