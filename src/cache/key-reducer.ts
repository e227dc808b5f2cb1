import { EXTENSION_WORDS, X_DST_MAC, X_SRC_MAC, X_VLANS } from '../addon/packet-extension-layout.ts';
import {
  P_HASH,
  P_INPUT,
  P_META,
  P_META_DIRECTION_KNOWN,
  P_META_EGRESS,
  P_META_VERSION_MASK,
  P_PORTS,
  P_PROTO_TOS_FLAGS,
  PACKET_WORDS,
} from '../addon/packet-layout.ts';
import type { KeyFields } from './key-fields.ts';

/**
 * Makes packet records for another key than the addon's: what does not tell flows apart is put to 0, so that the cache
 * need not know of it, and the hash is made again over the rest. Fields that a flow was not kept apart by are not told
 * of it either: they would be those of any one of its packets.
 */
export class KeyReducer {
  private readonly hasVlan: boolean;
  private readonly hasMac: boolean;
  private readonly portsMask: number;
  private readonly protoTosFlagsMask: number;
  private readonly inputMask: number;
  private readonly metaMask: number;
  private readonly seed: number;

  constructor(key: KeyFields, seed: number) {
    this.hasVlan = key.vlan;
    this.hasMac = key.mac;
    this.portsMask = key.ports ? -1 : 0;
    // Without ports it is not one connection that ends with a FIN.
    this.protoTosFlagsMask = (key.proto ? 0xff : 0) | (key.tos ? 0xff00 : 0) | (key.ports ? 0xffff0000 : 0);
    this.inputMask = key.interface ? -1 : 0;
    this.metaMask = key.interface ? -1 : ~(P_META_DIRECTION_KNOWN | P_META_EGRESS);
    this.seed = seed | 0;
  }

  /** Changes `count` packet records from number `first` on. */
  reduce(words: Uint32Array, extensions: Uint32Array | undefined, first: number, count: number): void {
    for (let packet = first; packet < first + count; packet++) {
      const p = packet * PACKET_WORDS;
      const ports = words[p + P_PORTS]! & this.portsMask;
      const protoTosFlags = words[p + P_PROTO_TOS_FLAGS]! & this.protoTosFlagsMask;
      const input = words[p + P_INPUT]! & this.inputMask;
      const meta = words[p + P_META]! & this.metaMask;
      words[p + P_PORTS] = ports;
      words[p + P_PROTO_TOS_FLAGS] = protoTosFlags;
      words[p + P_INPUT] = input;
      words[p + P_META] = meta;
      let hash = this.seed;
      for (let i = 0; i < P_PORTS; i++) hash = mix(hash, words[p + i]!);
      hash = mix(hash, ports);
      hash = mix(hash, (protoTosFlags & 0xffff) | ((meta & P_META_VERSION_MASK) << 16));
      hash = mix(hash, input);
      if (extensions !== undefined) {
        const x = packet * EXTENSION_WORDS;
        if (this.hasVlan) hash = mix(hash, extensions[x + X_VLANS]!);
        if (this.hasMac) {
          hash = mix(mix(hash, extensions[x + X_SRC_MAC]!), extensions[x + X_SRC_MAC + 1]!);
          hash = mix(mix(hash, extensions[x + X_DST_MAC]!), extensions[x + X_DST_MAC + 1]!);
        }
      }
      words[p + P_HASH] = finish(hash);
    }
  }
}

/** Mixing steps of MurmurHash3 (32 bits, public domain). */
function mix(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51);
  const mixed = hash ^ Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
}

function finish(mixed: number): number {
  let hash = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}
