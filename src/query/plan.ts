import type { Grouping } from './aggregation.ts';
import type { Sequence } from './filter/sequence.ts';
import type { Filter } from './filter/tree.ts';
import type { Order } from './orders.ts';
import type { Report } from './reports.ts';
import type { RowLimit } from './row-limits.ts';
import type { Statistic } from './statistics.ts';

/**
 * Flows that began after, and ended before; both exclusive, milliseconds since 1970. `overlaps`: flows that ended at or
 * after the one and began at or before the other.
 */
export interface Window {
  readonly afterMs: number | undefined;
  readonly beforeMs: number | undefined;
  readonly overlaps: boolean;
}

/**
 * How counters of sampled flows are taken: multiplied by the sampling rate, as they stand in the files, or multiplied
 * where the filter compares them and as they stand in the rows of the answer, which are written to files again.
 */
export type CounterView = 'scaled' | 'stored' | 'scaledInFilter';

/** Flows that are asked about: everything but the files, which are found when the plan is carried out. */
export interface Selection {
  /** Host names resolved. */
  readonly filter: Filter;
  /** Only flows of such chains, host names resolved; `filter` is then `any`, and `limit` counts chains. */
  readonly sequence?: Sequence;
  readonly window: Window | undefined;
  /** Only the first so many of the flows that match, in the order of the files. */
  readonly limit: number | undefined;
  readonly counters: CounterView;
  /** By path: single flows come with the column `ident`, that of their file. For the general engine. */
  readonly idents?: ReadonlyMap<string, string>;
}

/** Every flow, with the counters that it has in its file. */
export const EVERYTHING: Selection = {
  filter: { kind: 'any' },
  window: undefined,
  limit: undefined,
  counters: 'stored',
};

/** The filters of a selection: of a sequence one for each stage. */
export function filtersOf({ filter, sequence }: Selection): Filter[] {
  return sequence === undefined ? [filter] : sequence.stages.map((stage) => stage.filter);
}

interface GroupsJob {
  readonly kind: 'groups';
  readonly grouping: Grouping;
  /** Without orders the groups come latest first, as nfdump's hash table gives them. */
  readonly orders: readonly Order[];
  readonly top: number;
  /** -s record: a title line over each order. */
  readonly titled: boolean;
  /** -l and -L, before `top` cuts. */
  readonly limits: readonly RowLimit[];
  /** -P on the finished rows. */
  readonly resultFilter: Filter | undefined;
}

/** One table of the answer. `top` 0 means all rows. */
export type Job =
  | {
      readonly kind: 'flows';
      readonly order: Order | undefined;
      readonly top: number;
      /** -P on the finished rows, where they have an order. */
      readonly resultFilter?: Filter;
    }
  | GroupsJob
  | {
      readonly kind: 'statistic';
      readonly statistic: Statistic;
      readonly byProtocol: boolean;
      readonly orders: readonly Order[];
      readonly top: number;
      /** -l and -L, before `top` cuts. */
      readonly limits: readonly RowLimit[];
      /** The tables to be made of the rows, which are all those of single addresses. */
      readonly ofCountries?: { readonly orders: readonly Order[]; readonly top: number };
    }
  /** A statistic of AS numbers with -G: flows whose own is 0 count under that of their address. */
  | {
      readonly kind: 'asOfPlaces';
      readonly statistic: Statistic;
      readonly byProtocol: boolean;
      readonly orders: readonly Order[];
      readonly top: number;
      /** What it is made of, for each side: all groups of `grouping`, whose first keys are AS number and address. */
      readonly sides: readonly GroupsJob[];
    }
  | { readonly kind: 'report'; readonly report: Report; readonly parameter: number; readonly top: number };

/** What engines answer. */
export type EngineJob = Exclude<Job, { readonly kind: 'asOfPlaces' }>;

export function engineJobs(jobs: readonly Job[]): EngineJob[] {
  return jobs.flatMap((job): readonly EngineJob[] => (job.kind === 'asOfPlaces' ? job.sides : [job]));
}

export type JobOf<K extends Job['kind']> = Extract<Job, { kind: K }>;

/** A question, independent of the engine that answers it. */
export interface Plan {
  readonly selection: Selection;
  /** In the order of printing. */
  readonly jobs: readonly Job[];
}
