/**
 * A slot of a datagram source: `DATAGRAM_META_BYTES` of description for each datagram, from the start of the slot, and
 * the payloads behind them. `native/src/datagram` has the same numbers; a test compares them.
 */
export const DATAGRAM_META_BYTES = 64;
export const DATAGRAM_META_WORDS = 16;

/** Word 0: where the payload begins, bytes from the start of the slot; word 1: its length. */
export const D_OFFSET = 0;
export const D_LENGTH = 1;
/** Word 2: source port; word 3: local port. */
export const D_SRC_PORT = 2;
export const D_LOCAL_PORT = 3;
/** Words 4-5 and 6-7: source address as two u64, high then low, low word first (IPv4 v4-mapped), as FlowBatch has it. */
export const D_SRC_HI = 4;
export const D_SRC_LO = 6;
/** Words 8-9: receive time (packet time in a file), milliseconds since 1970 with a fraction, a double. */
export const D_RECEIVED_MS = 8;
/** Word 10: index of the listener, 0 in a file. */
export const D_LISTENER = 10;
/**
 * Word 11: the connection that a message came over, 0 for a datagram. An entry of a connection without octets says that
 * the connection has ended; its number may then be given to another.
 */
export const D_SESSION = 11;
