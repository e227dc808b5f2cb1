import {
  P_HASH,
  P_INPUT,
  P_META,
  P_META_EGRESS,
  P_META_VERSION_MASK,
  P_OCTETS,
  P_PORTS,
  P_PROTO_TOS_FLAGS,
  P_TIME,
  PACKET_WORDS,
} from '../addon/packet-layout.ts';
import type { FlowBatch } from '../flow/batch.ts';
import { UserError } from '../flow/user-error.ts';
import { hashWithoutTos } from './hash.ts';
import {
  LiveFlows,
  NOW_CLOCK,
  NOW_NUMBER,
  NOW_TICK,
  NOW_TIME,
  SPARE_ROWS,
  TCP_FIN_RST,
  TICK_US,
} from './live-flows.ts';
import {
  D_FIRST,
  D_LAST,
  D_OCTETS,
  D_PACKETS,
  D_SEEN,
  D_STARTED,
  R_INPUT,
  R_PORTS,
  R_PROTO_TOS_FLAGS,
  R_STATE,
  R_STATE_FINISHED,
  R_STATE_LIVE,
  ROW_DOUBLE_SHIFT,
  ROW_WORD_SHIFT,
  RowStore,
} from './row.ts';
import { RowWriter } from './row-writer.ts';
import { END_ACTIVE, END_DETECTED, END_FORCED, type TimeoutOptions } from './timeouts.ts';

export interface FlowCacheOptions extends TimeoutOptions {
  /** Flows kept at once; beyond that the one longest idle leaves (end reason 5). At most 2^24. */
  maxFlows: number;
  /** Gets each batch as it is full, and the last one on `advance` and `flush`. Owns it from then on. */
  sink: (batch: FlowBatch) => void;
  /** Gives an empty batch. */
  acquire: () => FlowBatch;
  /** Gives zeroed memory that becomes real only as it is touched: all rows are asked for at once. */
  allocate: (bytes: number) => Uint8Array;
  /** Whether packets that differ in ToS alone are different flows. Default true. */
  tosInKey?: boolean;
  /** Seed of the hash that is used when ToS is not in the key. Never changes results. */
  hashSeed?: number;
  /** Records that may wait for the end of the second in which they ended. Default 65 536. */
  spareRows?: number;
}

export interface FlowCacheStats {
  packets: number;
  octets: number;
  /** Flows in the table now, and the most there ever were. */
  active: number;
  peak: number;
  created: number;
  /** Records ended, by end reason (IANA 136): index 1 idle ... 5 lack of resources. */
  endedBy: number[];
  /** Ended in the running second and not yet handed on. */
  waiting: number;
  /** Packets older than the clock, and those of them by the active timeout or more. */
  late: number;
  steppedBack: number;
  /** Packets whose time was no number or outside of 1970 to 2106; counted at the nearest time that is inside. */
  badTimes: number;
  /** Records whose octets or packets were cut down to 2^53 - 1. */
  saturated: number;
  slots: number;
  maxProbe: number;
  wheelEntries: number;
}

/** Packets handled at a time; 16 to 128 measured alike, 1 a third slower (docs/decisions/0041). */
const GROUP = 32;
const MAX_FLOWS = 1 << 24;
/**
 * What of the meta word is in the key: a packet that is seen on its way in and again on its way out of one interface
 * belongs to two flows.
 */
const META_KEY = P_META_VERSION_MASK | P_META_EGRESS;
/** Last microsecond of the last tick whose number has 32 bits. */
const MAX_TIME_US = 2 ** 32 * TICK_US - 1;

/** Indices of `FlowCache.counts`: doubles in class fields would be boxed, and change the shape of the class. */
const C_PACKETS = 0;
const C_OCTETS = 1;
const C_LATE = 2;
const C_STEPPED_BACK = 3;
const C_BAD_TIMES = 4;

const TCP_SYN_ACK = 0x12 << 16;
const TCP_SYN = 0x02 << 16;

/**
 * The flow cache: packets in, flows out. What leaves, and in which order, is a function of the packets alone (their
 * times, not when or in which portions they are handed over, and not their hashes); docs/decisions/0040 has the rules.
 *
 * Packets are handled in groups: a first pass reads the slots of all, a second their rows, and only the third compares
 * and counts, so that the cache misses of a group overlap instead of following one another.
 */
