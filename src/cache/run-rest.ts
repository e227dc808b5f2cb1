/** Packets of a run (src/addon/packet-run-layout.ts) behind its first, which the flow cache has found the flow of. */
import { P_HASH, P_OCTETS, P_PROTO_TOS_FLAGS, P_TIME, PACKET_WORDS } from '../addon/packet-layout.ts';
import { RUN_FIRST, RUN_REST_FLAGS, RUN_REST_MASK, RUN_WORDS } from '../addon/packet-run-layout.ts';
import { endsBefore } from './flow-endings.ts';
import { type LiveFlows, NOW_CLOCK, NOW_NUMBER, NOW_TIME } from './live-flows.ts';
import { D_LAST, D_OCTETS, D_PACKETS, D_SEEN, R_PROTO_TOS_FLAGS, ROW_DOUBLE_SHIFT, ROW_WORD_SHIFT } from './row.ts';

/**
 * Whether runs give what their `count` packets one by one would: not while a flow may have to make room for one that is
 * opened meanwhile, nor for packets from before the clock. That only the key and sums of the packets are kept is for the
 * caller to know.
 */
export function mayAddRuns(flows: LiveFlows, runs: Uint32Array, times: Float64Array, count: number): boolean {
  return (
    runs[0]! > 0 &&
    times[P_TIME / 2]! >= flows.now[NOW_CLOCK]! &&
    flows.active + count <= flows.maxFlows &&
    flows.active + flows.waiting + count <= flows.store.capacity
  );
}

/**
 * Adds the packets of the run at word `run` of `runs` behind its first, whose flow is in `row`; at the end the clock is
 * what it was. `packetsBefore` is how many packets came before those of `words`.
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
  const links = (words.length / PACKET_WORDS + 1) * RUN_WORDS;
  const clock = now[NOW_CLOCK]!;
  let packet = runs[run + RUN_FIRST]!;
  for (let rest = runs[run + RUN_REST_FLAGS]! & RUN_REST_MASK; rest > 0; rest--) {
    packet = runs[links + packet]!;
    const p = packet * PACKET_WORDS;
    const protoTosFlags = words[p + P_PROTO_TOS_FLAGS]!;
    const time = times[(p + P_TIME) >> 1]!;
    now[NOW_CLOCK] = time;
    now[NOW_TIME] = time;
    if (endsBefore(flows, row, protoTosFlags)) {
      now[NOW_NUMBER] = packetsBefore + packet;
      row = flows.open(words, p, words[p + P_HASH]! | 0);
      continue;
    }
    const d = row << ROW_DOUBLE_SHIFT;
    doubles[d + D_PACKETS] = doubles[d + D_PACKETS]! + 1;
    doubles[d + D_OCTETS] = doubles[d + D_OCTETS]! + words[p + P_OCTETS]!;
    doubles[d + D_LAST] = time;
    doubles[d + D_SEEN] = time;
    const r = row << ROW_WORD_SHIFT;
    rows[r + R_PROTO_TOS_FLAGS] = rows[r + R_PROTO_TOS_FLAGS]! | (protoTosFlags & 0xffff0000);
  }
  now[NOW_CLOCK] = clock;
}
