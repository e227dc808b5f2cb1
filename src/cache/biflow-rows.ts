import { P_META_DIRECTION_KNOWN, P_META_EGRESS } from '../addon/packet-layout.ts';
import type { FlowBatch } from '../flow/batch.ts';
import { isIcmp, PROTO_TCP } from '../flow/ip-protocols.ts';
import { TWO_32 } from '../flow/u64.ts';
import { type BiflowSides, SIDE_ANSWERS, SIDE_ASKS, SIDE_SWAPPED } from './biflow-sides.ts';
import { flowColumns } from './flow-columns.ts';
import { NOW_TIME } from './live-flows.ts';
import {
  D_OCTETS,
  D_PACKETS,
  R_PORTS,
  R_PROTO_TOS_FLAGS,
  ROW_DOUBLE_SHIFT,
  ROW_WORD_SHIFT,
  type RowStore,
} from './row.ts';

/** Bytes of a row: its doubles, then its words. */
const ROW_BYTES = 64;
const DOUBLE_SHIFT = 3;
const WORD_SHIFT = 4;
/** Doubles: what the other way had, and both ways' times in microseconds. The flow's own row has the sum of both ways. */
const B_PACKETS = 0;
const B_OCTETS = 1;
const B_FORWARD_FIRST = 2;
const B_FORWARD_LAST = 3;
const B_REVERSE_FIRST = 4;
const B_REVERSE_LAST = 5;
/** A first time before there is a packet. */
const NEVER = -1;
/** Words: TCP flags forward | reverse << 16; type of service forward | reverse << 8 | the initiator's side << 16. */
const B_FLAGS = 12;
const B_TOS_SIDE = 13;
const SIDE_SHIFT = 16;
/** Beside the side: direction of the first packet, and whether it, or a later one, tells who began. */
const INITIATOR_SWAPPED = SIDE_SWAPPED << SIDE_SHIFT;
const INITIATOR_KNOWN = SIDE_ASKS << SIDE_SHIFT;
const KNOWN_DIRECTION = P_META_DIRECTION_KNOWN << SIDE_SHIFT;
const EGRESS = P_META_EGRESS << SIDE_SHIFT;

/** biflowDirection, IANA element 239 (RFC 5103 section 6.3): the source began. Not told of flows of one way. */
const INITIATOR = 1;

/** What an ICMP answer has for a type, by that of the request; those of version 6 from 128 on. */
const answerOf = (request: number): number => (request === 8 ? 0 : request + 1);

/**
 * What a biflow has beyond a flow: the other way's share of its packets, octets, flags and times. Stands at the number of
 * the flow's row; forward is the way of the initiator.
 */
export class BiflowRows {
  private readonly doubles: Float64Array;
  readonly words: Int32Array;
  readonly rowWords = ROW_BYTES / 4;
  private readonly store: RowStore;
  private readonly sides: BiflowSides;
  /** Times go on below the millisecond (`firstNs`, `lastNs`). */
  isFine = false;

  constructor(store: RowStore, sides: BiflowSides, allocate: (bytes: number) => Uint8Array) {
    const memory = allocate((store.capacity + 1) * ROW_BYTES);
    this.doubles = new Float64Array(memory.buffer, memory.byteOffset, (store.capacity + 1) << DOUBLE_SHIFT);
    this.words = new Int32Array(memory.buffer, memory.byteOffset, (store.capacity + 1) << WORD_SHIFT);
    this.store = store;
    this.sides = sides;
  }

  /** Begins with packet `i` of the group: it is the initiator's, unless it answers. */
  open(row: number, i: number, flags: number, octets: number, now: Float64Array): void {
    const side = this.sides.sides[i]!;
    const answers = (side & SIDE_ANSWERS) !== 0;
    const d = row << DOUBLE_SHIFT;
    const w = row << WORD_SHIFT;
    this.doubles[d + B_PACKETS] = 0;
    this.doubles[d + B_OCTETS] = 0;
    this.doubles[d + B_FORWARD_FIRST] = NEVER;
    this.doubles[d + B_REVERSE_FIRST] = NEVER;
    this.words[w + B_FLAGS] = 0;
    // The direction is the initiator's: an answer goes the other way.
    const known = answers ? side ^ (SIDE_SWAPPED | P_META_EGRESS | SIDE_ASKS | SIDE_ANSWERS) : side;
    this.words[w + B_TOS_SIDE] = known << SIDE_SHIFT;
    this.count(row, i, flags, octets, now, !answers);
  }