export class FlowCache {
  private readonly flows: LiveFlows;
  private readonly store: RowStore;
  private readonly writer: RowWriter;
  private readonly keyMask: number;
  private readonly tosInKey: boolean;
  private readonly hashSeed: number;
  private readonly hashes = new Int32Array(GROUP);
  private readonly candidates = new Int32Array(GROUP);
  /** Indexed by C_*. */
  private readonly counts = new Float64Array(5);

  /** Throws UserError for timeouts or a number of flows out of range. */
  constructor(options: FlowCacheOptions) {
    const { maxFlows, spareRows = SPARE_ROWS } = options;
    if (!(Number.isInteger(maxFlows) && maxFlows >= 1 && maxFlows <= MAX_FLOWS)) {
      throw new UserError(`maximum number of flows: ${maxFlows} is not a whole number from 1 to ${MAX_FLOWS}`);
    }
    this.store = new RowStore(maxFlows + spareRows, options.allocate);
    this.writer = new RowWriter(this.store, options.acquire, options.sink);
    this.flows = new LiveFlows(options, this.store, (rows, count) => this.writer.write(rows, count));
    this.tosInKey = options.tosInKey ?? true;
    this.hashSeed = options.hashSeed ?? 0;
    this.keyMask = this.tosInKey ? 0xffff : 0xff;
    this.forgetClock();
  }

  /**
   * Meters packets. `words` and `times` are views over the same memory, which holds `count` packet records as
   * src/addon/packet-layout.ts has them. Full batches go to the sink meanwhile.
   */
  addPackets(words: Uint32Array, times: Float64Array, count: number): void {
    const { flows, hashes, candidates, keyMask } = this;
    const rows = this.store.words;
    const doubles = this.store.doubles;
    const now = flows.now;
    const { activeUs, inactiveUs } = flows.timeouts;
    let clock = now[NOW_CLOCK]!;
    let tickEnd = (now[NOW_TICK]! + 1) * TICK_US;
    const packetsBefore = this.counts[C_PACKETS]!;
    let octets = 0;
    for (let start = 0; start < count; start += GROUP) {
      const size = Math.min(GROUP, count - start);
      this.readAhead(words, start, size);
      for (let i = 0; i < size; i++) {
        const packet = start + i;
        const p = packet << 4;
        let time = Math.floor(times[(packet << 3) + P_TIME / 2]!);
        if (time > clock) {
          if (time >= tickEnd) {
            now[NOW_TIME] = time;
            this.enterTick();
            time = now[NOW_TIME]!;
            tickEnd = (now[NOW_TICK]! + 1) * TICK_US;
          }
          clock = time;
          now[NOW_CLOCK] = time;
        } else if (time !== clock) {
          now[NOW_TIME] = time;
          this.takeLate();
          time = now[NOW_TIME]!;
          clock = now[NOW_CLOCK]!;
          tickEnd = (now[NOW_TICK]! + 1) * TICK_US;
        }

        const hash = hashes[i]!;
        const protoTosFlags = words[p + P_PROTO_TOS_FLAGS]!;
        const length = words[p + P_OCTETS]!;
        octets += length;
        let row = candidates[i]!;
        let r = row << ROW_WORD_SHIFT;
        // A candidate may have ended since it was read: then it is not live, or has another key.
        const metaKey = words[p + P_META]! & META_KEY;
        let differ =
          (rows[r + 3]! ^ words[p + 3]!) |
          (rows[r + 7]! ^ words[p + 7]!) |
          (rows[r + R_PORTS]! ^ words[p + P_PORTS]!) |
          ((rows[r + R_PROTO_TOS_FLAGS]! ^ protoTosFlags) & keyMask) |
          (rows[r + R_INPUT]! ^ words[p + P_INPUT]!) |
          ((rows[r + R_STATE]! & (META_KEY | R_STATE_LIVE)) ^ (metaKey | R_STATE_LIVE));
        // All IPv4 addresses are alike in their first three words.
        if ((metaKey & P_META_VERSION_MASK) !== 4) {
          differ |=
            (rows[r]! ^ words[p]!) |
            (rows[r + 1]! ^ words[p + 1]!) |
            (rows[r + 2]! ^ words[p + 2]!) |
            (rows[r + 4]! ^ words[p + 4]!) |
            (rows[r + 5]! ^ words[p + 5]!) |
            (rows[r + 6]! ^ words[p + 6]!);
        }
        if (differ !== 0) {
          row = this.find(words, p, hash);
          r = row << ROW_WORD_SHIFT;
        }
        const d = row << ROW_DOUBLE_SHIFT;
        if (
          row !== 0 &&
          (time - doubles[d + D_FIRST]! >= activeUs ||
            time - doubles[d + D_LAST]! > inactiveUs ||
            time !== clock ||
            (rows[r + R_STATE]! & R_STATE_FINISHED) !== 0)
        ) {
          now[NOW_TIME] = time;
          if (this.ends(row, protoTosFlags)) row = 0;
        }
        if (row === 0) {
          now[NOW_TIME] = time;
          now[NOW_NUMBER] = packetsBefore + packet;
          flows.open(words, p, hash);
          continue;
        }
        doubles[d + D_PACKETS] = doubles[d + D_PACKETS]! + 1;
        doubles[d + D_OCTETS] = doubles[d + D_OCTETS]! + length;
        if (time > doubles[d + D_LAST]!) doubles[d + D_LAST] = time;
        else if (time < doubles[d + D_FIRST]!) doubles[d + D_FIRST] = time;
        doubles[d + D_SEEN] = clock;
        rows[r + R_PROTO_TOS_FLAGS] = rows[r + R_PROTO_TOS_FLAGS]! | (protoTosFlags & 0xffff0000);
        if ((protoTosFlags & TCP_FIN_RST) !== 0 && (rows[r + R_STATE]! & R_STATE_FINISHED) === 0) flows.finish(row);
      }
    }
    this.count(C_PACKETS, count);
    this.count(C_OCTETS, octets);
  }

