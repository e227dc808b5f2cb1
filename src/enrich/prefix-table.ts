import { V4_MAPPED_WORD } from '../flow/address.ts';
import { V4_MAPPED_BITS, wordMask } from '../flow/prefix.ts';

const NONE = -1;
/** Of the prefix that keeps `::/0` off IPv4: anything else on these bits comes before it. */
const LAST_RANK = 0xffff_ffff;

/**
 * Address prefixes and a value for each, to be made into a `PrefixTable`. Addresses are four words, most significant
 * first, IPv4 v4-mapped.
 */
export class PrefixList {
  private words = new Uint32Array(256);
  private bits = new Uint8Array(64);
  private values = new Int32Array(64);
  private ranks = new Uint32Array(64);
  private count = 0;

  get size(): number {
    return this.count;
  }

  /**
   * Adds the first `bits` (0 to 128) bits of an address. `value` is a whole number of 31 bits, or -1 to say that nothing
   * is known of the prefix. Of equal prefixes the one of the lowest `rank` counts, then the first.
   */
  add(w0: number, w1: number, w2: number, w3: number, bits: number, value: number, rank = 0): void {
    if (this.count === this.bits.length) this.grow();
    const at = this.count * 4;
    this.words[at] = w0 & wordMask(bits);
    this.words[at + 1] = w1 & wordMask(bits - 32);
    this.words[at + 2] = w2 & wordMask(bits - 64);
    this.words[at + 3] = w3 & wordMask(bits - 96);
    this.bits[this.count] = bits;
    this.values[this.count] = value;
    this.ranks[this.count] = rank;
    this.count++;
  }

  /** The table of what was added; the list is then of no more use. */
  build(): PrefixTable {
    this.add(0, 0, V4_MAPPED_WORD, 0, V4_MAPPED_BITS, NONE, LAST_RANK);
    const { words, bits, values } = this;
    const ranges = new Ranges(2 * this.count + 1);
    ranges.begin(0, 0, 0, 0, NONE);
    /** Prefixes that the sweep is inside of, from the widest to the narrowest. */
    const open = new Int32Array(129);
    let depth = 0;
    let before = -1;
    const close = () => {
      const at = open[--depth]! * 4;
      const length = bits[open[depth]!]!;
      const outer = depth === 0 ? NONE : values[open[depth - 1]!]!;
      ranges.beginBehind(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, length, outer);
    };
    for (const prefix of this.inOrder()) {
      if (before >= 0 && bits[before] === bits[prefix] && this.compareStarts(before, prefix) === 0) continue;
      before = prefix;
      while (depth > 0 && !this.contains(open[depth - 1]!, prefix)) close();
      const at = prefix * 4;
      ranges.begin(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, values[prefix]!);
      open[depth++] = prefix;
    }
    while (depth > 0) close();
    return new PrefixTable(ranges);
  }

  /** By start, wider ones first, of equal ones the one that counts first. System tables are all but sorted already. */
  private inOrder(): number[] {
    const order = Array.from({ length: this.count }, (_, i) => i);
    const { bits, ranks } = this;
    return order.sort((a, b) => this.compareStarts(a, b) || bits[a]! - bits[b]! || ranks[a]! - ranks[b]! || a - b);
  }

  private compareStarts(a: number, b: number): number {
    const { words } = this;
    for (let i = 0; i < 4; i++) {
      const difference = words[a * 4 + i]! - words[b * 4 + i]!;
      if (difference !== 0) return difference;
    }
    return 0;
  }

  private contains(wide: number, narrow: number): boolean {
    const { words, bits } = this;
    let differ = 0;
    for (let i = 0; i < 4; i++) {
      differ |= (words[wide * 4 + i]! ^ words[narrow * 4 + i]!) & wordMask(bits[wide]! - 32 * i);
    }
    return differ === 0;
  }

