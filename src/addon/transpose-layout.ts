/**
 * Programs of the addon's `transpose`; `native/src/transpose.rs` has the same numbers, and a test compares them. The
 * steps are those of `src/wire/template-program.ts`.
 */

/** Cells of a step: operation, index of the column (of an address its high half), offset in the record, octets. */
export const STEP_CELLS = 4;
/**
 * Cells of a run of records: first step and the one behind the last; first octet, octets a record, number of records;
 * first row; export time and uptime of the header, time of receipt, all in milliseconds.
 */
export const RUN_CELLS = 9;