  /**
   * Moves the clock on without a packet, so that flows end on a silent line, and hands on the batch in the making. For
   * live capture, about once a second, with a time that no packet still on its way is older than. An earlier time
   * leaves the clock as it is.
   */
  advance(clockUs: number): void {
    const { now } = this.flows;
    if (clockUs > now[NOW_CLOCK]! && now[NOW_CLOCK]! >= 0) {
      now[NOW_TIME] = Math.floor(clockUs);
      if (now[NOW_TIME]! >= (now[NOW_TICK]! + 1) * TICK_US) this.enterTick();
      now[NOW_CLOCK] = now[NOW_TIME]!;
    }
    this.writer.handOver();
  }

  /**
   * Ends every flow (those that are due for their own reason, the rest with `reason`) and hands everything on. The
   * cache is as new afterwards, its clock included; counters stay.
   */
  flush(reason = END_FORCED): void {
    this.flows.flush(reason);
    this.writer.handOver();
    this.forgetClock();
  }

  stats(): FlowCacheStats {
    const { flows } = this;
    return {
      packets: this.counts[C_PACKETS]!,
      octets: this.counts[C_OCTETS]!,
      active: flows.active,
      peak: flows.peak,
      created: flows.opened,
      endedBy: [...flows.endedBy],
      waiting: flows.waiting,
      late: this.counts[C_LATE]!,
      steppedBack: this.counts[C_STEPPED_BACK]!,
      badTimes: this.counts[C_BAD_TIMES]!,
      saturated: this.writer.saturated,
      slots: flows.table.mask + 1,
      maxProbe: flows.table.maxProbe,
      wheelEntries: flows.wheel.entries,
    };
  }

  /** Passes one and two over a group: hashes, slots, and the rows that those name. */
  private readAhead(words: Uint32Array, start: number, size: number): void {
    const { hashes, candidates } = this;
    const { slots, mask } = this.flows.table;
    const rows = this.store.words;
    let touched = 0;
    if (this.tosInKey) {
      for (let i = 0; i < size; i++) {
        const hash = words[(start + i) * PACKET_WORDS + P_HASH]! | 0;
        hashes[i] = hash;
        touched ^= slots[(hash & mask) << 1]!;
      }
    } else {
      for (let i = 0; i < size; i++) {
        const hash = hashWithoutTos(words, (start + i) * PACKET_WORDS, this.hashSeed);
        hashes[i] = hash;
        touched ^= slots[(hash & mask) << 1]!;
      }
    }
    for (let i = 0; i < size; i++) {
      const hash = hashes[i]!;
      let at = hash & mask;
      let row = slots[(at << 1) + 1]!;
      while (slots[at << 1] !== hash && row !== 0) {
        at = (at + 1) & mask;
        row = slots[(at << 1) + 1]!;
      }
      candidates[i] = row;
      const r = row << ROW_WORD_SHIFT;
      touched ^= rows[r]! ^ rows[r + 16]!;
    }
    this.store.touched[0] = touched;
  }

