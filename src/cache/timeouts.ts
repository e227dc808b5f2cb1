import { PROTO_ICMP, PROTO_ICMP6, PROTO_TCP, PROTO_UDP } from '../flow/ip-protocols.ts';
import { UserError } from '../flow/user-error.ts';
import { fixedDoubles } from './fixed-doubles.ts';
import {
  R_PROTO_TOS_FLAGS,
  R_STATE,
  R_STATE_FINISHED,
  R_STATE_RESET,
  ROW_DOUBLE_SHIFT,
  ROW_WORD_SHIFT,
  type RowStore,
} from './row.ts';

/** flowEndReason, IANA element 136. */
const END_IDLE = 1;
export const END_ACTIVE = 2;
export const END_DETECTED = 3;
export const END_FORCED = 4;
export const END_RESOURCES = 5;

/** Indices of `Timeouts.quietUs` behind the protocols. */
const QUIET_FIN = 256;
const QUIET_RST = 257;

/** Which wait is that of a flow in this state (`R_STATE`), which has seen FIN or RST: RST counts before FIN. */
export function quietAfter(state: number): number {
  return (state & R_STATE_RESET) === 0 ? QUIET_FIN : QUIET_RST;
}

export interface TimeoutOptions {
  /** A record never spans this long or longer; `Infinity` for no such limit. */
  activeMs: number;
  /** A flow ends after more than this without a packet. */
  inactiveMs: number;
  /** The same for flows of TCP, UDP, and ICMP or ICMPv6, instead of `inactiveMs`. */
  tcpMs?: number;
  udpMs?: number;
  icmpMs?: number;
  /** How long a TCP flow waits for its tail after FIN; 0 ends it with that packet. Default 5000. */
  finLingerMs?: number;
  /** The same after RST, which counts before FIN. Default: as after FIN. */
  rstLingerMs?: number;
}

/**
 * When a flow ends by itself: the earliest of its first packet + active (at that time or later), its latest packet +
 * what its protocol allows, and, once FIN or RST was seen, its latest packet + linger (both: later than that).
 */
export class Timeouts {
  /** What it was set to. */
  options!: TimeoutOptions;
  activeUs = 0;
  /** After so long without a packet a flow of some protocol may be over, before it none is. */
  shortestIdleUs = 0;
  /** Longest time between a flow's latest packet and its end. */
  longestUs = 0;
  /** The time found by `earliest`, kept here because a number that is returned may have to be allocated. */
  readonly deadline = fixedDoubles(1);
  /** How long a flow waits for a packet: by protocol, and, once it has seen FIN or RST, at QUIET_FIN and QUIET_RST. */
  readonly quietUs = fixedDoubles(QUIET_RST + 1);
  private readonly store: RowStore;

  /** Throws UserError for a time out of range. */
  constructor(options: TimeoutOptions, store: RowStore) {
    this.store = store;
    this.set(options);
  }

  /** Other times from now on. Throws UserError, and changes nothing, for one out of range. */
  set(options: TimeoutOptions): void {
    const { activeMs, inactiveMs, tcpMs, udpMs, icmpMs, finLingerMs = 5000, rstLingerMs = finLingerMs } = options;
    const activeUs = activeMs === Number.POSITIVE_INFINITY ? activeMs : microseconds(activeMs, 'active timeout', 1);
    const idleUs = new Float64Array(QUIET_FIN).fill(microseconds(inactiveMs, 'inactive timeout', 1));
    idleUs[PROTO_TCP] = microseconds(tcpMs ?? inactiveMs, 'TCP timeout', 1);
    idleUs[PROTO_UDP] = microseconds(udpMs ?? inactiveMs, 'UDP timeout', 1);
    idleUs[PROTO_ICMP] = microseconds(icmpMs ?? inactiveMs, 'ICMP timeout', 1);
    idleUs[PROTO_ICMP6] = idleUs[PROTO_ICMP];
    const finUs = microseconds(finLingerMs, 'FIN linger', 0);
    const rstUs = microseconds(rstLingerMs, 'RST linger', 0);
    this.options = options;
    this.quietUs.set(idleUs);
    // A finished flow is never kept longer than one that is not.
    this.quietUs[QUIET_FIN] = Math.min(finUs, idleUs[PROTO_TCP]!);
    this.quietUs[QUIET_RST] = Math.min(rstUs, idleUs[PROTO_TCP]!);
    this.activeUs = activeUs;
    this.shortestIdleUs = Math.min(...idleUs);
    this.longestUs = Math.min(activeUs, Math.max(...idleUs));
  }

  /** Reason of the first deadline to come, counted from the doubles `begin` and `latest` of the row; sets `deadline`. */
  earliest(row: number, begin: number, latest: number): number {
    const wide = row << ROW_DOUBLE_SHIFT;
    const { doubles, words } = this.store;
    const activeEnd = doubles[wide + begin]! + this.activeUs;
    const state = words[(row << ROW_WORD_SHIFT) + R_STATE]!;
    const finished = (state & R_STATE_FINISHED) !== 0;
    const quiet = finished ? quietAfter(state) : words[(row << ROW_WORD_SHIFT) + R_PROTO_TOS_FLAGS]! & 0xff;
    const quietEnd = doubles[wide + latest]! + this.quietUs[quiet]!;
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
const LONGEST_TIMEOUT_MS = 366 * 86_400_000;

function microseconds(ms: number, name: string, leastMs: number): number {
  if (!(ms >= leastMs && ms <= LONGEST_TIMEOUT_MS)) {
    throw new UserError(`${name}: ${ms} ms is not between ${leastMs} ms and a year`);
  }
  return Math.round(ms * 1000);
}

/** Throws UserError for timeouts that no cache takes. */
export function checkTimeouts(options: TimeoutOptions, store: RowStore): void {
  new Timeouts(options, store);
}