  /**
   * Adds packet `i` of the group to the flow in `row`, which does not count it yet. Gives whether it goes the initiator's
   * way.
   */
  update(row: number, i: number, flags: number, octets: number, now: Float64Array): boolean {
    const side = this.sides.sides[i]!;
    const at = (row << WORD_SHIFT) + B_TOS_SIDE;
    const isForward = ((this.words[at]! >>> SIDE_SHIFT) & SIDE_SWAPPED) === (side & SIDE_SWAPPED);
    if ((side & SIDE_ASKS) !== 0 && isForward) this.words[at] = this.words[at]! | INITIATOR_KNOWN;
    this.count(row, i, flags, octets, now, isForward);
    return isForward;
  }

  /** Whether the flow in `row` has packets of the initiator. */
  hasForward(row: number): boolean {
    return (
      this.store.doubles[(row << ROW_DOUBLE_SHIFT) + D_PACKETS]! > this.doubles[(row << DOUBLE_SHIFT) + B_PACKETS]!
    );
  }

  private count(row: number, i: number, flags: number, octets: number, now: Float64Array, isForward: boolean): void {
    const { doubles, words } = this;
    const d = row << DOUBLE_SHIFT;
    const w = row << WORD_SHIFT;
    const time = now[NOW_TIME]!;
    const first = d + (isForward ? B_FORWARD_FIRST : B_REVERSE_FIRST);
    if (!isForward) {
      doubles[d + B_PACKETS] = doubles[d + B_PACKETS]! + 1;
      doubles[d + B_OCTETS] = doubles[d + B_OCTETS]! + octets;
    }
    const shift = isForward ? 0 : 16;
    words[w + B_FLAGS] = words[w + B_FLAGS]! | ((flags >>> 16) << shift);
    if (doubles[first] === NEVER) {
      doubles[first] = time;
      doubles[first + 1] = time;
      words[w + B_TOS_SIDE] = words[w + B_TOS_SIDE]! | (this.sides.tos[i]! << (isForward ? 0 : 8));
    } else if (time > doubles[first + 1]!) doubles[first + 1] = time;
    else if (time < doubles[first]!) doubles[first] = time;
  }

  /** Turns the sums in rows `at` and on of a batch, written of `rows[start]` to `rows[end - 1]`, into two ways. */
  fill(batch: FlowBatch, rows: Int32Array, start: number, end: number, at: number): void {
    const columns = biflowColumns(batch);
    let direction: Uint8Array | undefined = batch.get('direction');
    let outIf: Uint32Array | undefined = batch.get('outIf');
    for (let i = start; i < end; i++) {
      const target = at + i - start;
      const row = rows[i]!;
      this.fillRow(columns, row, target);
      if (this.isFine) this.fillNanoseconds(batch, row, target);
      const side = this.words[(row << WORD_SHIFT) + B_TOS_SIDE]!;
      if ((side & KNOWN_DIRECTION) === 0) continue;
      direction ??= batch.use('direction');
      const isEgress = ((side & EGRESS) !== 0) === this.hasForward(row);
      direction[target] = isEgress ? 1 : 0;
      if (isEgress) {
        outIf ??= batch.use('outIf');
        outIf[target] = columns.inIf[target]!;
        columns.inIf[target] = 0;
      }
    }
  }

  private fillNanoseconds(batch: FlowBatch, row: number, at: number): void {
    const first = (row << DOUBLE_SHIFT) + (this.hasForward(row) ? B_FORWARD_FIRST : B_REVERSE_FIRST);
    batch.use('firstNs')[at] = (this.doubles[first]! % 1000) * 1000;
    batch.use('lastNs')[at] = (this.doubles[first + 1]! % 1000) * 1000;
  }

