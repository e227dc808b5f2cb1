import { type PacketStats, SLOT_END, type SlotSource } from '../addon/addon.ts';

/** A batch of decoded packets, `count` records of PACKET_WORDS words in the layout of `addon/packet-layout.ts`. */
export interface PacketSlot {
  readonly index: number;
  count: number;
  readonly bytes: Uint8Array;
  /** The same memory as 32-bit words, and as doubles (word 2 n is double n). */
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
}

/** What any packet source is underneath, native or not. */
export interface PacketSlotSource extends SlotSource {
  stats(): PacketStats;
}

/**
 * The reading end of a packet source. One reader, one loop:
 *
 *     for (let slot = await reader.read(); slot !== undefined; slot = await reader.read()) {
 *       use(slot);
 *       reader.release(slot);
 *     }
 *
 * Slots and their views are made once; reading allocates only when it has to wait.
 */
export class PacketReader {
  readonly #source: PacketSlotSource;
  /** Asked for once: the addon makes new views each time. */
  readonly #memory: Uint8Array[];
  readonly #slots: PacketSlot[] = [];
  #resume: (() => void) | undefined;
  #ended = false;

  /** `start` makes the source with the wake callback it is to call. */
  constructor(start: (wake: () => void) => PacketSlotSource) {
    this.#source = start(() => {
      const resume = this.#resume;
      this.#resume = undefined;
      resume?.();
    });
    this.#memory = this.#source.slots;
  }

  /** A filled slot if there is one now; see `ended` for whether more will come. */
  tryRead(): PacketSlot | undefined {
    const index = this.#source.next();
    if (index < 0) {
      this.#ended = index === SLOT_END;
      return undefined;
    }
    const slot = this.#slots[index] ?? this.#addSlot(index);
    slot.count = this.#source.count(index);
    return slot;
  }

  /** The next filled slot, undefined at the end. */
  async read(): Promise<PacketSlot | undefined> {
    for (;;) {
      const slot = this.tryRead();
      if (slot !== undefined || this.#ended) return slot;
      await new Promise<void>((resolve) => {
        this.#resume = resolve;
      });
    }
  }

  /** Gives the slot back; its content is then gone. */
  release(slot: PacketSlot): void {
    this.#source.release(slot.index);
  }

  /** Everything has been read. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Ends the source: what it has taken in so far still comes out of `read`. Idempotent. */
  stop(): void {
    this.#source.stop();
  }

  stats(): PacketStats {
    return this.#source.stats();
  }

  /** After the end: why it came early (a cut file, an interface that went down), for the user; or null. */
  failure(): string | null {
    return this.#source.failure();
  }

  #addSlot(index: number): PacketSlot {
    const bytes = this.#memory[index]!;
    const { buffer, byteOffset, byteLength } = bytes;
    const slot: PacketSlot = {
      index,
      count: 0,
      bytes,
      words: new Uint32Array(buffer, byteOffset, byteLength >> 2),
      doubles: new Float64Array(buffer, byteOffset, byteLength >> 3),
    };
    this.#slots[index] = slot;
    return slot;
  }
}
