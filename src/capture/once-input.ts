import { P_META, P_META_EGRESS, PACKET_WORDS } from '../addon/packet-layout.ts';
import type { PacketStats } from '../addon/packet-source.ts';
import type { DuplicateFilter } from './duplicates.ts';
import { copyPacket, emptySlot, movePacket, type PacketInput, type PacketSlot } from './source.ts';

/**
 * How long a packet on its way out is held back, so that its sighting on the way in, which another thread hands over,
 * comes first. A quarter of a second with the wait in the slot: the flow cache's clock runs 0.3 s behind in live capture.
 */
const HOLD_MS = 200;
/** Slots held back at most (100 MB); beyond it the oldest comes out early, and its packets may count twice. */
const MOST_HELD = 128;

interface Held {
  readonly slot: PacketSlot;
  readonly dueMs: number;
}

/**
 * A packet source of an interface on which packets count once: those that were seen on another such interface before are
 * left out (`filter`, which all of them share, counts them). A forwarded packet thus counts where it came in.
 */
export class OnceInput implements PacketInput {
  readonly #input: PacketInput;
  readonly #filter: DuplicateFilter;
  readonly #nowMs: () => number;
  readonly #held: Held[] = [];
  readonly #own = new Set<PacketSlot>();
  readonly #free: PacketSlot[] = [];
  /** What the input was asked for and has not answered yet. */
  #asked: Promise<void> | undefined;
  #answer: PacketSlot | undefined;
  #hasEnded = false;
  #error: unknown;

  /** The input's source must be opened `extended`. */
  constructor(input: PacketInput, filter: DuplicateFilter, nowMs: () => number = () => performance.now()) {
    this.#input = input;
    this.#filter = filter;
    this.#nowMs = nowMs;
  }

  tryRead(): PacketSlot | undefined {
    const ready = this.#takeReady();
    if (ready !== undefined || this.#asked !== undefined || this.#hasEnded) return ready;
    const slot = this.#input.tryRead();
    return slot === undefined ? undefined : this.#holdBack(slot);
  }

  async read(): Promise<PacketSlot | undefined> {
    for (;;) {
      const ready = this.#takeReady();
      if (ready !== undefined) return ready;
      if (this.#error !== undefined) throw this.#error;
      if (this.#hasEnded && this.#held.length === 0) return undefined;
      await this.#wait();
    }
  }

  release(slot: PacketSlot): void {
    if (this.#own.has(slot)) this.#free.push(slot);
    else this.#input.release(slot);
  }

  stop(): void {
    this.#input.stop();
  }

  stats(): PacketStats {
    return this.#input.stats();
  }

  failure(): string | null {
    return this.#input.failure();
  }

  /** Resolves when the input has answered, or the oldest held slot is due. */
  async #wait(): Promise<void> {
    if (!this.#hasEnded) this.#asked ??= this.#ask();
    const [oldest] = this.#held;
    if (oldest === undefined) return this.#asked;
    let timer: NodeJS.Timeout | undefined;
    const due = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, Math.max(1, oldest.dueMs - this.#nowMs()));
    });
    await Promise.race(this.#asked === undefined ? [due] : [due, this.#asked]);
    clearTimeout(timer);
  }

  async #ask(): Promise<void> {
    try {
      this.#answer = await this.#input.read();
      this.#hasEnded = this.#answer === undefined;
    } catch (error) {
      this.#error = error;
    }
    this.#asked = undefined;
  }

  /** Takes the packets that leave out of a slot, to look at them later; the others are looked at now. */
  #holdBack(slot: PacketSlot): PacketSlot {
    const { words, count } = slot;
    let held: PacketSlot | undefined;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      if ((words[i * PACKET_WORDS + P_META]! & P_META_EGRESS) !== 0) {
        held ??= this.#freeSlot(slot);
        copyPacket(slot, i, held, held.count++);
      } else {
        if (kept !== i) movePacket(slot, i, kept);
        kept++;
      }
    }
    if (held !== undefined) this.#held.push({ slot: held, dueMs: this.#nowMs() + HOLD_MS });
    slot.count = kept;
    this.#filter.filter(slot);
    return slot;
  }

  /** What the input has answered, or a held slot that is due. */
  #takeReady(): PacketSlot | undefined {
    const slot = this.#answer;
    if (slot === undefined) return this.#takeDue();
    this.#answer = undefined;
    return this.#holdBack(slot);
  }

  #takeDue(): PacketSlot | undefined {
    const [oldest] = this.#held;
    if (oldest === undefined || (oldest.dueMs > this.#nowMs() && this.#held.length <= MOST_HELD)) return undefined;
    this.#held.shift();
    this.#filter.filter(oldest.slot);
    return oldest.slot;
  }

  #freeSlot(like: PacketSlot): PacketSlot {
    let slot = this.#free.pop();
    if (slot === undefined) {
      slot = emptySlot(like);
      this.#own.add(slot);
    }
    slot.count = 0;
    return slot;
  }
}
