import { addon } from '../addon/addon.ts';

/** Slots made at first; a table grows with its use. */
const FIRST_SLOTS = 1 << 12;

/**
 * A larger table of at least so many slots is made while there is still room for a quarter of what fits: the system takes its time
 * to give memory, and whoever fills the table would wait for it.
 */
const AHEAD_SLOTS = 1 << 18;

/**
 * Open addressing with linear probing: two words a slot, the hash and the row (0: empty). At most half of the slots
 * are used, so a search ends within the cache line it begins in, nearly always. Removal shifts later entries back
 * instead of leaving marks, so the table is as fast after a month as at the start.
 *
 * Who searches reads `slots` and `mask` itself: comparing keys is not the table's business.
 */
export class SlotTable {
  slots: Int32Array;
  /** Number of slots less one. */
  mask: number;
  /** Slots passed over by the worst insertion so far. */
  maxProbe = 0;
  private entries = 0;
  private readonly allocate: (bytes: number) => Uint8Array;
  /** Of the table to come, once it is asked for. */
  private ahead: Int32Array | undefined;

  constructor(allocate: (bytes: number) => Uint8Array) {
    this.allocate = allocate;
    this.mask = FIRST_SLOTS - 1;
    this.slots = this.make(FIRST_SLOTS);
  }

  get size(): number {
    return this.entries;
  }

  insert(hash: number, row: number): void {
    if (this.entries << 1 > this.mask) this.grow();
    this.entries++;
    if (this.entries << 3 === (this.mask + 1) * 3) this.askAhead();
    const probes = place(this.slots, this.mask, hash, row);
    if (probes > this.maxProbe) this.maxProbe = probes;
  }

  /** Removes an entry that is in the table. */
  remove(hash: number, row: number): void {
    const slots = this.slots;
    const mask = this.mask;
    let hole = hash & mask;
    while (slots[(hole << 1) + 1] !== row) hole = (hole + 1) & mask;
    for (let at = (hole + 1) & mask; slots[(at << 1) + 1] !== 0; at = (at + 1) & mask) {
      // An entry may move back into the hole unless that is before its home.
      const home = slots[at << 1]! & mask;
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots[hole << 1] = slots[at << 1]!;
      slots[(hole << 1) + 1] = slots[(at << 1) + 1]!;
      hole = at;
    }
    slots[(hole << 1) + 1] = 0;
    this.entries--;
  }

  clear(): void {
    this.slots.fill(0);
    this.entries = 0;
  }

  private grow(): void {
    const old = this.slots;
    const count = (this.mask + 1) * 2;
    this.slots = this.ahead ?? this.make(count);
    this.ahead = undefined;
    this.mask = count - 1;
    for (let at = 0; at < old.length; at += 2) {
      if (old[at + 1] !== 0) place(this.slots, this.mask, old[at]!, old[at + 1]!);
    }
  }

  private askAhead(): void {
    const count = (this.mask + 1) * 2;
    if (count < AHEAD_SLOTS || this.ahead !== undefined) return;
    this.ahead = this.make(count);
    const { buffer, byteOffset, byteLength } = this.ahead;
    addon().populate(new Uint8Array(buffer, byteOffset, byteLength));
  }

  private make(count: number): Int32Array {
    const memory = this.allocate(count * 8);
    return new Int32Array(memory.buffer, memory.byteOffset, count * 2);
  }
}

function place(slots: Int32Array, mask: number, hash: number, row: number): number {
  let at = hash & mask;
  let probes = 0;
  while (slots[(at << 1) + 1] !== 0) {
    at = (at + 1) & mask;
    probes++;
  }
  slots[at << 1] = hash;
  slots[(at << 1) + 1] = row;
  return probes;
}
