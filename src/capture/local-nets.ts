import {
  P_DST,
  P_META,
  P_META_DIRECTION_KNOWN,
  P_META_EGRESS,
  P_META_VERSION_MASK,
  P_SRC,
  PACKET_WORDS,
} from '../addon/packet-layout.ts';
import { swapOctets } from '../flow/byte-order.ts';
import { isV4Prefix, type Prefix, V4_MAPPED_BITS, wordMask } from '../flow/prefix.ts';

const WORDS = 4;
const KNOWN = P_META_DIRECTION_KNOWN | P_META_EGRESS;

/**
 * Tells the direction of packets by the networks on this side of a mirrored link: from them to elsewhere is egress, from
 * elsewhere to them ingress. Within and beyond them the direction is not known, whatever the source of the packets says:
 * a mirror port receives every packet.
 */
export class LocalNets {
  /** The last word of each IPv4 network and its mask, in network order as in packet records. */
  readonly #v4: Int32Array;
  /** Four words of each IPv6 network, then four of its mask. */
  readonly #v6: Int32Array;

  constructor(prefixes: readonly Prefix[]) {
    this.#v4 = Int32Array.from(
      prefixes.filter(isV4Prefix).flatMap(({ words, bits }) => {
        const mask = wordMask(bits - V4_MAPPED_BITS);
        return [swapOctets(words[3] & mask), swapOctets(mask)];
      }),
    );
    this.#v6 = Int32Array.from(
      prefixes
        .filter((prefix) => !isV4Prefix(prefix))
        .flatMap(({ words, bits }) => {
          const masks = words.map((_, i) => wordMask(bits - 32 * i));
          return [...words.map((word, i) => swapOctets(word & masks[i]!)), ...masks.map(swapOctets)];
        }),
    );
  }

  /** Sets the direction of `count` packet records. */
  tell(packets: Uint32Array, count: number): void {
    for (let i = 0; i < count; i++) {
      const p = i * PACKET_WORDS;
      const isV4 = (packets[p + P_META]! & P_META_VERSION_MASK) === 4;
      const fromHere = isV4 ? this.#hasV4(packets[p + P_SRC + 3]!) : this.#hasV6(packets, p + P_SRC);
      const toHere = isV4 ? this.#hasV4(packets[p + P_DST + 3]!) : this.#hasV6(packets, p + P_DST);
      let direction = 0;
      if (fromHere !== toHere) direction = fromHere ? KNOWN : P_META_DIRECTION_KNOWN;
      packets[p + P_META] = (packets[p + P_META]! & ~KNOWN) | direction;
    }
  }

  #hasV4(word: number): boolean {
    const nets = this.#v4;
    for (let at = 0; at < nets.length; at += 2) if (((word ^ nets[at]!) & nets[at + 1]!) === 0) return true;
    return false;
  }

  #hasV6(packets: Uint32Array, address: number): boolean {
    const nets = this.#v6;
    for (let at = 0; at < nets.length; at += 2 * WORDS) {
      let differ = 0;
      for (let i = 0; i < WORDS; i++) differ |= (packets[address + i]! ^ nets[at + i]!) & nets[at + WORDS + i]!;
      if (differ === 0) return true;
    }
    return false;
  }
}