  private grow(): void {
    const grown = <T extends Uint8Array | Uint32Array | Int32Array>(old: T, fresh: T): T => {
      fresh.set(old);
      return fresh;
    };
    const capacity = this.bits.length * 2;
    this.words = grown(this.words, new Uint32Array(capacity * 4));
    this.bits = grown(this.bits, new Uint8Array(capacity));
    this.values = grown(this.values, new Int32Array(capacity));
    this.ranks = grown(this.ranks, new Uint32Array(capacity));
  }
}

/** Starts of ranges in ascending order, each up to the next, and what holds in them. */
class Ranges {
  readonly w0: Uint32Array;
  readonly w1: Uint32Array;
  readonly w2: Uint32Array;
  readonly w3: Uint32Array;
  readonly values: Int32Array;
  count = 0;

  constructor(capacity: number) {
    this.w0 = new Uint32Array(capacity);
    this.w1 = new Uint32Array(capacity);
    this.w2 = new Uint32Array(capacity);
    this.w3 = new Uint32Array(capacity);
    this.values = new Int32Array(capacity);
  }

  /** A range that starts where the one before it does takes its place. */
  begin(w0: number, w1: number, w2: number, w3: number, value: number): void {
    const last = this.count - 1;
    const isSame =
      last >= 0 && this.w0[last] === w0 && this.w1[last] === w1 && this.w2[last] === w2 && this.w3[last] === w3;
    const at = isSame ? last : this.count++;
    this.w0[at] = w0;
    this.w1[at] = w1;
    this.w2[at] = w2;
    this.w3[at] = w3;
    this.values[at] = value;
  }

  /** The range that starts behind a prefix; there is none behind the last address. */
  beginBehind(w0: number, w1: number, w2: number, w3: number, bits: number, value: number): void {
    const end = [w0 | ~wordMask(bits), w1 | ~wordMask(bits - 32), w2 | ~wordMask(bits - 64), w3 | ~wordMask(bits - 96)];
    for (let i = 3; i >= 0; i--) {
      end[i] = (end[i]! + 1) >>> 0;
      if (end[i] === 0) continue;
      this.begin(end[0]! >>> 0, end[1]! >>> 0, end[2]! >>> 0, end[3]!, value);
      return;
    }
  }
}

/** Longest-prefix match over both families: disjoint ranges, found by halving. Made by `PrefixList`. */
export class PrefixTable {
  private readonly ranges: Ranges;
  /** Ranges that are of IPv4: from, up to. */
  private readonly v4From: number;
  private readonly v4To: number;

  constructor(ranges: Ranges) {
    this.ranges = ranges;
    this.v4From = this.at(0, 0, V4_MAPPED_WORD, 0, 0, ranges.count);
    this.v4To = this.at(0, 0, V4_MAPPED_WORD, 0xffff_ffff, 0, ranges.count) + 1;
  }

  /** The value of the longest prefix with this address, or -1. */
  find(w0: number, w1: number, w2: number, w3: number): number {
    const isV4 = w0 === 0 && w1 === 0 && w2 === V4_MAPPED_WORD;
    const at = isV4 ? this.atV4(w3) : this.at(w0, w1, w2, w3, 0, this.ranges.count);
    return this.ranges.values[at]!;
  }

  /** As `at`: all IPv4 addresses are alike but for the last word. */
  private atV4(w3: number): number {
    const starts = this.ranges.w3;
    let low = this.v4From;
    let high = this.v4To;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (starts[middle]! <= w3) low = middle;
      else high = middle;
    }
    return low;
  }

  /** The last of some ranges that starts at or before an address. */
  private at(w0: number, w1: number, w2: number, w3: number, from: number, to: number): number {
    const { w0: s0, w1: s1, w2: s2, w3: s3 } = this.ranges;
    let low = from;
    let high = to;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      let difference = s0[middle]! - w0;
      if (difference === 0) difference = s1[middle]! - w1;
      if (difference === 0) difference = s2[middle]! - w2;
      if (difference === 0) difference = s3[middle]! - w3;
      if (difference <= 0) low = middle;
      else high = middle;
    }
    return low;
  }
}
