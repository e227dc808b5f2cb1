/** Packets of a run (src/addon/packet-run-layout.ts) behind its first, which the flow cache has found the flow of. */
import { addon } from '../addon/addon.ts';
import { P_META, P_OCTETS, P_PROTO_TOS_FLAGS, P_TIME, PACKET_WORDS } from '../addon/packet-layout.ts';
import {
  HEAD_LAST_MICROS,
  HEAD_LAST_SECONDS,
  HEAD_RUNS,
  REST_BEFORE_RUN,
  REST_LATER_BITS,
  REST_LATER_FLAGS,
  REST_META,
  REST_OCTETS,
  RUN_ENDS,
  RUN_REST_FLAGS,
  RUN_REST_MASK,
  RUN_WORDS,
} from '../addon/packet-run-layout.ts';
import { endsBefore } from './flow-endings.ts';
import { type LiveFlows, NOW_CLOCK, NOW_NUMBER, NOW_TIME, TICK_US } from './live-flows.ts';
import { D_LAST, D_OCTETS, D_PACKETS, D_SEEN, R_PROTO_TOS_FLAGS, ROW_DOUBLE_SHIFT, ROW_WORD_SHIFT } from './row.ts';

/** Number of a packet, where a word has two of them. */
const NUMBER = 0xffff;
const LATER = (1 << REST_LATER_BITS) - 1;

/**
 * The runs of a slot of `count` packets if they may be added. If not, there are none any more, and each packet has its record
 * in `words` again. `keepsSumsOnly`: nothing of a packet is kept but its key and its part in sums.
 */
export function runsToAdd(
  flows: LiveFlows,
  words: Uint32Array,
  times: Float64Array,
  count: number,
  runs: Uint32Array | undefined,
  keepsSumsOnly: boolean,
): Uint32Array | undefined {
  if (runs === undefined || runs[HEAD_RUNS] === 0) return undefined;
  if (keepsSumsOnly && mayAddRuns(flows, times, count)) return runs;
  addon().unfoldPackets(bytesOf(words), bytesOf(runs), count);
  return undefined;
}

/**
 * Whether runs give what their packets one by one would: not while a flow may have to make room for one that is opened
 * meanwhile, nor for packets from before the clock.
 */
function mayAddRuns(flows: LiveFlows, times: Float64Array, count: number): boolean {
  return (
    times[P_TIME / 2]! >= flows.now[NOW_CLOCK]! &&
    flows.active + count <= flows.maxFlows &&
    flows.active + flows.waiting + count <= flows.store.capacity
  );
}

/** Number in the slot of the first packet of run number `run`. */
export function firstOfRun(runs: Uint32Array, run: number): number {
  return runs[(run + 1) * RUN_WORDS + RUN_ENDS]! & NUMBER;
}

/** Time of the last packet of a slot with runs, microseconds. */
export function timeOfLast(runs: Uint32Array): number {
  return runs[HEAD_LAST_SECONDS]! * TICK_US + runs[HEAD_LAST_MICROS]!;
}

/**
 * Adds the packets of run number `run` behind its first, whose flow is in `row`; at the end the clock is what it was.
 * `packetsBefore` is how many packets came before those of the slot.
 */
export function addOneByOne(
  flows: LiveFlows,
  row: number,
  runs: Uint32Array,
  run: number,
  words: Uint32Array,
  times: Float64Array,
  packetsBefore: number,
): void {
  const { now } = flows;
  const { words: rows, doubles } = flows.store;
  const restsAt = (words.length / PACKET_WORDS + 1) * RUN_WORDS;
  const clock = now[NOW_CLOCK]!;
  const first = run * PACKET_WORDS;
  const firstTime = times[(first + P_TIME) >> 1]!;
  const packets = packetsBehindFirst(runs, run, restsAt);
  for (let i = packets.length - 1; i >= 0; i--) {
    const packet = packets[i]!;
    const rest = restsAt + packet * RUN_WORDS;
    const laterFlags = runs[rest + REST_LATER_FLAGS]!;
    const time = firstTime + (laterFlags & LATER);
    const flags = (laterFlags >>> REST_LATER_BITS) << 16;
    const octets = runs[rest + REST_OCTETS]!;
    now[NOW_CLOCK] = time;
    now[NOW_TIME] = time;
    if (endsBefore(flows, row, flags)) {
      const record = words.slice(first, first + PACKET_WORDS);
      record[P_PROTO_TOS_FLAGS] = (record[P_PROTO_TOS_FLAGS]! & 0xffff) | flags;
      record[P_OCTETS] = octets;
      record[P_META] = runs[rest + REST_META]!;
      now[NOW_NUMBER] = packetsBefore + packet;
      row = flows.open(record, 0);
      continue;
    }
    const d = row << ROW_DOUBLE_SHIFT;
    doubles[d + D_PACKETS] = doubles[d + D_PACKETS]! + 1;
    doubles[d + D_OCTETS] = doubles[d + D_OCTETS]! + octets;
    doubles[d + D_LAST] = time;
    doubles[d + D_SEEN] = time;
    const r = row << ROW_WORD_SHIFT;
    rows[r + R_PROTO_TOS_FLAGS] = rows[r + R_PROTO_TOS_FLAGS]! | flags;
  }
  now[NOW_CLOCK] = clock;
}

/** Numbers in the slot of the packets of a run behind its first, the last packet first. */
function packetsBehindFirst(runs: Uint32Array, run: number, restsAt: number): Int32Array {
  const at = (run + 1) * RUN_WORDS;
  const packets = new Int32Array(runs[at + RUN_REST_FLAGS]! & RUN_REST_MASK);
  let packet = runs[at + RUN_ENDS]! >>> 16;
  for (let i = 0; i < packets.length; i++) {
    packets[i] = packet;
    packet = runs[restsAt + packet * RUN_WORDS + REST_BEFORE_RUN]! & NUMBER;
  }
  return packets;
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
