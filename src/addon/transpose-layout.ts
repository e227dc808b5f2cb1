/**
 * Programs of the addon's `transpose`; `native/src/transpose.rs` has the same numbers, and a test compares them. The
 * steps are those of `src/wire/template-program.ts`.
 */

/** Cells of a step: operation, index of the column (of an IPv4 address its low half), offset in the record, octets. */
export const STEP_CELLS = 4;
/**
 * Cells of a run of records: first step and the one behind the last; first octet, octets a record, number of records;
 * first row; export time and uptime of the header, time of receipt, all in milliseconds.
 */
export const RUN_CELLS = 9;
/** Steps that `OP_ICMP` takes, and what stands in them for a field that the template lacks. */
export const ICMP_STEPS = 3;
export const NO_FIELD = 0xffff_ffff;
