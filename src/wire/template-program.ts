/**
 * One step of a compiled template: take the field in `slot` of each record and write it to `column`. A data set is
 * transposed step by step, so that every step is one loop over typed memory without a decision in it.
 */
export interface ColumnProgram {
  readonly op: number;
  /** Index of the column written; of an address its high half. */
  readonly column: number;
  /** Position of the field in the template, -1 when the step needs none. */
  readonly slot: number;
  /** More that single steps need: other slots or columns, -1 where missing. */
  readonly more: readonly number[];
}

// Plain copies, named <width on the wire>_TO_<width of the column> in bits.
export const OP_8_TO_8 = 0;
export const OP_8_TO_16 = 1;
export const OP_16_TO_16 = 2;
export const OP_8_TO_32 = 3;
export const OP_16_TO_32 = 4;
export const OP_32_TO_32 = 5;
export const OP_32_TO_64 = 6;
export const OP_64_TO_64 = 7;
/** Copies of any width: reduced size (RFC 7011 section 6.2), odd or excessive lengths, lengths told by the record. */
export const OP_ANY_TO_8 = 8;
export const OP_ANY_TO_16 = 9;
export const OP_ANY_TO_32 = 10;
export const OP_ANY_TO_64 = 11;
export const OP_V4_ADDRESS = 12;
export const OP_V6_ADDRESS = 13;
/** 32 bits of milliseconds since the exporter started. */
export const OP_UPTIME = 14;
/** 64 bits of milliseconds since 1970. */
export const OP_MILLISECONDS = 15;
/** Any other encoding or width of a time; `more[0]` is its kind, `more[1]` the slot of a system init time. */
export const OP_TIME = 16;
/** Times of receipt and of export, which stand in no record: steps of the addon's transposition only. */
export const OP_RECEIVED = 17;
export const OP_EXPORTED = 18;
/** 64 bits of 0, where the call is given the column; of the addon's transposition only, too. */
export const OP_ZERO = 19;

/** Steps from here on are in `template-derived.ts`. */
export const OP_FIRST_DERIVED = 32;

/** Tells the IP version of each record in a template with both families; `more`: v4 source, v4 destination, v6 source,
 * v6 destination, ipVersion, and 4 or 6 for the family that counts when nothing else decides. */
export const OP_FAMILY = 32;
/** Overwrites address `column` with the v6 field in `slot` where the record is IPv6. */
export const OP_V6_WHERE_V6 = 33;
/** The same for an address that may be of either family in a record of either; `more[0]`: slot of its v4 twin. */
export const OP_V6_OR_V4 = 34;
/** Overwrites the u8 `column` with the field in `slot` where the record is IPv6. */
export const OP_8_WHERE_V6 = 35;
/** ICMP type and code to the destination port; `more`: slots of 176, 177, 32, 178, 179, 139. */
export const OP_ICMP = 36;
/** Missing start or end out of the duration in `slot`; `more`: its units in a millisecond, 1 to count below it. */
export const OP_DURATION = 37;
/** Missing start and end out of the event time. */
export const OP_EVENT_TIME = 38;
/** Rate out of the record; `more`: SAMPLING_* and a second slot. */
export const OP_SAMPLING = 39;
/** Rate of the sampler or selector whose id is in `slot`. */
export const OP_SAMPLER = 40;
/** Forwarding status out of Juniper's exception code in `slot`. */
export const OP_EXCEPTION_CODE = 41;

/** Nanoseconds below the millisecond of the time in `slot`; `more[0]` is its kind. */
export const OP_BELOW_MS = 42;

export const SAMPLING_INTERVAL = 0;
/** `slot` packets of every `slot` + `more[1]`. */
export const SAMPLING_COUNT = 1;
/** `slot` (size) out of `more[1]` (population). */
export const SAMPLING_POPULATION = 2;
export const SAMPLING_PROBABILITY = 3;
