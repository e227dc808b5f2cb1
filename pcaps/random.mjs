// @ts-check
/**
 * Small seeded random numbers (mulberry32): the same seed gives the same sequence on every machine and Node.js version,
 * which `Math.random` does not promise.
 */
export class Random {
  /** @param {number} seed */
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** A whole number from 0 to 2^32 - 1. */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  }

  /**
   * A whole number from 0 to `n` - 1.
   * @param {number} n
   */
  below(n) {
    return Math.floor((this.next() / 0x1_0000_0000) * n);
  }

  /**
   * @template T
   * @param {readonly T[]} list
   * @returns {T}
   */
  pick(list) {
    return /** @type {T} */ (list[this.below(list.length)]);
  }

  /**
   * Heavy-tailed whole number from `min` to `max`: bounded Pareto with exponent 1. Uses a division only, because
   * `Math.pow` may differ in the last bit between builds.
   * @param {number} min
   * @param {number} max
   */
  heavyTailed(min, max) {
    const u = this.next() / 0x1_0000_0000;
    return Math.floor(min / (1 - u * (1 - min / max)));
  }
}
