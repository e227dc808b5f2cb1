import { addon } from '../addon/addon.ts';
import { P_DST, P_HASH, P_INPUT, P_META, P_OCTETS, P_PORTS, P_PROTO_TOS_FLAGS, P_SRC } from '../addon/packet-layout.ts';
import { fixedDoubles } from './fixed-doubles.ts';
import type { Allocate, FullPolicy } from './flow-cache-options.ts';
import { OldestIdle } from './oldest-idle.ts';
import {
  D_END,
  D_FIRST,
  D_LAST,
  D_NUMBER,
  D_OCTETS,
  D_PACKETS,
  D_SEEN,
  D_STARTED,
  R_DST,
  R_HASH,
  R_INPUT,
  R_PORTS,
  R_PROTO_TOS_FLAGS,
  R_SRC,
  R_STATE,
  R_STATE_FINISHED,
  R_STATE_FROM_META,
  R_STATE_LIVE,
  R_STATE_REASON_SHIFT,
  R_STATE_RESET,
  ROW_DOUBLE_SHIFT,
  ROW_WORD_SHIFT,
  type RowStore,
} from './row.ts';
import { RowOrder } from './row-order.ts';
import { SlotTable } from './slot-table.ts';
import { END_DETECTED, END_RESOURCES, quietAfter, type TimeoutOptions, Timeouts } from './timeouts.ts';
import { WHEEL_TAKE_MAX, Wheel } from './wheel.ts';

/** Microseconds of a tick: the step of the wheel, and of the order in which records are handed on. */
export const TICK_US = 1_000_000;

/** Indices of `LiveFlows.now`: an array, because a double that a method takes or a field holds would be boxed. */
export const NOW_CLOCK = 0;
/** Time and number of the packet in hand. */
export const NOW_TIME = 1;
export const NOW_NUMBER = 2;
/** Number of the running tick. */
export const NOW_TICK = 3;
/** End of the record that `end` is to end. */
const NOW_END = 4;

export const IGNORED_PACKETS = 0;
export const IGNORED_OCTETS = 1;

export const TCP_FIN_RST = 0x05 << 16;
const TCP_RST = 0x04 << 16;

/** Rows looked at together as a tick ends; as with packets (`GROUP`) they are to stay in the processor's cache for so long. */
const SWEEP_ROWS = 8 * WHEEL_TAKE_MAX;

/** Rows beyond `maxFlows`, for records that ended within the running tick. */
export const SPARE_ROWS = 65_536;

export interface LiveFlowsOptions extends TimeoutOptions {
  maxFlows: number;
  whenFull?: FullPolicy;
  allocate: Allocate;
}

/**
 * Flows in the making. Each has a row, a slot in the hash table and an entry in the timing wheel. A flow that ends
 * leaves the table at once but keeps its row until its tick is over: then `leave` gets all that ended in that tick, in
 * order.
 *
 * Packets never touch the wheel. An entry stands in the bucket of the deadline that the flow had as it was entered, or one
 * before; when the tick is over the flow is either due or enters anew. A FIN, which brings the deadline forward, adds an
 * earlier entry. An entry outlives its flow and serves the next flow in the same row, so that the number of entries is
 * bounded however many flows come and go.
 */
export class LiveFlows {
  readonly now = fixedDoubles(5);
  readonly store: RowStore;
  readonly table: SlotTable;
  readonly wheel: Wheel;
  readonly timeouts: Timeouts;
  /** Whole ticks from a packet until the flow may be over that waits so long (`quietUs`) after it. */
  private readonly quietTicks: Int32Array;
  /** Flows in the table and the most there ever were. */
  active = 0;
  peak = 0;
  /** Records ended, by end reason. */
  readonly endedBy = fixedDoubles(6);
  /** Packets that found the table full and were not to make room in it. Indexed by IGNORED_*. */
  readonly ignored = new Float64Array(2);
  readonly maxFlows: number;
  private readonly evicts: boolean;
  private readonly oldest: OldestIdle;
  private readonly ended: RowOrder;
  private readonly leave: (rows: Int32Array, count: number) => void;
  private readonly entries = new Int32Array(SWEEP_ROWS);

