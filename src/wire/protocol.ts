/** Numbers of the flow export protocols that encoders and decoders share. All fields on the wire are big-endian. */

export const VERSION_V5 = 5;
export const VERSION_V7 = 7;
export const VERSION_V9 = 9;
export const VERSION_IPFIX = 10;
/** sFlow version 5 among the versions of NetFlow: a number of weir's own, since 5 is taken. */
export const VERSION_SFLOW = 105;

/** NetFlow v5 and v7: a header and fixed records; a datagram is exactly header + count * record. */
export const V5_HEADER_BYTES = 24;
export const V5_RECORD_BYTES = 48;
export const V5_MAX_RECORDS = 30;
export const V7_HEADER_BYTES = 24;
export const V7_RECORD_BYTES = 52;

/** RFC 3954 section 5.1: version, count, sysUptime, unix_secs, sequence, source id. */
export const V9_HEADER_BYTES = 20;
/** RFC 7011 section 3.1: version, length, export time, sequence, observation domain id. */
export const IPFIX_HEADER_BYTES = 16;
/** Set id and length; length counts this header too. */
export const SET_HEADER_BYTES = 4;
/** Template id and field count. */
export const TEMPLATE_HEADER_BYTES = 4;
/** Template id and two counts (IPFIX: fields, scope fields) or two lengths in bytes (v9: scopes, options). */
export const OPTIONS_TEMPLATE_HEADER_BYTES = 6;
/** Element and length; 4 more bytes for the enterprise number when `ENTERPRISE_BIT` is set (IPFIX). */
export const FIELD_SPECIFIER_BYTES = 4;

export const V9_TEMPLATE_SET = 0;
export const V9_OPTIONS_TEMPLATE_SET = 1;
export const IPFIX_TEMPLATE_SET = 2;
export const IPFIX_OPTIONS_TEMPLATE_SET = 3;
/** Template ids, and so ids of data sets, start here. */
export const FIRST_TEMPLATE_ID = 256;
export const LAST_TEMPLATE_ID = 65_535;

/** RFC 7011 section 3.2: set in an element number that is followed by an enterprise number. */
export const ENTERPRISE_BIT = 0x8000;
/** RFC 7011 section 7: field length in a template that stands for a length carried in each record. */
export const VARIABLE_LENGTH = 65_535;
/** RFC 5103: enterprise number of reverse elements. */
export const REVERSE_PEN = 29_305;

/** RFC 3954 section 6.1: what a v9 options record speaks of. These are no element numbers. */
export const V9_SCOPE_SYSTEM = 1;
export const V9_SCOPE_INTERFACE = 2;
export const V9_SCOPE_TEMPLATE = 5;

/** Seconds from 1900, where NTP counts from, to 1970. */
export const NTP_EPOCH_SECONDS = 2_208_988_800;
/** sysUptime is 32 bits of milliseconds and wraps after 49.7 days. */
export const UPTIME_WRAP_MS = 2 ** 32;

/** Sampling mode in the top two bits of the v5 header's interval; the interval has the low fourteen. */
export const V5_SAMPLING_SHIFT = 14;
export const V5_SAMPLING_INTERVAL_MASK = 0x3fff;
export const V5_SAMPLING_DETERMINISTIC = 1;
export const V5_SAMPLING_RANDOM = 2;

/** Longest UDP payload that IPv4 can carry, and so the longest datagram there is. */
export const MAX_DATAGRAM_BYTES = 65_507;
/** Longest IPFIX message over a stream: its length field has 16 bits. */
export const MAX_MESSAGE_BYTES = 65_535;

/** UDP payload that fits an Ethernet frame. */
export const ETHERNET_PAYLOAD_V4 = 1472;
export const ETHERNET_PAYLOAD_V6 = 1452;

/** Generic interface counters in a counter sample of sFlow version 5 (`if_counters`). */
export const INTERFACE_COUNTERS_BYTES = 88;
