import {
  P_INPUT,
  P_META,
  P_META_VERSION_MASK,
  P_OCTETS,
  P_PORTS,
  P_PROTO_TOS_FLAGS,
  P_TIME,
  PACKET_WORDS,
} from '../addon/packet-layout.ts';
import { RUN_OCTETS, RUN_REST_FLAGS, RUN_REST_MASK, RUN_SPAN, RUN_WORDS } from '../addon/packet-run-layout.ts';
import type { BiflowRows } from './biflow-rows.ts';
import { fixedDoubles } from './fixed-doubles.ts';
import { endsBefore } from './flow-endings.ts';
import { type LiveFlows, NOW_CLOCK, NOW_NUMBER, NOW_TICK, NOW_TIME, TCP_FIN_RST, TICK_US } from './live-flows.ts';
import type { PacketClock } from './packet-clock.ts';
import {
  D_FIRST,
  D_LAST,
  D_OCTETS,
  D_PACKETS,
  D_SEEN,
  R_INPUT,
  R_PORTS,
  R_PROTO_TOS_FLAGS,
  R_STATE,
  R_STATE_FINISHED,
  R_STATE_LIVE,
  ROW_DOUBLE_SHIFT,
  ROW_WORD_SHIFT,
} from './row.ts';
import { META_KEY, PROTO_TOS_MASK, type RowFinder } from './row-finder.ts';
import { addOneByOne, firstOfRun } from './run-rest.ts';

/** Indices of `PacketAdder.counts`. */
export const C_PACKETS = 0;
export const C_OCTETS = 1;

const FLAGS = 0xffff_0000;

/** Packets as they are handed over. */
export interface PacketRecords {
  /** Packet records and their times, as src/addon/packet-layout.ts has them: views over the same memory. */
  readonly words: Uint32Array;
  readonly times: Float64Array;
  readonly extensions: Uint32Array | undefined;
  /** Number of each packet among all, where they do not follow one another. */
  readonly numbers: Float64Array | undefined;
  /** As src/addon/packet-run-layout.ts has them: then records are of first packets only. */
  readonly runs: Uint32Array | undefined;
}

/**
 * What a packet does to the flows: it begins one, is counted in one, ends one. What is done with nearly every packet is an arrow
 * function: of those V8 compiles in what does not change while there is one such object, as there is in each thread of a
 * running weir (docs/decisions/0284).
 */
export class PacketAdder {
  /** Indexed by C_*: doubles in class fields would be boxed. */
  readonly counts = fixedDoubles(2);
  private readonly flows: LiveFlows;
  private readonly clock: PacketClock;
  private readonly finder: RowFinder;
  private readonly biflows: BiflowRows | undefined;

  constructor(flows: LiveFlows, clock: PacketClock, finder: RowFinder, biflows: BiflowRows | undefined) {
    this.flows = flows;
    this.clock = clock;
    this.finder = finder;
    this.biflows = biflows;
  }

