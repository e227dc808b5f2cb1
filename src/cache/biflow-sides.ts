import {
  P_DST,
  P_META,
  P_META_DIRECTION_KNOWN,
  P_META_EGRESS,
  P_PORTS,
  P_PROTO_TOS_FLAGS,
  P_SRC,
  PACKET_WORDS,
} from '../addon/packet-layout.ts';
import { isIcmp, PROTO_ICMP6, PROTO_TCP } from '../flow/ip-protocols.ts';

/** Bits of `BiflowSides.sides`. The packet went from the second to the first end of its record as it is now. */
export const SIDE_SWAPPED = 1;
/** What the packet had for a direction: bits of the meta word, which a biflow is not told apart by. */
const DIRECTION = P_META_DIRECTION_KNOWN | P_META_EGRESS;
/** The packet answers: its receiver began. */
export const SIDE_ANSWERS = 2;
/** The packet asks: its sender began. */
export const SIDE_ASKS = 4;

const TCP_SYN = 0x02 << 16;
const TCP_SYN_ACK = 0x12 << 16;

/**
 * The ICMP type that asks, by the one that answers (RFC 792, 950; 4443 section 4): a key has 0x100 on top for version 6, as
 * what is looked up has.
 */
const ICMP_ANSWERS = new Map<number, number>([
  [0, 8],
  [14, 13],
  [16, 15],
  [18, 17],
  [0x100 | 129, 128],
]);
const ICMP_REQUESTS: ReadonlySet<number> = new Set(
  [...ICMP_ANSWERS].map(([answer, request]) => (answer & 0x100) | request),
);

/**
 * Makes records of both directions of a connection alike: the lower end (address, then port) stands first, type of service
 * and direction of the packet go, an ICMP answer has the type of what it answers. What was so is kept for the group in
 * hand, by number within it. Other ICMP is no conversation: its two directions stay apart.
 */
export class BiflowSides {
  /** SIDE_* of each packet, and its direction as in the meta word. */
  readonly sides: Uint8Array;
  /** Types of service. */
  readonly tos: Uint8Array;

  /** For groups of at most `most` packets. */
  constructor(most: number) {
    this.sides = new Uint8Array(most);
    this.tos = new Uint8Array(most);
  }

  /** Changes `count` packet records from number `first` on. */
  normalize(words: Uint32Array, first: number, count: number): void {
    const { sides, tos } = this;
    for (let i = 0; i < count; i++) {
      const p = (first + i) * PACKET_WORDS;
      const protoTosFlags = words[p + P_PROTO_TOS_FLAGS]!;
      const proto = protoTosFlags & 0xff;
      const meta = words[p + P_META]!;
      let side = meta & DIRECTION;
      tos[i] = protoTosFlags >>> 8;
      words[p + P_META] = meta & ~DIRECTION;
      if (isIcmp(proto)) {
        const kind = (words[p + P_PORTS]! >>> 24) | (proto === PROTO_ICMP6 ? 0x100 : 0);
        const request = ICMP_ANSWERS.get(kind);
        if (request !== undefined) {
          words[p + P_PORTS] = (words[p + P_PORTS]! & 0xff_ffff) | (request << 24);
          side |= SIDE_ANSWERS;
        } else if (ICMP_REQUESTS.has(kind)) {
          side |= SIDE_ASKS;
        } else {
          sides[i] = side;
          continue;
        }
        if (isDescending(words, p, 0)) {
          swapAddresses(words, p);
          side |= SIDE_SWAPPED;
        }
      } else {
        if (proto === PROTO_TCP && (protoTosFlags & TCP_SYN) !== 0) {
          side |= (protoTosFlags & TCP_SYN_ACK) === TCP_SYN_ACK ? SIDE_ANSWERS : SIDE_ASKS;
        }
        const ports = words[p + P_PORTS]!;
        if (isDescending(words, p, (ports & 0xffff) - (ports >>> 16))) {
          swapAddresses(words, p);
          words[p + P_PORTS] = (ports << 16) | (ports >>> 16);
          side |= SIDE_SWAPPED;
        }
      }
      sides[i] = side;
    }
  }
}

/** Whether the source stands above the destination, by address and, where those are alike, by `rest`. Any order will do. */
function isDescending(words: Uint32Array, p: number, rest: number): boolean {
  // The last words differ most often.
  for (let i = 3; i >= 0; i--) {
    const difference = words[p + P_SRC + i]! - words[p + P_DST + i]!;
    if (difference !== 0) return difference > 0;
  }
  return rest > 0;
}

function swapAddresses(words: Uint32Array, p: number): void {
  for (let i = 0; i < 4; i++) {
    const word = words[p + P_SRC + i]!;
    words[p + P_SRC + i] = words[p + P_DST + i]!;
    words[p + P_DST + i] = word;
  }
}
