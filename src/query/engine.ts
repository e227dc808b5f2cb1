import type { ColumnName } from '../flow/fields.ts';
import type { Chunk } from './chunk.ts';
import type { Order } from './orders.ts';
import type { Totals } from './output/summary.ts';
import type { JobOf } from './plan.ts';
import type { Schema } from './sql/schema.ts';

export type Rows = AsyncIterable<Chunk> | Iterable<Chunk>;

/** Groups that are ready to be printed in one or several orders. */
export interface Tables {
  /** Of all flows that matched. */
  readonly totals: Totals;
  /** The rows of the job's table in one of its orders; undefined where the job has none. */
  rows(order: Order | undefined): Rows;
}

/** Answers the jobs of one plan. */
export interface QueryEngine {
  /** What the files have. */
  readonly schema: Schema;
  /** Files that it reads without a look at the checksums of their pages: see `checkPages`. */
  readonly unchecked: readonly string[];
  /** Earliest start and latest end in the files, matching or not; 0 without flows. */
  span(): Promise<{ first: number; last: number }>;
  totals(): Promise<Totals>;
  /** `columns` of the flows, in order, as many as wanted. */
  flows(job: JobOf<'flows'>, columns: readonly ColumnName[]): Rows;
  /** `columns` of the flows of a sequence's chains one after another, besides the columns of `CHAINS_TABLE` but `pos`. */
  chains(columns: readonly ColumnName[]): Rows;
  /** Groups of flows that look like flows: columns that they do not have are absent. */
  groups(job: JobOf<'groups'>, columns: readonly ColumnName[]): Promise<Tables>;
  /** Columns `hi`, `lo` (numbers in `lo`), `proto`, `flows`, `packets`, `octets`, `out_packets`, `out_octets`, `first`, `last`. */
  statistic(job: JobOf<'statistic'>): Promise<Tables>;
  /** How much of the work at hand is done, 0 to 1. */
  progress(): number;
  /** The columns of the report, addresses as `hi` and `lo`. `baseline`: files to compare with. */
  report(job: JobOf<'report'>, baseline: readonly string[]): Promise<Rows>;
  close(): void;
}
