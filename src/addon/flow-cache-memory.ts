/**
 * What the addon does in the memory of a flow cache (`src/cache/row.ts`, `slot-table.ts`), where JavaScript would have to wait for each
 * cache line: `native/src/flow_lookup.rs` and `flow_columns.rs`. It changes no flow and decides nothing. Throws for
 * rows and packets that are not there.
 */
export interface FlowCacheMemory {
  /** Layout constants of rows, for the test that compares them with those of `src/cache/row.ts`. */
  flowRowLayout(): Record<string, number>;
  FlowLookUp: new (memory: LookUpMemory) => FlowLookUp;
  /** Brings the rows in `list[from]` to `list[to - 1]` and their flows' slots into the processor's cache. */
  fetchFlows(slots: Int32Array, rows: Int32Array, list: Int32Array, from: number, to: number): void;
  /** As `fetchFlows` those of the first `count` rows that have entered for this tick. Moves them to the front and gives how many. */
  fetchEntered(slots: Int32Array, rows: Int32Array, list: Int32Array, count: number, tick: number): number;
  /**
   * Writes the first `count` of `rows` to `ordered` by their times, of one time by their numbers; both are whole numbers from
   * 0 to 2^53.
   */
  orderRows(times: Float64Array, numbers: Float64Array, rows: Int32Array, count: number, ordered: Int32Array): void;
  FlowWriter: new (columns: FlowColumns) => FlowWriter;
}

/** Memory of one cache, and of those who look up in it; see `FlowLookUp`. */
export interface LookUpMemory {
  rows: Int32Array;
  free: Int32Array;
  candidates: Int32Array;
}

/** Look-ups in the memory of one cache, which it is told once. */
export interface FlowLookUp {
  /**
   * Writes probable rows (`candidates`, 0 for none) of the `count` packets from number `start` on, and brings what handling
   * them needs into the processor's cache: their slots and rows, and of the `freeCount` rows that are free as many of the
   * last.
   */
  lookUp(slots: Int32Array, records: Uint32Array, start: number, count: number, freeCount: number): void;
}

/** Columns that every flow of a cache has, as `FlowBatch` has them. */
export interface FlowColumns {
  srcAddrHi: Uint32Array;
  srcAddrLo: Uint32Array;
  dstAddrHi: Uint32Array;
  dstAddrLo: Uint32Array;
  srcPort: Uint16Array;
  dstPort: Uint16Array;
  proto: Uint8Array;
  tos: Uint8Array;
  tcpFlags: Uint16Array;
  inIf: Uint32Array;
  packets: Uint32Array;
  octets: Uint32Array;
  firstMs: Float64Array;
  lastMs: Float64Array;
  receivedMs: Float64Array;
  exportMs: Float64Array;
  endReason: Uint8Array;
}

/** Writes to the columns of one batch, which it is told once. */
export interface FlowWriter {
  /**
   * Writes the flows in the rows `list[from]` to `list[to - 1]`, from place `at` on. Gives how many had more than 2^53 packets or
   * octets, which are cut down to that, and how many have a known direction, which is not written.
   */
  write(
    rows: Int32Array,
    list: Int32Array,
    from: number,
    to: number,
    at: number,
  ): { saturated: number; directed: number };
}