  private fillRow(columns: BiflowColumns, row: number, at: number): void {
    const { doubles, words, store } = this;
    const d = row << DOUBLE_SHIFT;
    const w = row << WORD_SHIFT;
    const r = row << ROW_WORD_SHIFT;
    const own = row << ROW_DOUBLE_SHIFT;
    const pair = at << 1;
    const flags = words[w + B_FLAGS]!;
    const tosSide = words[w + B_TOS_SIDE]!;
    const proto = store.words[r + R_PROTO_TOS_FLAGS]! & 0xff;
    const hasForward = this.hasForward(row);
    const isSwapped = ((tosSide & INITIATOR_SWAPPED) !== 0) === hasForward;
    if (isSwapped) swapEnds(columns, at, proto);
    if (!hasForward) {
      // Answers alone: a flow of one way, that of the answers.
      const type = store.words[r + R_PORTS]! >>> 24;
      if (type !== 0 && isIcmp(proto)) {
        columns.dstPort[at] = (columns.dstPort[at]! & 0xff) | (answerOf(type) << 8);
      }
      columns.tcpFlags[at] = flags >>> 16;
      columns.tos[at] = tosSide >>> 8;
      return;
    }
    const packets = doubles[d + B_PACKETS]!;
    const octets = doubles[d + B_OCTETS]!;
    put(columns.packets, pair, store.doubles[own + D_PACKETS]! - packets);
    put(columns.octets, pair, store.doubles[own + D_OCTETS]! - octets);
    put(columns.outPackets, pair, packets);
    put(columns.outOctets, pair, octets);
    columns.tcpFlags[at] = flags;
    columns.reverseTcpFlags[at] = flags >>> 16;
    columns.tos[at] = tosSide;
    columns.reverseTos[at] = tosSide >>> 8;
    columns.firstMs[at] = Math.floor(doubles[d + B_FORWARD_FIRST]! / 1000);
    columns.lastMs[at] = Math.floor(doubles[d + B_FORWARD_LAST]! / 1000);
    if (packets > 0) {
      const isKnown = proto !== PROTO_TCP || (tosSide & INITIATOR_KNOWN) !== 0;
      if (isKnown) columns.biflowDirection[at] = INITIATOR;
      columns.reverseFirstMs[at] = Math.floor(doubles[d + B_REVERSE_FIRST]! / 1000);
      columns.reverseLastMs[at] = Math.floor(doubles[d + B_REVERSE_LAST]! / 1000);
    }
  }
}

type BiflowColumns = ReturnType<typeof biflowColumns>;

function biflowColumns(batch: FlowBatch) {
  return {
    ...flowColumns(batch),
    outPackets: batch.use('outPackets'),
    outOctets: batch.use('outOctets'),
    reverseTcpFlags: batch.use('reverseTcpFlags'),
    reverseTos: batch.use('reverseTos'),
    reverseFirstMs: batch.use('reverseFirstMs'),
    reverseLastMs: batch.use('reverseLastMs'),
    biflowDirection: batch.use('biflowDirection'),
  };
}

function swapEnds(columns: BiflowColumns, at: number, proto: number): void {
  const pair = at << 1;
  for (let word = pair; word < pair + 2; word++) {
    swap(columns.srcAddrHi, columns.dstAddrHi, word);
    swap(columns.srcAddrLo, columns.dstAddrLo, word);
  }
  // The type of ICMP stands for the destination's port whichever way it goes.
  if (!isIcmp(proto)) swap(columns.srcPort, columns.dstPort, at);
}

function swap<T extends Uint16Array | Uint32Array>(a: T, b: T, at: number): void {
  const value = a[at]!;
  a[at] = b[at]!;
  b[at] = value;
}

/** A counter beyond 2^53, which `RowWriter` has counted, is cut down to that. */
function put(column: Uint32Array, pair: number, value: number): void {
  const most = Math.min(value, Number.MAX_SAFE_INTEGER);
  column[pair] = most;
  column[pair + 1] = most / TWO_32;
}
