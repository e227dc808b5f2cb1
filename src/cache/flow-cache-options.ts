import type { FlowBatch } from '../flow/batch.ts';
import type { ColumnName } from '../flow/fields.ts';
import type { KeyFields } from './key-fields.ts';
import type { TimeoutOptions } from './timeouts.ts';

/** What happens to a packet of a new flow when the table is full. */
export const fullPolicies = ['evict', 'ignore'] as const;
export type FullPolicy = (typeof fullPolicies)[number];

/** What of a cache does not depend on where its flows go. */
export interface FlowTableOptions extends TimeoutOptions {
  /** Flows kept at once, at most 2^24; beyond that `whenFull` counts. */
  maxFlows: number;
  /** `evict` (default): the flow longest idle leaves (end reason 5). `ignore`: the packet is not metered. */
  whenFull?: FullPolicy;
  /** What tells flows apart. Default: `FULL_KEY`. For any other, packet records are changed in place. */
  key?: KeyFields;
  /** Both ways of a connection are one flow (RFC 5103), whose key has neither type of service nor direction. */
  biflow?: boolean;
  /** Columns filled in beyond those that every flow has; of those that the cache knows nothing of it takes no notice. */
  columns?: readonly ColumnName[];
  /** Seed of the hash for a key that is not the full one. Never changes results. */
  hashSeed?: number;
  /** Records that may wait for the end of the second in which they ended. Default 65 536. */
  spareRows?: number;
}

/** Gives zeroed memory that becomes real only as it is touched: all rows are asked for at once. */
export type Allocate = (bytes: number) => Uint8Array;

export interface FlowCacheOptions extends FlowTableOptions {
  /** Gets each batch as it is full, and the last one on `advance` and `flush`. Owns it from then on. */
  sink: (batch: FlowBatch) => void;
  /** Gives an empty batch. */
  acquire: () => FlowBatch;
  allocate: Allocate;
}

/** Packets in, flows out, in this thread (`FlowCache`) or in several (`ShardedCache`), which takes its time. */
export interface MeteringCache {
  addPackets(
    words: Uint32Array,
    times: Float64Array,
    count: number,
    extensions?: Uint32Array,
    numbers?: undefined,
    runs?: Uint32Array,
  ): Promise<void> | undefined;
  /** Resolves when all threads run that there are to be: no file is needed any more. */
  ready?(): Promise<void>;
  /** No packets are at hand just now: what was held back to be handled together goes on. */
  settle?(): void;
  /** Other columns as soon as the flows at hand have left, which is when `switched` is called: see `FlowCache`. */
  setColumns(columns: readonly ColumnName[], switched?: () => void): Promise<void> | undefined;
  advance(clockUs: number): void;
  flush(reason?: number): Promise<void> | undefined;
  expire(from: number, most: number, reason?: number): Promise<number> | number;
  setTimeouts(options: TimeoutOptions): void;
  snapshot(batch: FlowBatch, from: number, nowMs: number): Promise<number> | number;
  stats(): FlowCacheStats;
  close?(): Promise<void>;
}

export interface FlowCacheStats {
  /** Given to the cache, those that were ignored among them. */
  packets: number;
  octets: number;
  /** In no flow, because the table was full (`whenFull` is `ignore`). */
  ignoredPackets: number;
  ignoredOctets: number;
  /** Flows in the table now, and the most there ever were (of several workers: the sum of what each had at most). */
  active: number;
  peak: number;
  created: number;
  /** Records ended, by end reason (IANA 136): index 1 idle ... 5 lack of resources. */
  endedBy: number[];
  /** Ended in the running second and not yet handed on. */
  waiting: number;
  /** Packets older than the clock, and those of them by the active timeout or more. */
  late: number;
  steppedBack: number;
  /** Packets whose time was no number or outside of 1970 to 2106; counted at the nearest time that is inside. */
  badTimes: number;
  /** Records whose octets or packets were cut down to 2^53 - 1. */
  saturated: number;
  slots: number;
  maxProbe: number;
  wheelEntries: number;
}
