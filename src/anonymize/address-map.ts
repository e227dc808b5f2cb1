/** Addresses known before they are forgotten all at once: 36 octets each. */
const MOST_ADDRESSES = 4 << 20;
const WORDS = 4;
const FREE = -1;

/**
 * What each address became, so that each is enciphered once. Addresses get numbers in the order in which they turn up;
 * those without a result yet are mapped together.
 */
export class AddressMap {
  private readonly map: (words: Uint32Array) => void;
  /** Number in each place, found by hash and then by going on. */
  private places: Int32Array;
  private keys: Uint32Array;
  private values: Uint32Array;
  private count = 0;
  private mapped = 0;

  /** `map` turns addresses, four words each, into others in place. */
  constructor(map: (words: Uint32Array) => void, room = 1 << 12) {
    this.map = map;
    this.places = new Int32Array(room * 2).fill(FREE);
    this.keys = new Uint32Array(room * WORDS);
    this.values = new Uint32Array(room * WORDS);
  }

  /** Forgets all numbers when there are too many. */
  prune(): void {
    if (this.count < MOST_ADDRESSES) return;
    this.places.fill(FREE);
    this.count = 0;
    this.mapped = 0;
  }

  /** Number of an address. */
  numberOf(w0: number, w1: number, w2: number, w3: number): number {
    const { places, keys } = this;
    const last = places.length - 1;
    let place = hash(w0, w1, w2, w3) & last;
    for (;;) {
      const number = places[place]!;
      if (number === FREE) return this.add(place, w0, w1, w2, w3);
      const at = number * WORDS;
      if (keys[at] === w0 && keys[at + 1] === w1 && keys[at + 2] === w2 && keys[at + 3] === w3) return number;
      place = (place + 1) & last;
    }
  }

  /** Words of what all addresses so far became, by number; valid until the next `numberOf`. */
  results(): Uint32Array {
    const fresh = this.values.subarray(this.mapped * WORDS, this.count * WORDS);
    fresh.set(this.keys.subarray(this.mapped * WORDS, this.count * WORDS));
    this.map(fresh);
    this.mapped = this.count;
    return this.values;
  }

  private add(place: number, w0: number, w1: number, w2: number, w3: number): number {
    const number = this.count++;
    this.places[place] = number;
    const at = number * WORDS;
    this.keys[at] = w0;
    this.keys[at + 1] = w1;
    this.keys[at + 2] = w2;
    this.keys[at + 3] = w3;
    if (this.count * WORDS === this.keys.length) this.grow();
    return number;
  }

  private grow(): void {
    const { keys, values } = this;
    this.keys = new Uint32Array(keys.length * 2);
    this.keys.set(keys);
    this.values = new Uint32Array(values.length * 2);
    this.values.set(values);
    this.places = new Int32Array(this.places.length * 2).fill(FREE);
    const last = this.places.length - 1;
    for (let number = 0; number < this.count; number++) {
      const at = number * WORDS;
      let place = hash(keys[at]!, keys[at + 1]!, keys[at + 2]!, keys[at + 3]!) & last;
      while (this.places[place] !== FREE) place = (place + 1) & last;
      this.places[place] = number;
    }
  }
}

function hash(w0: number, w1: number, w2: number, w3: number): number {
  let h = Math.imul(w0 ^ 0x9e3779b9, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 15) ^ w1, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15) ^ w2, 0x27d4eb2f);
  h = Math.imul(h ^ (h >>> 15) ^ w3, 0x165667b1);
  return h ^ (h >>> 16);
}