  /**
   * Meters `size` packets from number `start` on, which the finder has read ahead. One group in one call, so that what V8 has compiled
   * in the meantime is taken up with the next one: a loop over all packets would be compiled once more, for its middle.
   */
  readonly addGroup = (packets: PacketRecords, start: number, size: number): undefined => {
    const { flows, finder, counts } = this;
    const { candidates } = finder;
    const { words: rows, doubles } = flows.store;
    const { now } = flows;
    const { activeUs, shortestIdleUs } = flows.timeouts;
    const { words, times, runs } = packets;
    const keepsMore = finder.extras !== undefined || this.biflows !== undefined;
    let clock = now[NOW_CLOCK]!;
    let tickEnd = (now[NOW_TICK]! + 1) * TICK_US;
    let octets = counts[C_OCTETS]!;
    for (let i = 0; i < size; i++) {
      const packet = start + i;
      // Words of a record are `p | n`, not `p + n`: a sum that might overflow has to be looked at.
      const p = packet * PACKET_WORDS;
      let time = Math.floor(times[(p | P_TIME) >> 1]!);
      if (time > clock) {
        if (time >= tickEnd) {
          now[NOW_TIME] = time;
          this.clock.enterTick();
          time = now[NOW_TIME]!;
          tickEnd = (now[NOW_TICK]! + 1) * TICK_US;
        }
        clock = time;
        now[NOW_CLOCK] = time;
      } else if (time !== clock) {
        now[NOW_TIME] = time;
        this.clock.takeLate();
        time = now[NOW_TIME]!;
        clock = now[NOW_CLOCK]!;
        tickEnd = (now[NOW_TICK]! + 1) * TICK_US;
      }

      const protoTosFlags = words[p | P_PROTO_TOS_FLAGS]!;
      let row = candidates[i]!;
      const r = row << ROW_WORD_SHIFT;
      // A candidate may have ended since it was read: then it is not live, or has another key.
      const metaKey = words[p | P_META]! & META_KEY;
      let differ =
        (rows[r + 3]! ^ words[p | 3]!) |
        (rows[r + 7]! ^ words[p | 7]!) |
        (rows[r + R_PORTS]! ^ words[p | P_PORTS]!) |
        ((rows[r + R_PROTO_TOS_FLAGS]! ^ protoTosFlags) & PROTO_TOS_MASK) |
        (rows[r + R_INPUT]! ^ words[p | P_INPUT]!) |
        ((rows[r + R_STATE]! & (META_KEY | R_STATE_LIVE)) ^ (metaKey | R_STATE_LIVE));
      // All IPv4 addresses are alike in their first three words.
      if ((metaKey & P_META_VERSION_MASK) !== 4) {
        differ |=
          (rows[r]! ^ words[p]!) |
          (rows[r + 1]! ^ words[p | 1]!) |
          (rows[r + 2]! ^ words[p | 2]!) |
          (rows[r + 4]! ^ words[p | 4]!) |
          (rows[r + 5]! ^ words[p | 5]!) |
          (rows[r + 6]! ^ words[p | 6]!);
      }
      if (differ !== 0) row = finder.find(words, packet);

      let count = 1;
      let sum = words[p | P_OCTETS]!;
      let flags = protoTosFlags & FLAGS;
      let span = 0;
      if (runs !== undefined) {
        const run = (packet + 1) * RUN_WORDS;
        const rest = runs[run | RUN_REST_FLAGS]!;
        count += rest & RUN_REST_MASK;
        sum += runs[run | RUN_OCTETS]!;
        flags |= rest & FLAGS;
        span = runs[run | RUN_SPAN]!;
      }
      octets += sum;
      if (row === 0) {
        now[NOW_TIME] = time;
        this.begin(packets, packet, i);
        continue;
      }
      const d = row << ROW_DOUBLE_SHIFT;
      const state = (row << ROW_WORD_SHIFT) + R_STATE;
      const last = time + span;
      if (
        last - doubles[d + D_FIRST]! >= activeUs ||
        time - doubles[d + D_LAST]! > shortestIdleUs ||
        span > shortestIdleUs ||
        time !== clock ||
        (rows[state]! & R_STATE_FINISHED) !== 0
      ) {
        now[NOW_TIME] = time;
        this.addWithCare(row, packets, packet, i);
        continue;
      }
      if (keepsMore) {
        now[NOW_TIME] = time;
        this.addMore(row, packets, packet, i);
      }
      doubles[d + D_PACKETS] = doubles[d + D_PACKETS]! + count;
      doubles[d + D_OCTETS] = doubles[d + D_OCTETS]! + sum;
      doubles[d + D_LAST] = last;
      doubles[d + D_SEEN] = last;
      const at = (row << ROW_WORD_SHIFT) + R_PROTO_TOS_FLAGS;
      rows[at] = rows[at]! | flags;
      if ((protoTosFlags & TCP_FIN_RST) !== 0) flows.finish(row, protoTosFlags);
    }
    counts[C_OCTETS] = octets;
  };

  /** Begins a flow with a packet, and with what comes with it in its run. */
  private begin(packets: PacketRecords, packet: number, i: number): void {
    const { flows, finder, biflows } = this;
    const { now } = flows;
    const { words, numbers, runs, extensions } = packets;
    const p = packet * PACKET_WORDS;
    const before = this.counts[C_PACKETS]!;
    if (runs !== undefined) now[NOW_NUMBER] = before + firstOfRun(runs, packet);
    else now[NOW_NUMBER] = numbers === undefined ? before + packet : numbers[packet]!;
    const row = flows.open(words, p);
    if (row === 0) return;
    if (runs !== undefined) {
      this.addRest(row, packets, packet);
      return;
    }
    finder.extras?.open(row, words, extensions, packet);
    biflows?.open(row, i, words[p | P_PROTO_TOS_FLAGS]!, words[p | P_OCTETS]!, now);
  }

