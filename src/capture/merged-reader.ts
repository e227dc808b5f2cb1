import type { PacketStats } from '../addon/packet-source.ts';
import type { PacketInput, PacketSlot } from './source.ts';
import { sumStats } from './stats.ts';

/**
 * Several packet sources read as one, each on its own thread underneath. Whoever has a slot ready is served in turn, so
 * that a busy interface does not keep the others waiting. It ends when all have ended.
 */
export class MergedReader implements PacketInput {
  readonly #inputs: readonly PacketInput[];
  readonly #onFailure: (failure: string) => void;
  readonly #owners = new Map<PacketSlot, PacketInput>();
  readonly #arrived: PacketSlot[] = [];
  /** Inputs whose `read` is under way: they must not be asked meanwhile. */
  readonly #reading = new Set<PacketInput>();
  readonly #ended = new Set<PacketInput>();
  #turn = 0;
  #wakeUp: (() => void) | undefined;
  #error: unknown;

  /** `onFailure` is told at once why an input has ended early: the others go on. */
  constructor(inputs: readonly PacketInput[], onFailure: (failure: string) => void = () => {}) {
    this.#inputs = inputs;
    this.#onFailure = onFailure;
  }

  tryRead(): PacketSlot | undefined {
    const arrived = this.#arrived.shift();
    if (arrived !== undefined) return arrived;
    for (let i = 0; i < this.#inputs.length; i++) {
      this.#turn = (this.#turn + 1) % this.#inputs.length;
      const input = this.#inputs[this.#turn]!;
      if (this.#reading.has(input) || this.#ended.has(input)) continue;
      const slot = input.tryRead();
      if (slot !== undefined) {
        this.#owners.set(slot, input);
        return slot;
      }
    }
    return undefined;
  }

  async read(): Promise<PacketSlot | undefined> {
    for (;;) {
      const slot = this.#arrived.shift();
      if (slot !== undefined) return slot;
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended.size === this.#inputs.length) return undefined;
      const woken = new Promise<void>((resolve) => {
        this.#wakeUp = resolve;
      });
      for (const input of this.#inputs) {
        if (!this.#reading.has(input) && !this.#ended.has(input)) void this.#readFrom(input);
      }
      await woken;
    }
  }

  release(slot: PacketSlot): void {
    this.#owners.get(slot)?.release(slot);
  }

  stop(): void {
    for (const input of this.#inputs) input.stop();
  }

  stats(): PacketStats {
    return sumStats(this.#inputs.map((input) => input.stats()));
  }

  failure(): string | null {
    const failures = this.#inputs.map((input) => input.failure()).filter((failure) => failure !== null);
    return failures.length === 0 ? null : failures.join('; ');
  }

  async #readFrom(input: PacketInput): Promise<void> {
    this.#reading.add(input);
    try {
      const slot = await input.read();
      if (slot === undefined) {
        this.#ended.add(input);
        const failure = input.failure();
        if (failure !== null && this.#ended.size < this.#inputs.length) this.#onFailure(failure);
      } else {
        this.#owners.set(slot, input);
        this.#arrived.push(slot);
      }
    } catch (error) {
      this.#error = error;
    }
    this.#reading.delete(input);
    this.#wakeUp?.();
  }
}