  constructor(options: LiveFlowsOptions, store: RowStore, leave: (rows: Int32Array, count: number) => void) {
    this.maxFlows = options.maxFlows;
    this.evicts = options.whenFull !== 'ignore';
    this.store = store;
    this.leave = leave;
    this.table = new SlotTable(options.allocate);
    this.timeouts = new Timeouts(options, store);
    this.wheel = new Wheel(Math.ceil(this.timeouts.longestUs / TICK_US) + 2, store.words);
    this.quietTicks = new Int32Array(this.timeouts.quietUs.length);
    this.countTicks();
    this.oldest = new OldestIdle(store, (rows, from, to) => this.readAhead(rows, from, to));
    this.ended = new RowOrder(store, D_END);
  }

  /** Flows ever opened. */
  get opened(): number {
    return this.endedBy.reduce((sum, count) => sum + count, this.active);
  }

  /** Records that ended within the running tick and have not left. */
  get waiting(): number {
    return this.ended.count;
  }

  /** Counters are as new; there must be no flows. */
  clearCounts(): void {
    this.peak = 0;
    this.endedBy.fill(0);
    this.ignored.fill(0);
    this.table.maxProbe = 0;
  }

  /** Opens a flow with the packet whose record starts at word `p`, a multiple of PACKET_WORDS; returns its row, 0 if there is no place for it. */
  readonly open = (packet: Uint32Array, p: number): number => {
    if (this.active === this.maxFlows) {
      if (!this.evicts) {
        this.ignored[IGNORED_PACKETS] = this.ignored[IGNORED_PACKETS]! + 1;
        this.ignored[IGNORED_OCTETS] = this.ignored[IGNORED_OCTETS]! + packet[p | P_OCTETS]!;
        return 0;
      }
      this.evict();
    }
    const row = this.takeRow();
    const hash = packet[p | P_HASH]! | 0;
    const { words, doubles } = this.store;
    const { now } = this;
    const r = row << ROW_WORD_SHIFT;
    const d = row << ROW_DOUBLE_SHIFT;
    for (let i = 0; i < 4; i++) {
      words[r + R_SRC + i] = packet[p | (P_SRC + i)]!;
      words[r + R_DST + i] = packet[p | (P_DST + i)]!;
    }
    const protoTosFlags = packet[p | P_PROTO_TOS_FLAGS]!;
    words[r + R_PORTS] = packet[p | P_PORTS]!;
    words[r + R_PROTO_TOS_FLAGS] = protoTosFlags;
    words[r + R_INPUT] = packet[p | P_INPUT]!;
    words[r + R_STATE] = (packet[p | P_META]! & R_STATE_FROM_META) | R_STATE_LIVE;
    words[r + R_HASH] = hash;
    doubles[d + D_NUMBER] = now[NOW_NUMBER]!;
    doubles[d + D_PACKETS] = 1;
    doubles[d + D_OCTETS] = packet[p | P_OCTETS]!;
    doubles[d + D_FIRST] = now[NOW_TIME]!;
    doubles[d + D_LAST] = now[NOW_TIME]!;
    doubles[d + D_STARTED] = now[NOW_CLOCK]!;
    doubles[d + D_SEEN] = now[NOW_CLOCK]!;
    this.table.insert(hash, row);
    this.active++;
    if (this.active > this.peak) this.peak = this.active;
    if ((protoTosFlags & TCP_FIN_RST) !== 0) this.finish(row, protoTosFlags);
    else this.enterWheel(row, protoTosFlags & 0xff);
    return row;
  };

