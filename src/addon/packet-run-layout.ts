/**
 * Packets of one slot that belong to one flow, added up by the addon (`PacketSourceOptions.runs`). The runs of a slot are
 * 32-bit words: the number of runs and three words that mean nothing; then RUN_WORDS words for each run, in the order
 * of their first packets; then, behind room for as many runs as the slot may have packets, a word for each packet: the
 * number in the slot of the next one of its run, if there is one.
 *
 * There are runs (a number other than 0) only where no packet of the slot is older than one before it. The packets of a
 * run have the same key (words 0-8, protocol, ToS, input, version and egress) and come within one second of the clock. One
 * with FIN or RST is a run by itself, and the run of its flow before it ends there.
 */
export const RUN_BYTES = 16;
export const RUN_WORDS = 4;

/** Word 0: number of the run's first packet in the slot. */
export const RUN_FIRST = 0;
/** Word 1: octets of the packets behind the first. */
export const RUN_OCTETS = 1;
/** Word 2: microseconds from the first packet to the last. */
export const RUN_SPAN = 2;
/** Word 3: number of packets behind the first | union of their TCP flags << 16. */
export const RUN_REST_FLAGS = 3;
export const RUN_REST_MASK = 0xffff;