  /**
   * Adds a packet, and what comes with it in its run, to the flow in `row` if it may still join that: one of the flow's deadlines may
   * have come in between, or time has stepped back. Else the flow ends and another begins.
   */
  private addWithCare(row: number, packets: PacketRecords, packet: number, i: number): void {
    const { flows } = this;
    const { now } = flows;
    const { words: rows, doubles } = flows.store;
    const p = packet * PACKET_WORDS;
    const protoTosFlags = packets.words[p | P_PROTO_TOS_FLAGS]!;
    if (endsBefore(flows, row, protoTosFlags)) {
      this.begin(packets, packet, i);
      return;
    }
    this.addMore(row, packets, packet, i);
    const d = row << ROW_DOUBLE_SHIFT;
    const time = now[NOW_TIME]!;
    doubles[d + D_PACKETS] = doubles[d + D_PACKETS]! + 1;
    doubles[d + D_OCTETS] = doubles[d + D_OCTETS]! + packets.words[p | P_OCTETS]!;
    if (time > doubles[d + D_LAST]!) doubles[d + D_LAST] = time;
    else if (time < doubles[d + D_FIRST]!) doubles[d + D_FIRST] = time;
    doubles[d + D_SEEN] = now[NOW_CLOCK]!;
    const at = (row << ROW_WORD_SHIFT) + R_PROTO_TOS_FLAGS;
    rows[at] = rows[at]! | (protoTosFlags & FLAGS);
    if ((protoTosFlags & TCP_FIN_RST) !== 0) flows.finish(row, protoTosFlags);
    this.addRest(row, packets, packet);
  }

  /** Adds what comes with a packet in its run to the flow in `row`, which has the packet, if it has any. */
  private addRest(row: number, packets: PacketRecords, packet: number): void {
    const { runs, words, times } = packets;
    if (runs === undefined) return;
    const run = (packet + 1) * RUN_WORDS;
    const rest = runs[run | RUN_REST_FLAGS]!;
    if (rest === 0) return;
    const { flows } = this;
    const { activeUs, shortestIdleUs } = flows.timeouts;
    const { words: rows, doubles } = flows.store;
    const d = row << ROW_DOUBLE_SHIFT;
    const r = row << ROW_WORD_SHIFT;
    const span = runs[run | RUN_SPAN]!;
    const last = flows.now[NOW_TIME]! + span;
    if (
      span > shortestIdleUs ||
      last - doubles[d + D_FIRST]! >= activeUs ||
      (rows[r + R_STATE]! & R_STATE_FINISHED) !== 0
    ) {
      addOneByOne(flows, row, runs, packet, words, times, this.counts[C_PACKETS]!);
      return;
    }
    doubles[d + D_PACKETS] = doubles[d + D_PACKETS]! + (rest & RUN_REST_MASK);
    doubles[d + D_OCTETS] = doubles[d + D_OCTETS]! + runs[run | RUN_OCTETS]!;
    doubles[d + D_LAST] = last;
    doubles[d + D_SEEN] = last;
    rows[r + R_PROTO_TOS_FLAGS] = rows[r + R_PROTO_TOS_FLAGS]! | (rest & FLAGS);
  }

  /** Adds packet `i` of a group to what is kept beyond rows: to its way of a biflow, whose further columns are the initiator's. */
  private addMore(row: number, packets: PacketRecords, packet: number, i: number): void {
    const { finder, biflows } = this;
    const { extras } = finder;
    const { now } = this.flows;
    const { words, extensions } = packets;
    if (biflows === undefined) {
      extras?.update(row, words, extensions, packet, now);
      return;
    }
    const p = packet * PACKET_WORDS;
    const hadForward = biflows.hasForward(row);
    const isForward = biflows.update(row, i, words[p | P_PROTO_TOS_FLAGS]!, words[p | P_OCTETS]!, now);
    if (isForward && !hadForward) extras?.open(row, words, extensions, packet);
    else if (isForward || !hadForward) extras?.update(row, words, extensions, packet, now);
  }
}
