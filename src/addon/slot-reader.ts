import { SLOT_END, SLOT_NONE, type SlotSource } from './slot-source.ts';

/** Longest time a busy producer may keep its reader from timers, signals and sockets, milliseconds. */
const TURN_MS = 10;

/**
 * Empties a slot source: turns `next` and its wake callback into a promise.
 *
 *     for (;;) {
 *       const slot = reader.tryRead() ?? (await reader.read());
 *       if (slot === undefined) break;
 *       // ... use source.count(slot) records of the slot ...
 *       reader.release(slot);
 *     }
 *
 * One reader at a time. A source that always has a slot ready never starves the event loop: every `TURN_MS` `tryRead`
 * declines and `read` lets one turn of the loop pass.
 */
export class SlotReader<S extends SlotSource> {
  readonly source: S;
  #wakeUp: (() => void) | undefined;
  #turnMs = performance.now();

  /** `open` makes the source with the wake callback it is given; what it throws goes to the caller. */
  constructor(open: (wake: () => void) => S) {
    this.source = open(() => {
      const wakeUp = this.#wakeUp;
      this.#wakeUp = undefined;
      wakeUp?.();
    });
  }

  /** A filled slot if one is ready and no turn of the event loop is due; undefined says: ask `read`. */
  tryRead(): number | undefined {
    if (performance.now() - this.#turnMs > TURN_MS) return undefined;
    const slot = this.source.next();
    return slot >= 0 ? slot : undefined;
  }

  /** The next filled slot; undefined once everything has been handed over (then see `source.failure`). */
  async read(): Promise<number | undefined> {
    if (this.#wakeUp !== undefined) throw new Error('SlotReader: read called while another read waits');
    if (performance.now() - this.#turnMs > TURN_MS) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.#turnMs = performance.now();
    }
    for (;;) {
      const slot = this.source.next();
      if (slot === SLOT_END) return undefined;
      if (slot !== SLOT_NONE) return slot;
      // A wake meant for an earlier `SLOT_NONE` may come first; then `next` says `SLOT_NONE` again.
      await new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
      this.#turnMs = performance.now();
    }
  }

  /** Hands a slot back to the producer. */
  release(slot: number): void {
    this.source.release(slot);
  }

  /** Ends the producer; `read` still gives what it has, then undefined. */
  stop(): void {
    this.source.stop();
  }
}
