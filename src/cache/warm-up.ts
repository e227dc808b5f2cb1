import { addon } from '../addon/addon.ts';
import { EXTENSION_WORDS } from '../addon/packet-extension-layout.ts';
import {
  P_DST,
  P_HASH,
  P_INPUT,
  P_META,
  P_OCTETS,
  P_PORTS,
  P_PROTO_TOS_FLAGS,
  P_SRC,
  P_TIME,
  PACKET_BYTES,
  PACKET_WORDS,
} from '../addon/packet-layout.ts';
import { PROTO_TCP, PROTO_UDP } from '../flow/ip-protocols.ts';
import type { FlowCache } from './flow-cache.ts';
import type { FlowCacheStats } from './flow-cache-options.ts';
import { TICK_US } from './live-flows.ts';

/** V8 takes no notes of a function before that has run for a while: one round is not enough. */
const ROUNDS = 4;
const SLOT_PACKETS = 256;
/** Enough of them at once for the table, the wheel and the lists of rows to grow. */
const BURST_FLOWS = 2080;
const START_US = 1_700_000_000 * TICK_US;

const SYN = 0x02 << 16;
const RST = 0x04 << 16;
const ACK = 0x10 << 16;
const FIN = 0x11 << 16;

/**
 * Has a cache meter made-up packets, in some ten milliseconds, so that V8 has seen every path before it compiles the code. Else it
 * compiles what it has seen, comes upon the next path, throws the code away and begins again (docs/decisions/0240). The cache itself,
 * since it is to be the only one (docs/decisions/0284); it must be new, and is so afterwards. Gives the statistics of that time.
 */
export function warmUp(cache: FlowCache): FlowCacheStats {
  const slot = new MadeUpSlot(cache);
  return cache.rehearse({ activeMs: 3000, inactiveMs: 2000, finLingerMs: 500 }, () => {
    for (let round = 0; round < ROUNDS; round++) {
      playConnections(slot);
      playRuns(slot, round);
      if (round === 1) playBurst(slot);
      if (round > 1) playEnd(slot);
      cache.flush();
    }
  });
}

/** Flows that end in every way, some of them with late packets, packets behind their end, or a new connection there. */
function playConnections(slot: MadeUpSlot): void {
  const flagsOfSteps = [
    [ACK, ACK, FIN],
    [ACK, ACK, ACK],
    [FIN, RST, ACK],
    [ACK, ACK, ACK],
    [SYN, ACK, SYN],
  ];
  flagsOfSteps.forEach((flags, step) => {
    for (let flow = 0; flow < 40; flow++) {
      if (flow % 7 === 0 && step % 2 === 1) continue;
      const isLate = flow % 11 === 5;
      slot.add(flow, flow % 2 === 0 ? PROTO_TCP | flags[flow % 3]! : PROTO_UDP, isLate ? -300 : 200 * (flow % 4));
    }
    slot.meter();
    slot.pass(step === 3 ? 2_600_000 : 450_000);
  });
}

/** Runs that are added at once, and such as are taken one by one because their flows are finished. */
function playRuns(slot: MadeUpSlot, round: number): void {
  const flows = Array.from({ length: 24 }, (_, i) => 100 + i);
  slot.pass(TICK_US - (slot.clockUs % TICK_US));
  for (const flow of flows) slot.addRun(flow, flow % 2 === 0 ? PROTO_TCP | ACK : PROTO_UDP, round % 3);
  slot.meter();
  for (const flow of flows) if (flow % 2 === 0) slot.add(flow, PROTO_TCP | FIN, 10);
  slot.meter();
  for (const flow of flows) slot.addRun(flow, flow % 2 === 0 ? PROTO_TCP | ACK : PROTO_UDP, 1);
  slot.meter();
  slot.pass(9 * TICK_US);
}

/** Many flows at once, which end in one tick. */
function playBurst(slot: MadeUpSlot): void {
  addFlows(slot, 0, BURST_FLOWS);
  slot.pass(10 * TICK_US);
  slot.add(0, PROTO_UDP, 0);
  slot.meter();
}

/** Many flows at the end of a capture, of which half are due. */
function playEnd(slot: MadeUpSlot): void {
  slot.pass(TICK_US - (slot.clockUs % TICK_US));
  addFlows(slot, 0, BURST_FLOWS / 2);
  slot.pass(2_000_500);
  addFlows(slot, BURST_FLOWS / 2, BURST_FLOWS);
}

function addFlows(slot: MadeUpSlot, from: number, to: number): void {
  for (let flow = from; flow < to; flow++) slot.add(1000 + flow, PROTO_UDP, flow % 2);
  slot.meter();
}

/** A slot of packets as the addon would hand it over. */
class MadeUpSlot {
  clockUs = START_US;
  private readonly cache: FlowCache;
  private readonly words: Uint32Array;
  private readonly times: Float64Array;
  private hasRuns = false;
  private readonly extensions: Uint32Array | undefined;
  private count = 0;

  constructor(cache: FlowCache) {
    this.cache = cache;
    const memory = new ArrayBuffer(SLOT_PACKETS * PACKET_BYTES);
    this.words = new Uint32Array(memory);
    this.times = new Float64Array(memory);
    if (cache.needsExtensions) this.extensions = new Uint32Array(SLOT_PACKETS * EXTENSION_WORDS);
  }

  /** Adds a packet so many microseconds after the clock; a full slot is metered. */
  add(flow: number, protoFlags: number, laterUs: number): void {
    const { words } = this;
    const p = this.count * PACKET_WORDS;
    const isV6 = flow % 5 === 0;
    words.fill(0, p, p + PACKET_WORDS);
    words[p + P_SRC] = isV6 ? 0x20 : 0;
    words[p + P_SRC + 2] = isV6 ? 0 : 0xffff_0000;
    words[p + P_SRC + 3] = flow;
    words[p + P_DST + 2] = isV6 ? 0 : 0xffff_0000;
    words[p + P_PORTS] = flow | (443 << 16);
    words[p + P_PROTO_TOS_FLAGS] = protoFlags;
    words[p + P_INPUT] = 1;
    words[p + P_OCTETS] = 100;
    // Of the first flows all have one home in the table, and neighbours one hash.
    words[p + P_HASH] = flow < 40 ? (flow >> 1) << 16 : Math.imul(flow, 0x9e37_79b1);
    words[p + P_META] = isV6 ? 6 : 4;
    this.times[(p + P_TIME) >> 1] = this.clockUs + laterUs;
    this.count++;
    if (this.count === SLOT_PACKETS) this.meter();
  }

  /** Adds a packet and `rest` like it, which are to be metered as a run. */
  addRun(flow: number, protoFlags: number, rest: number): void {
    for (let i = 0; i <= rest; i++) this.add(flow, protoFlags, 0);
    this.hasRuns = true;
  }

  pass(us: number): void {
    this.clockUs += us;
  }

  meter(): void {
    const { words, times, count, extensions } = this;
    if (this.hasRuns) this.meterRuns();
    else this.cache.addPackets(words, times, count, extensions);
    this.count = 0;
    this.hasRuns = false;
  }

  /** The packets at hand as the slot of a source with runs has them, which has no room for more. */
  private meterRuns(): void {
    const { times, count, extensions } = this;
    const words = this.words.subarray(0, count * PACKET_WORDS);
    const runs = addon().foldPackets(new Uint8Array(words.buffer, 0, words.byteLength));
    this.cache.addPackets(words, times, count, extensions, undefined, new Uint32Array(runs.buffer));
  }
}
