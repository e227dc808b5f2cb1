import { P_TIME, PACKET_WORDS } from '../../addon/packet-layout.ts';
import type { PacketSlot } from '../../capture/source.ts';

/** Packets that come due within this time are handed over together, milliseconds. */
const STEP_MS = 5;
/** Longest wait at a stretch: the clock of a timer goes wrong beyond 2^31 ms. */
const LONGEST_WAIT_MS = 60_000;

/**
 * Plays a capture at the speed at which it was taken, or so many times faster: packets are handed over when the clock that
 * started with the first of them has come to their time. A packet older than those before it is due at once.
 */
export class Pacer {
  readonly #speed: number;
  readonly #nowMs: () => number;
  #startMs = 0;
  #firstUs = Number.NaN;
  #stopped = false;
  #wakeUp: (() => void) | undefined;

  /** `speed` 1 is that of the capture. `nowMs`: a clock that never goes back, milliseconds. */
  constructor(speed: number, nowMs: () => number = () => performance.now()) {
    this.#speed = speed;
    this.#nowMs = nowMs;
  }

  /** Packet time that it is now, microseconds since 1970; NaN before the first packet. */
  clockUs(): number {
    return this.#firstUs + (this.#nowMs() - this.#startMs) * 1000 * this.#speed;
  }

  /** Hands the packets of `slot` over, `from` inclusive to `to` exclusive, each run of them when it is due. */
  async play(slot: PacketSlot, handOver: (from: number, to: number) => Promise<void> | undefined): Promise<void> {
    if (Number.isNaN(this.#firstUs) && slot.count > 0) {
      this.#firstUs = timeUs(slot, 0);
      this.#startMs = this.#nowMs();
    }
    let from = 0;
    while (from < slot.count) {
      const to = this.#stopped ? slot.count : this.#dueUntil(slot, from);
      if (to > from) await handOver(from, to);
      from = to;
      if (from < slot.count) await this.#waitFor(timeUs(slot, from));
    }
  }

  /** What has been read is handed over without waiting from now on: the user has seen enough. */
  stop(): void {
    this.#stopped = true;
    this.#wakeUp?.();
  }

  #dueUntil(slot: PacketSlot, from: number): number {
    const clockUs = this.clockUs();
    let to = from;
    while (to < slot.count && timeUs(slot, to) <= clockUs) to++;
    return to;
  }

  async #waitFor(us: number): Promise<void> {
    const waitMs = (us - this.clockUs()) / 1000 / this.#speed;
    if (this.#stopped) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(Math.max(waitMs, STEP_MS), LONGEST_WAIT_MS));
      this.#wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wakeUp = undefined;
  }
}

function timeUs(slot: PacketSlot, packet: number): number {
  return slot.doubles[(packet * PACKET_WORDS + P_TIME) >>> 1]!;
}
