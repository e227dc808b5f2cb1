import { EXTENSION_WORDS, X_DST_MAC, X_FRAGMENT, X_SRC_MAC, X_VLANS } from '../addon/packet-extension-layout.ts';
import { P_META, P_META_EGRESS, P_META_NANOS_SHIFT, P_META_TTL_SHIFT, P_OCTETS } from '../addon/packet-layout.ts';
import { NOW_TIME } from './live-flows.ts';
import { D_FIRST, D_LAST, ROW_DOUBLE_SHIFT, type RowStore } from './row.ts';

/**
 * Word of an extension row where the extension record has its fingerprint, which says nothing of a flow: smallest and
 * largest TTL (8 bits each) | E_DF | E_MF | E_EGRESS.
 */
export const E_TTLS = 8;
/** Shortest and longest IP packet, at most 65 535. */
export const E_MIN_LENGTH = 9;
export const E_MAX_LENGTH = 10;
/** Nanoseconds below the microsecond of the first packet | of the last << 16. */
export const E_NANOS = 11;

/** As IANA element 197 has them, 16 bits further up: whether any packet had DF, and MF. */
export const E_FRAGMENT_SHIFT = 16;
const E_DF = 0x40_0000;
const E_MF = 0x20_0000;
/** The first packet left the host or router: what it carried is what it had on the way out. */
export const E_EGRESS = 0x100_0000;

const X_FRAGMENT_MF = 0x1_0000;
const X_FRAGMENT_DF = 0x2_0000;
const LONGEST = 0xffff;

/**
 * What is kept of a flow beyond its row, only when somebody asks for it: the extension record of its first packet, and
 * what changes from packet to packet. Stands at the number of the flow's row.
 */
export class ExtensionRows {
  readonly words: Int32Array;
  readonly rowWords = EXTENSION_WORDS;
  readonly store: RowStore;

  constructor(store: RowStore, allocate: (bytes: number) => Uint8Array) {
    const memory = allocate((store.capacity + 1) * EXTENSION_WORDS * 4);
    this.words = new Int32Array(memory.buffer, memory.byteOffset, (store.capacity + 1) * EXTENSION_WORDS);
    this.store = store;
  }

  /** Takes what the packet `packet` says, with which the flow in `row` begins. */
  open(row: number, words: Uint32Array, extensions: Uint32Array | undefined, packet: number): void {
    const kept = this.words;
    const e = row * EXTENSION_WORDS;
    let fragment = 0;
    if (extensions !== undefined) {
      const x = packet * EXTENSION_WORDS;
      for (let i = 0; i < EXTENSION_WORDS; i++) kept[e + i] = extensions[x + i]!;
      fragment = fragmentFlags(extensions[x + X_FRAGMENT]!);
    }
    const meta = words[(packet << 4) + P_META]!;
    const ttl = (meta >>> P_META_TTL_SHIFT) & 0xff;
    const length = Math.min(words[(packet << 4) + P_OCTETS]!, LONGEST);
    const nanos = meta >>> P_META_NANOS_SHIFT;
    kept[e + E_TTLS] = ttl | (ttl << 8) | fragment | ((meta & P_META_EGRESS) === 0 ? 0 : E_EGRESS);
    kept[e + E_MIN_LENGTH] = length;
    kept[e + E_MAX_LENGTH] = length;
    kept[e + E_NANOS] = nanos | (nanos << 16);
  }

  /** Adds a packet to the flow in `row`, whose first and latest time do not know of it yet. `now` has its time. */
  update(
    row: number,
    words: Uint32Array,
    extensions: Uint32Array | undefined,
    packet: number,
    now: Float64Array,
  ): void {
    const kept = this.words;
    const e = row * EXTENSION_WORDS;
    const meta = words[(packet << 4) + P_META]!;
    const ttl = (meta >>> P_META_TTL_SHIFT) & 0xff;
    const ttls = kept[e + E_TTLS]!;
    const least = Math.min(ttls & 0xff, ttl);
    const most = Math.max((ttls >>> 8) & 0xff, ttl);
    const fragment = extensions === undefined ? 0 : fragmentFlags(extensions[packet * EXTENSION_WORDS + X_FRAGMENT]!);
    kept[e + E_TTLS] = (ttls & ~0xffff) | least | (most << 8) | fragment;
    const length = Math.min(words[(packet << 4) + P_OCTETS]!, LONGEST);
    if (length < kept[e + E_MIN_LENGTH]!) kept[e + E_MIN_LENGTH] = length;
    if (length > kept[e + E_MAX_LENGTH]!) kept[e + E_MAX_LENGTH] = length;
    const { doubles } = this.store;
    const d = row << ROW_DOUBLE_SHIFT;
    const time = now[NOW_TIME]!;
    const nanos = meta >>> P_META_NANOS_SHIFT;
    const both = kept[e + E_NANOS]!;
    let first = both & 0xffff;
    let last = both >>> 16;
    if (time < doubles[d + D_FIRST]! || (time === doubles[d + D_FIRST]! && nanos < first)) first = nanos;
    if (time > doubles[d + D_LAST]! || (time === doubles[d + D_LAST]! && nanos > last)) last = nanos;
    kept[e + E_NANOS] = first | (last << 16);
  }

  /** Whether a packet has the VLANs of the flow in `row`. */
  hasVlans(row: number, extensions: Uint32Array, packet: number): boolean {
    return ((this.words[row * EXTENSION_WORDS + X_VLANS]! ^ extensions[packet * EXTENSION_WORDS + X_VLANS]!) | 0) === 0;
  }

  /** Whether a packet has the MAC addresses of the flow in `row`. */
  hasMacs(row: number, extensions: Uint32Array, packet: number): boolean {
    const kept = this.words;
    const e = row * EXTENSION_WORDS;
    const x = packet * EXTENSION_WORDS;
    return (
      ((kept[e + X_SRC_MAC]! ^ extensions[x + X_SRC_MAC]!) |
        (kept[e + X_SRC_MAC + 1]! ^ extensions[x + X_SRC_MAC + 1]!) |
        (kept[e + X_DST_MAC]! ^ extensions[x + X_DST_MAC]!) |
        (kept[e + X_DST_MAC + 1]! ^ extensions[x + X_DST_MAC + 1]!)) ===
      0
    );
  }
}

function fragmentFlags(fragment: number): number {
  return ((fragment & X_FRAGMENT_DF) === 0 ? 0 : E_DF) | ((fragment & X_FRAGMENT_MF) === 0 ? 0 : E_MF);
}
