const FIRST_BYTES = 4096;
const FIRST_TEXTS = 256;
const FIRST_SLOTS = 1024;

/**
 * Texts (UTF-8) that rows refer to by number: 0 is the empty one. A batch of 65 536 rows with a dozen different texts
 * holds a dozen texts.
 */
export class TextPool {
  /** The texts one behind the other; of this the first `length` octets. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  length = 0;
  /** Where text 1, 2, ... ends in `bytes`; of this the first `count`. */
  ends: Uint32Array<ArrayBuffer> = new Uint32Array(0);
  /** Texts besides the empty one. */
  count = 0;
  /** Open addressing by hash, number of a text or 0; undefined until `intern` is used. */
  private slots: Int32Array | undefined;

  /** Makes room for `more` octets behind `length`; `bytes` may be another array afterwards. */
  reserve(more: number): void {
    const wanted = this.length + more;
    if (wanted <= this.bytes.length) return;
    const grown = new Uint8Array(Math.max(FIRST_BYTES, this.bytes.length * 2, wanted));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }

  /** What a maker has written into `bytes` from `length` up to `end` becomes a text; its number. */
  commit(end: number): number {
    if (this.count === this.ends.length) {
      const grown = new Uint32Array(Math.max(FIRST_TEXTS, this.count * 2));
      grown.set(this.ends);
      this.ends = grown;
    }
    this.ends[this.count++] = end;
    this.length = end;
    return this.count;
  }

  /** The number of a text, which is added unless it is there. */
  intern(text: Uint8Array): number {
    if (text.length === 0) return 0;
    if (this.slots === undefined || (this.count + 1) * 2 > this.slots.length) this.rehash();
    const slots = this.slots!;
    const mask = slots.length - 1;
    let slot = hashOf(text, 0, text.length) & mask;
    while (slots[slot] !== 0) {
      if (this.holds(slots[slot]!, text)) return slots[slot]!;
      slot = (slot + 1) & mask;
    }
    this.reserve(text.length);
    this.bytes.set(text, this.length);
    slots[slot] = this.commit(this.length + text.length);
    return this.count;
  }

  /** A text by its number: part of the pool's memory. */
  text(id: number): Uint8Array<ArrayBuffer> {
    return this.bytes.subarray(this.startOf(id), id === 0 ? 0 : this.ends[id - 1]);
  }

  reset(): void {
    this.length = 0;
    this.count = 0;
    this.slots = undefined;
  }

  private startOf(id: number): number {
    return id < 2 ? 0 : this.ends[id - 2]!;
  }

  private holds(id: number, text: Uint8Array): boolean {
    const start = this.startOf(id);
    if (this.ends[id - 1]! - start !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (this.bytes[start + i] !== text[i]) return false;
    return true;
  }

  private rehash(): void {
    let length = FIRST_SLOTS;
    while (length < (this.count + 1) * 4) length *= 2;
    const slots = new Int32Array(length);
    for (let id = 1; id <= this.count; id++) {
      let slot = hashOf(this.bytes, this.startOf(id), this.ends[id - 1]!) & (length - 1);
      while (slots[slot] !== 0) slot = (slot + 1) & (length - 1);
      slots[slot] = id;
    }
    this.slots = slots;
  }
}

/** Unlike in every process, so that nobody can send texts that all collide. */
const SEED = Math.trunc(Math.random() * 0x1_0000_0000) | 0;

/** Hash of octets; `seed` goes on with an earlier one. */
export function hashOf(bytes: Uint8Array, start: number, end: number, seed = SEED): number {
  let hash = seed;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x0100_0193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b_3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