  /** Marks a flow that saw a packet with FIN or RST: it ends once its tail has come in. */
  finish(row: number, protoTosFlags: number): void {
    const { words } = this.store;
    const at = (row << ROW_WORD_SHIFT) + R_STATE;
    const state = words[at]! | R_STATE_FINISHED | ((protoTosFlags & TCP_RST) === 0 ? 0 : R_STATE_RESET);
    if (state === words[at]!) return;
    words[at] = state;
    const quiet = quietAfter(state);
    if (this.timeouts.quietUs[quiet]! > 0) this.enterWheel(row, quiet);
    else this.endNow(row, END_DETECTED);
  }

  /** Ends a flow at the time that the clock shows. */
  endNow(row: number, reason: number): void {
    this.now[NOW_END] = this.now[NOW_CLOCK]!;
    this.end(row, reason);
  }

  /** Ends a flow at the deadline found last by `timeouts.earliest`. */
  endAtDeadline(row: number, reason: number): void {
    this.now[NOW_END] = this.timeouts.deadline[0]!;
    this.end(row, reason);
  }

  /**
   * Enters tick `tick` (a whole number, later than the running one): every flow due before it ends, and all that ended
   * leave, tick by tick. Costs nothing for ticks in which there are no flows, however many those are.
   */
  enterTick(tick: number): void {
    const { now } = this;
    while (now[NOW_TICK]! < tick && (this.active > 0 || this.ended.count > 0)) {
      const over = now[NOW_TICK]!;
      now[NOW_TICK] = over + 1;
      this.sweep(over);
      this.leaveInOrder();
    }
    if (now[NOW_TICK]! < tick) {
      now[NOW_TICK] = tick;
      this.clearRows();
    }
  }

  /** Ends every flow: at its deadline if the clock has passed that, else now with `reason`. Forgets the clock. */
  flush(reason: number): void {
    const { words, highest } = this.store;
    this.ended.reserve(this.active);
    for (let row = 1; row <= highest; row++) {
      if ((words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_LIVE) === 0) continue;
      const next = this.timeouts.earliest(row, D_STARTED, D_SEEN);
      const isDue = this.timeouts.isOver(next, this.now[NOW_CLOCK]!);
      this.now[NOW_END] = isDue ? this.timeouts.deadline[0]! : this.now[NOW_CLOCK]!;
      this.close(row, isDue ? next : reason);
    }
    this.leaveInOrder();
    this.table.clear();
    this.clearRows();
  }

  /** No flow has a row: entries of the wheel are forgotten, and with them what rows say of being entered. */
  private clearRows(): void {
    this.store.clear();
    this.wheel.clear();
    this.oldest.clear();
  }

  /**
   * Ends the flows in the rows from `from` on, at most `most` of them, now with `reason`; they leave at once. Returns the
   * row to go on from, 0 after the last.
   */
  endSome(from: number, most: number, reason: number): number {
    const { words, highest } = this.store;
    let ended = 0;
    let row = from;
    for (; row <= highest && ended < most; row++) {
      if ((words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_LIVE) === 0) continue;
      this.endNow(row, reason);
      ended++;
    }
    this.leaveInOrder();
    return row <= highest ? row : 0;
  }

  /** Other timeouts from now on, for the flows at hand as well. Throws UserError, and changes nothing, for those out of range. */
  setTimeouts(options: TimeoutOptions): void {
    const { timeouts } = this;
    timeouts.set(options);
    this.countTicks();
    const { words, highest } = this.store;
    for (let row = 1; row <= highest; row++) {
      if ((words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_LIVE) === 0) continue;
      const reason = timeouts.earliest(row, D_STARTED, D_SEEN);
      if (timeouts.isOver(reason, this.now[NOW_CLOCK]!)) this.endNow(row, reason);
      else this.enterForDeadline(row);
    }
  }

  private countTicks(): void {
    const { activeUs, quietUs } = this.timeouts;
    quietUs.forEach((us, quiet) => {
      this.quietTicks[quiet] = this.ticksIn(Math.min(us, activeUs));
    });
  }

