import { type LiveFlows, NOW_CLOCK, NOW_TICK, NOW_TIME, TICK_US } from './live-flows.ts';

/** Last microsecond of the last tick whose number has 32 bits. */
export const MAX_TIME_US = 2 ** 32 * TICK_US - 1;

/** Indices of `PacketClock.counts`: packets older than the clock, and those of them by the active timeout or more. */
export const CLOCK_LATE = 0;
export const CLOCK_STEPPED_BACK = 1;
/** Packets without a time that can be. */
export const CLOCK_BAD_TIMES = 2;

/** The largest packet time so far, and what becomes of packets that are not in order or have no time that can be. */
export class PacketClock {
  /** Indexed by CLOCK_*. */
  readonly counts = new Float64Array(3);
  private readonly flows: LiveFlows;

  constructor(flows: LiveFlows) {
    this.flows = flows;
    this.forget();
  }

  /** Takes the flows to the tick of NOW_TIME, which is brought into range first. */
  enterTick(): void {
    const { now } = this.flows;
    if (now[NOW_TIME]! > MAX_TIME_US || now[NOW_TIME]! < 0) {
      this.count(CLOCK_BAD_TIMES);
      now[NOW_TIME] = now[NOW_TIME]! < 0 ? 0 : MAX_TIME_US;
    }
    this.flows.enterTick(Math.floor(now[NOW_TIME]! / TICK_US));
  }

  /** Counts a packet from before the clock; brings its time into range. */
  takeLate(): void {
    const { now, timeouts } = this.flows;
    if (!(now[NOW_TIME]! >= 0)) {
      this.count(CLOCK_BAD_TIMES);
      now[NOW_TIME] = Number.isNaN(now[NOW_TIME]!) ? Math.max(now[NOW_CLOCK]!, 0) : 0;
      if (now[NOW_CLOCK]! < 0) {
        this.enterTick();
        now[NOW_CLOCK] = now[NOW_TIME]!;
      }
    }
    if (now[NOW_TIME]! === now[NOW_CLOCK]!) return;
    this.count(CLOCK_LATE);
    if (now[NOW_CLOCK]! - now[NOW_TIME]! >= timeouts.activeUs) this.count(CLOCK_STEPPED_BACK);
  }

  /** Moves the clock on without a packet; an earlier time leaves it as it is, and so does any before the first packet. */
  advance(clockUs: number): void {
    if (this.flows.now[NOW_CLOCK]! >= 0) this.follow(clockUs);
  }

  /** As `advance`, but also before the first packet: for a cache that gets only some of the packets. */
  follow(clockUs: number): void {
    const { now } = this.flows;
    if (!(clockUs > now[NOW_CLOCK]!)) return;
    now[NOW_TIME] = Math.floor(clockUs);
    if (now[NOW_TIME]! >= (now[NOW_TICK]! + 1) * TICK_US) this.enterTick();
    now[NOW_CLOCK] = now[NOW_TIME]!;
  }

  forget(): void {
    const { now } = this.flows;
    now[NOW_CLOCK] = Number.NEGATIVE_INFINITY;
    now[NOW_TICK] = Number.NEGATIVE_INFINITY;
  }

  private count(which: number): void {
    this.counts[which] = this.counts[which]! + 1;
  }
}