  /** The live row with the key of the packet at word `p`, or 0. */
  private find(words: Uint32Array, p: number, hash: number): number {
    const { slots, mask } = this.flows.table;
    const rows = this.store.words;
    for (let at = hash & mask; ; at = (at + 1) & mask) {
      const row = slots[(at << 1) + 1]!;
      if (row === 0) return 0;
      if (slots[at << 1] !== hash) continue;
      const r = row << ROW_WORD_SHIFT;
      let differ = (rows[r + R_PROTO_TOS_FLAGS]! ^ words[p + P_PROTO_TOS_FLAGS]!) & this.keyMask;
      for (let i = 0; i <= R_PORTS; i++) differ |= rows[r + i]! ^ words[p + i]!;
      differ |= rows[r + R_INPUT]! ^ words[p + P_INPUT]!;
      differ |= (rows[r + R_STATE]! ^ words[p + P_META]!) & META_KEY;
      if (differ === 0) return row;
    }
  }

  /** Ends the flow of the packet in hand if the packet cannot join it; returns whether. */
  private ends(row: number, protoTosFlags: number): boolean {
    const { flows } = this;
    const { now, timeouts } = flows;
    let reason = timeouts.earliest(row, D_STARTED, D_SEEN);
    if (timeouts.isOver(reason, now[NOW_CLOCK]!)) {
      flows.endAtDeadline(row, reason);
      return true;
    }
    // From here on only for packets while or after time stepped back: the flow's own times, not the clock's.
    reason = timeouts.earliest(row, D_FIRST, D_LAST);
    const { doubles, words } = this.store;
    if (timeouts.isOver(reason, now[NOW_TIME]!)) {
      flows.endNow(row, reason);
      return true;
    }
    if (doubles[(row << ROW_DOUBLE_SHIFT) + D_LAST]! - now[NOW_TIME]! >= timeouts.activeUs) {
      flows.endNow(row, END_ACTIVE);
      return true;
    }
    const isFinished = (words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_FINISHED) !== 0;
    if (isFinished && (protoTosFlags & TCP_SYN_ACK) === TCP_SYN) {
      flows.endNow(row, END_DETECTED);
      return true;
    }
    return false;
  }

  /** Takes the clock to the tick of NOW_TIME, which is brought into range first. */
  private enterTick(): void {
    const { now } = this.flows;
    if (now[NOW_TIME]! > MAX_TIME_US || now[NOW_TIME]! < 0) {
      this.count(C_BAD_TIMES, 1);
      now[NOW_TIME] = now[NOW_TIME]! < 0 ? 0 : MAX_TIME_US;
    }
    this.flows.enterTick(Math.floor(now[NOW_TIME]! / TICK_US));
  }

  /** Counts a packet from before the clock; brings its time into range. */
  private takeLate(): void {
    const { now, timeouts } = this.flows;
    if (!(now[NOW_TIME]! >= 0)) {
      this.count(C_BAD_TIMES, 1);
      now[NOW_TIME] = Number.isNaN(now[NOW_TIME]!) ? Math.max(now[NOW_CLOCK]!, 0) : 0;
      if (now[NOW_CLOCK]! < 0) {
        this.enterTick();
        now[NOW_CLOCK] = now[NOW_TIME]!;
      }
    }
    if (now[NOW_TIME]! === now[NOW_CLOCK]!) return;
    this.count(C_LATE, 1);
    if (now[NOW_CLOCK]! - now[NOW_TIME]! >= timeouts.activeUs) this.count(C_STEPPED_BACK, 1);
  }

  private count(which: number, by: number): void {
    this.counts[which] = this.counts[which]! + by;
  }

  private forgetClock(): void {
    const { now } = this.flows;
    now[NOW_CLOCK] = Number.NEGATIVE_INFINITY;
    now[NOW_TICK] = Number.NEGATIVE_INFINITY;
  }
}
