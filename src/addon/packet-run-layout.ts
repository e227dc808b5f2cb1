/**
 * Packets of one slot that belong to one flow, added up by the addon (`PacketSourceOptions.runs`). Where a slot has runs, its
 * packet records are of the first packet of each, one behind another in the order of those packets; no other packet has a record.
 *
 * The runs of a slot are groups of four 32-bit words: a head; one group for each run; then, behind room for as many runs as
 * the slot may have packets, one for each packet, by its number in the slot, which means something of those that are not the
 * first of a run.
 *
 * There are runs (a number other than 0) only where no packet of the slot is older than one before it. The packets of a
 * run have the same key (words 0-8, protocol, ToS, input, version and egress) and come within one second of the clock. One
 * with FIN or RST is a run by itself, and the run of its flow before it ends there.
 */
export const RUN_WORDS = 4;

/** Words of the head: number of runs; time of the slot's last packet, seconds and microseconds. */
export const HEAD_RUNS = 0;
export const HEAD_LAST_SECONDS = 1;
export const HEAD_LAST_MICROS = 2;

/** Word 0 of a run: number in the slot of its first packet | of its last << 16. */
export const RUN_ENDS = 0;
/** Word 1: octets of the packets behind the first. */
export const RUN_OCTETS = 1;
/** Word 2: microseconds from the first packet to the last. */
export const RUN_SPAN = 2;
/** Word 3: number of packets behind the first | union of their TCP flags << 16. */
export const RUN_REST_FLAGS = 3;
export const RUN_REST_MASK = 0xffff;

/** Word 0 of a packet: number in the slot of the packet before it in its run | number of the run << 16. */
export const REST_BEFORE_RUN = 0;
export const REST_OCTETS = 1;
/** Word 2: microseconds since the first packet of the run | TCP flags << REST_LATER_BITS. */
export const REST_LATER_FLAGS = 2;
export const REST_LATER_BITS = 20;
/** Word 3: as P_META of a packet record. */
export const REST_META = 3;
