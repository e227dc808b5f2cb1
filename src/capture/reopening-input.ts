import type { PacketInput, PacketSlot } from './source.ts';
import { sumStats } from './stats.ts';

/** An interface is looked for so soon after it went, and then less and less often. */
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2000;
/** A capture of this age makes the next search begin at once again. */
const STEADY_MS = 10_000;

export interface ReopeningOptions {
  /** Opens the interface; what it throws is an error for the user. */
  readonly open: () => Promise<PacketInput>;
  /** Whether there is anything to open. */
  readonly exists: () => boolean;
  /** Why nothing but an error of `open` is to be expected from now on, for the user; null when it may pass. */
  readonly refusal: (error: unknown) => string | null;
  /** The interface has gone, for this reason. */
  readonly onGone: (failure: string) => void;
  /** It is there and has not been to be opened for some time, for this reason. */
  readonly onTrouble: (why: string) => void;
  /** It is captured again. */
  readonly onBack: () => void;
}

/** What is known of an interface that may go and come back. */
export interface Presence {
  /** Since when it has not been there (`performance.now()`), or undefined. */
  readonly awaySinceMs: number | undefined;
  /** How often it has gone. */
  readonly timesGone: number;
}

/**
 * The packets of an interface that may go away and come back (a tunnel, a USB adapter, a VLAN made anew), under whatever
 * number it then has. Counters go on. It ends on `stop`, or when the interface is back and may not be opened any more.
 */
export class ReopeningInput implements PacketInput, Presence {
  awaySinceMs: number | undefined;
  timesGone = 0;
  readonly #options: ReopeningOptions;
  #input: PacketInput;
  #openedMs = performance.now();
  #retryMs = FIRST_RETRY_MS;
  /** What the captures before this one counted. */
  #before = sumStats([]);
  /** Whoever reads may still hold a slot of a capture that has ended. */
  readonly #owners = new WeakMap<PacketSlot, PacketInput>();
  #stopped = false;
  #endWait: (() => void) | undefined;
  #failure: string | null = null;

  constructor(first: PacketInput, options: ReopeningOptions) {
    this.#input = first;
    this.#options = options;
  }

  tryRead(): PacketSlot | undefined {
    return this.#own(this.#input.tryRead());
  }

  async read(): Promise<PacketSlot | undefined> {
    for (;;) {
      const slot = await this.#input.read();
      if (slot !== undefined) return this.#own(slot);
      const failure = this.#input.failure();
      if (this.#stopped || failure === null) return undefined;
      this.#leave(failure);
      if (!(await this.#openAgain())) return undefined;
    }
  }

  release(slot: PacketSlot): void {
    this.#owners.get(slot)?.release(slot);
  }

  stop(): void {
    this.#stopped = true;
    this.#input.stop();
    this.#endWait?.();
  }

  stats() {
    return this.awaySinceMs === undefined ? sumStats([this.#before, this.#input.stats()]) : this.#before;
  }

  /** After the end: why the interface could not be opened again. One that is away when it is stopped is no failure. */
  failure(): string | null {
    return this.#failure;
  }

  #own(slot: PacketSlot | undefined): PacketSlot | undefined {
    if (slot !== undefined) this.#owners.set(slot, this.#input);
    return slot;
  }

  #leave(failure: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#openedMs >= STEADY_MS) this.#retryMs = FIRST_RETRY_MS;
    this.#before = this.stats();
    this.awaySinceMs = nowMs;
    this.timesGone++;
    this.#options.onGone(failure);
  }

  /** False when it was stopped first, or may not open it any more. */
  async #openAgain(): Promise<boolean> {
    const { open, exists, refusal, onTrouble, onBack } = this.#options;
    let wasThere = true;
    let told: string | undefined;
    for (;;) {
      await this.#wait(this.#retryMs);
      if (this.#stopped) return false;
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
      const isThere = exists();
      if (isThere && !wasThere) this.#retryMs = FIRST_RETRY_MS;
      wasThere = isThere;
      if (!isThere) continue;
      try {
        this.#input = await open();
      } catch (error) {
        this.#failure = refusal(error);
        if (this.#failure !== null) return false;
        const why = (error as Error).message;
        // At first it is on its way up, as a rule.
        if (why === told || this.#retryMs < LONGEST_RETRY_MS) continue;
        told = why;
        onTrouble(why);
        continue;
      }
      this.#openedMs = performance.now();
      this.awaySinceMs = undefined;
      if (this.#stopped) this.#input.stop();
      else onBack();
      return true;
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#endWait = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
