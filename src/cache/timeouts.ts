import { UserError } from '../flow/user-error.ts';
import { R_STATE, R_STATE_FINISHED, ROW_DOUBLE_SHIFT, ROW_WORD_SHIFT, type RowStore } from './row.ts';

/** flowEndReason, IANA element 136. */
export const END_IDLE = 1;
export const END_ACTIVE = 2;
export const END_DETECTED = 3;
export const END_FORCED = 4;
export const END_RESOURCES = 5;

export interface TimeoutOptions {
  /** A record never spans this long or longer. */
  activeMs: number;
  /** A flow ends after more than this without a packet. */
  inactiveMs: number;
  /** How long a TCP flow waits for its tail after FIN or RST; 0 ends it with that packet. Default 5000. */
  finLingerMs?: number;
}

/**
 * When a flow ends by itself: the earliest of its first packet + active (at that time or later), its latest packet +
 * inactive, and, once FIN or RST was seen, its latest packet + linger (both: later than that).
 */
export class Timeouts {
  readonly activeUs: number;
  readonly inactiveUs: number;
  readonly lingerUs: number;
  /** The time found by `earliest`, kept here because a number that is returned may have to be allocated. */
  readonly deadline = new Float64Array(1);
  private readonly store: RowStore;

  constructor(options: TimeoutOptions, store: RowStore) {
    this.activeUs = microseconds(options.activeMs, 'active timeout', 1);
    this.inactiveUs = microseconds(options.inactiveMs, 'inactive timeout', 1);
    // A finished flow is never kept longer than one that is not.
    this.lingerUs = Math.min(microseconds(options.finLingerMs ?? 5000, 'FIN linger', 0), this.inactiveUs);
    this.store = store;
  }

  /** Longest time between a flow's latest packet and its end, microseconds. */
  get longestUs(): number {
    return Math.min(this.activeUs, this.inactiveUs);
  }

  /** Reason of the first deadline to come, counted from the doubles `begin` and `latest` of the row; sets `deadline`. */
  earliest(row: number, begin: number, latest: number): number {
    const wide = row << ROW_DOUBLE_SHIFT;
    const doubles = this.store.doubles;
    const last = doubles[wide + latest]!;
    const activeEnd = doubles[wide + begin]! + this.activeUs;
    const finished = (this.store.words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_FINISHED) !== 0;
    const quietEnd = last + (finished ? this.lingerUs : this.inactiveUs);
    if (activeEnd <= quietEnd) {
      this.deadline[0] = activeEnd;
      return END_ACTIVE;
    }
    this.deadline[0] = quietEnd;
    return finished ? END_DETECTED : END_IDLE;
  }

  /** Whether the deadline found last, which has this reason, is over at a time. */
  isOver(reason: number, time: number): boolean {
    return reason === END_ACTIVE ? time >= this.deadline[0]! : time > this.deadline[0]!;
  }
}

/** A year: what timeouts are measured by stays far inside of the clock's range. */
const LONGEST_MS = 366 * 86_400_000;

function microseconds(ms: number, name: string, leastMs: number): number {
  if (!(ms >= leastMs && ms <= LONGEST_MS)) {
    throw new UserError(`${name}: ${ms} ms is not between ${leastMs} ms and a year`);
  }
  return Math.round(ms * 1000);
}