  /** Whole ticks in so many microseconds; what is beyond the wheel is entered at its far end, and again from there. */
  private ticksIn(us: number): number {
    return Math.min(us / TICK_US, this.wheel.span - 2) | 0;
  }

  private end(row: number, reason: number): void {
    this.table.remove(this.store.words[(row << ROW_WORD_SHIFT) + R_HASH]!, row);
    this.close(row, reason);
  }

  /** Ends the record in a row whose slot is, or is about to be, given up. */
  private close(row: number, reason: number): void {
    const { words, doubles } = this.store;
    const r = row << ROW_WORD_SHIFT;
    words[r + R_STATE] = (words[r + R_STATE]! & ~R_STATE_LIVE) | (reason << R_STATE_REASON_SHIFT);
    doubles[(row << ROW_DOUBLE_SHIFT) + D_END] = this.now[NOW_END]!;
    this.active--;
    this.endedBy[reason] = this.endedBy[reason]! + 1;
    this.ended.push(row);
  }

  /** The table is full: makes room for one flow. */
  private evict(): void {
    const row = this.oldest.find();
    const next = this.timeouts.earliest(row, D_STARTED, D_SEEN);
    if (this.timeouts.isOver(next, this.now[NOW_CLOCK]!)) this.endAtDeadline(row, next);
    else this.endNow(row, END_RESOURCES);
  }

  private takeRow(): number {
    const pastTick = (this.now[NOW_TICK]! - 1) | 0;
    const row = this.store.take(pastTick);
    if (row !== 0) return row;
    // More ended within one tick than there are spare rows: they leave in parts, each in order.
    this.leaveInOrder();
    return this.store.take(pastTick);
  }

  /**
   * Enters a flow in the wheel that sees a packet in the running tick and then waits as `quiet` says. By whole ticks, so
   * that the entry may come a tick before the deadline.
   */
  private enterWheel(row: number, quiet: number): void {
    this.wheel.enter(row, this.now[NOW_TICK]! | 0, this.quietTicks[quiet]!);
  }

  /** Enters a flow for the deadline found last by `timeouts.earliest`, which is not before the running tick. */
  private enterForDeadline(row: number): void {
    const tick = this.now[NOW_TICK]!;
    this.wheel.enter(row, tick | 0, this.ticksIn(this.timeouts.deadline[0]! - tick * TICK_US));
  }

  /** Empties the bucket of a tick that is over. */
  private sweep(over: number): void {
    const { wheel, entries } = this;
    const tick = over | 0;
    const overUs = (over + 1) * TICK_US;
    for (let taken = wheel.take(tick, entries); taken > 0; taken = wheel.take(tick, entries)) {
      this.endDue(addon().fetchEntered(this.table.slots, this.store.words, entries, taken, tick), overUs);
    }
  }

  /**
   * Ends the first `count` flows of `entries`, as far as they are due before `overUs`; the others enter anew. A function of its own, so
   * that V8 compiles it once, and not its middle as well.
   */
  private readonly endDue = (count: number, overUs: number): undefined => {
    const { entries, timeouts } = this;
    const { words } = this.store;
    for (let i = 0; i < count; i++) {
      const row = entries[i]!;
      if ((words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_LIVE) === 0) continue;
      const reason = timeouts.earliest(row, D_STARTED, D_SEEN);
      if (timeouts.deadline[0]! < overUs) this.endAtDeadline(row, reason);
      else this.enterForDeadline(row);
    }
  };

  /** Reads the rows and slots of flows about to make room, so that their cache misses overlap. */
  private readAhead(rows: Int32Array, from: number, to: number): void {
    addon().fetchFlows(this.table.slots, this.store.words, rows, from, to);
  }

  private leaveInOrder(): void {
    const { ended, store } = this;
    if (ended.count === 0) return;
    ended.sort();
    const { rows, count } = ended;
    this.leave(rows, count);
    store.give(rows, count);
    ended.count = 0;
  }
}
