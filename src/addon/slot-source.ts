/**
 * A producer thread in the addon that fills fixed slots of memory, and the loop that empties them.
 *
 * `next()` gives the index of a filled slot, `SLOT_NONE` when none is ready (wait for the `wake` callback given to the
 * constructor, which fires once after each `SLOT_NONE` as soon as that changes) or `SLOT_END` when everything has been
 * handed over. `count(slot)` is the number of records in it. `release(slot)` hands it back; its content is then gone.
 */
export interface SlotSource {
  /** Memory of each slot, made once. */
  readonly slots: Uint8Array[];
  next(): number;
  count(slot: number): number;
  release(slot: number): void;
  /** Ends the producer: what it has read so far still comes out of `next`, then `SLOT_END`. Idempotent. */
  stop(): void;
  /** After `SLOT_END`: why it ended early (a cut file, an interface that went down), or null. */
  failure(): string | null;
}

export const SLOT_NONE = -1;
export const SLOT_END = -2;
