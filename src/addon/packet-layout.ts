/**
 * One decoded packet as the addon hands it over: 64 bytes (one cache line), little-endian host order but for the
 * addresses, which stand in network byte order. `native/src/packet.rs` has the same numbers; a test compares them.
 */
export const PACKET_BYTES = 64;
export const PACKET_WORDS = 16;

/** Words 0-3 source and 4-7 destination address (IPv4 as ::ffff:a.b.c.d), bytes in network order. */
export const P_SRC = 0;
export const P_DST = 4;
/** Word 8: source port | destination port << 16. ICMP: 0 and type * 256 + code. */
export const P_PORTS = 8;
/** Word 9: protocol | ToS << 8 | TCP flags << 16 (the flags are 0 for everything but TCP). */
export const P_PROTO_TOS_FLAGS = 9;
/** Word 10: input ifIndex. */
export const P_INPUT = 10;
/** Word 11: IP octets of the packet. */
export const P_OCTETS = 11;
/** Word 12: 32-bit hash of words 0-8, protocol, ToS, input and IP version, seeded per source. */
export const P_HASH = 12;
/** Word 13: IP version (4 or 6) | TTL << 8 | P_META_* bits | nanoseconds below the microsecond << 20. */
export const P_META = 13;
/** Words 14-15: packet time, microseconds since 1970, a double. */
export const P_TIME = 14;

/** Bits of word 13. */
export const P_META_VERSION_MASK = 0x0f;
export const P_META_FRAGMENT = 0x10;
/** The snap length cut the transport header: ports are 0. */
export const P_META_CUT = 0x20;
/** Direction known, and if so whether the packet left (egress). */
export const P_META_DIRECTION_KNOWN = 0x40;
export const P_META_EGRESS = 0x80;
export const P_META_TTL_SHIFT = 8;
export const P_META_NANOS_SHIFT = 20;
