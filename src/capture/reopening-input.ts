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
  /** Whether there is anything to open, and it is up. */
  readonly exists: () => boolean;
  /** Why nothing but an error of `open` is to be expected from now on, for the user; null when it may pass. */
  readonly refusal: (error: unknown) => string | null;
  /** The interface has gone, for this reason. */
  readonly onGone: (failure: string) => void;
  /** It is there and has not been to be opened for some time, for this reason. */
  readonly onTrouble: (why: string) => void;
  /** It is captured again, or at last. */
  readonly onBack: () => void;
}

/** What is known of an interface that may go and come back. */
export interface Presence {
  /** Since when it has not been there to be captured (`performance.now()`), or undefined. */
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
  /** None while it is away. */
  #input: PacketInput | undefined;
  #openedMs = performance.now();
  #retryMs = FIRST_RETRY_MS;
  /** What the captures before this one counted. */
  #before = sumStats([]);
  /** Whoever reads may still hold a slot of a capture that has ended. */
  readonly #owners = new WeakMap<PacketSlot, PacketInput>();
  #stopped = false;
  #endWait: (() => void) | undefined;
  #failure: string | null = null;

  /** Without `first` it is away at first. */
  constructor(first: PacketInput | undefined, options: ReopeningOptions) {
    this.#input = first;
    if (first === undefined) this.awaySinceMs = this.#openedMs;
    this.#options = options;
  }

  tryRead(): PacketSlot | undefined {
    return this.#own(this.#input?.tryRead());
  }

  async read(): Promise<PacketSlot | undefined> {
    for (;;) {
      const input = this.#input ?? (await this.#openAgain());
      if (input === undefined) return undefined;
      const slot = await input.read();
      if (slot !== undefined) return this.#own(slot);
      const failure = input.failure();
      if (this.#stopped || failure === null) return undefined;
      this.#leave(failure);
    }
  }

  release(slot: PacketSlot): void {
    this.#owners.get(slot)?.release(slot);
  }

  stop(): void {
    this.#stopped = true;
    this.#input?.stop();
    this.#endWait?.();
  }

  stats() {
    return this.#input === undefined ? this.#before : sumStats([this.#before, this.#input.stats()]);
  }

  /** After the end: why the interface could not be opened again. One that is away when it is stopped is no failure. */
  failure(): string | null {
    return this.#failure;
  }

  #own(slot: PacketSlot | undefined): PacketSlot | undefined {
    if (slot !== undefined) this.#owners.set(slot, this.#input!);
    return slot;
  }

  #leave(failure: string): void {
    const nowMs = performance.now();
    if (nowMs - this.#openedMs >= STEADY_MS) this.#retryMs = FIRST_RETRY_MS;
    this.#before = this.stats();
    this.#input = undefined;
    this.awaySinceMs = nowMs;
    this.timesGone++;
    this.#options.onGone(failure);
  }

  /** Undefined when it was stopped first, or may not open it any more. */
  async #openAgain(): Promise<PacketInput | undefined> {
    const { open, exists, refusal, onTrouble, onBack } = this.#options;
    let wasThere = true;
    let told: string | undefined;
    for (;;) {
      await this.#wait(this.#retryMs);
      if (this.#stopped) return undefined;
      this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
      const isThere = exists();
      if (isThere && !wasThere) this.#retryMs = FIRST_RETRY_MS;
      wasThere = isThere;
      if (!isThere) continue;
      let input: PacketInput;
      try {
        input = await open();
      } catch (error) {
        this.#failure = refusal(error);
        if (this.#failure !== null) return undefined;
        const why = (error as Error).message;
        // At first it is on its way up, as a rule.
        if (why === told || this.#retryMs < LONGEST_RETRY_MS) continue;
        told = why;
        onTrouble(why);
        continue;
      }
      this.#input = input;
      this.#openedMs = performance.now();
      this.awaySinceMs = undefined;
      if (this.#stopped) input.stop();
      else onBack();
      return input;
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
