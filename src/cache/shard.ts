import type { ColumnName } from '../flow/fields.ts';
import { FlowCache } from './flow-cache.ts';
import type { Allocate, FlowCacheStats, FlowTableOptions } from './flow-cache-options.ts';
import { type Portion, portionOf, portionPart } from './packet-round.ts';
import { R_STATE, R_STATE_LIVE, ROW_WORD_SHIFT, type RowStore } from './row.ts';
import { type RowBlock, RowCollector } from './row-block.ts';
import type { TimeoutOptions } from './timeouts.ts';

/** What a worker is started with. */
export interface ShardSetup {
  readonly shard: number;
  readonly shards: number;
  /** Memory of the rounds, shared by all. */
  readonly rounds: readonly SharedArrayBuffer[];
  /** Whether there are extension records in them. */
  readonly isExtended: boolean;
  readonly options: FlowTableOptions;
}

export type ShardTask =
  /** Meter `packets` packets with `marks` marks in the memory of round `round`; then the clock shows `clockUs`. */
  | {
      readonly kind: 'packets';
      readonly round: number;
      readonly packets: number;
      readonly marks: number;
      readonly clockUs: number;
    }
  | { readonly kind: 'flush'; readonly reason: number }
  | { readonly kind: 'timeouts'; readonly timeouts: TimeoutOptions }
  /** `FlowCache.setColumns`: what leaves has the rows of the columns before. */
  | { readonly kind: 'columns'; readonly columns: readonly ColumnName[] }
  /** `FlowCache.expire`, and a copy of flows that stay. `from` 0: nothing is asked of this worker. */
  | { readonly kind: 'expire'; readonly from: number; readonly most: number; readonly reason: number }
  | { readonly kind: 'snapshot'; readonly from: number; readonly most: number };

export interface ShardRequest {
  readonly task: ShardTask;
  /** Blocks whose rows have been read. */
  readonly spent: readonly SharedArrayBuffer[];
}

export interface ShardReply {
  /** Flows that left meanwhile, or of which a copy was asked for. */
  readonly blocks: readonly RowBlock[];
  /** Row that `expire` or `snapshot` goes on from, 0 when that was all. */
  readonly next: number;
  readonly stats: FlowCacheStats;
}

/** A worker's part of the flow cache: does what it is asked to, in turn, and knows nothing of threads. */
export class Shard {
  private readonly cache: FlowCache;
  private readonly portions: readonly Portion[];
  private collector!: RowCollector;
  /** What left before the columns changed. */
  private left: RowBlock[] = [];
  private store!: RowStore;

  constructor({ shard, shards, rounds, isExtended, options }: ShardSetup, allocate: Allocate) {
    this.cache = new FlowCache({
      ...options,
      allocate,
      rowSink: (store, parts) => {
        this.store = store;
        this.left = this.collector?.take() ?? [];
        this.collector = new RowCollector(parts);
        return this.collector;
      },
    });
    this.portions = rounds.map((memory) => portionOf(memory, shard, shards, isExtended));
  }

  handle({ task, spent }: ShardRequest): ShardReply {
    for (const memory of spent) this.collector.reuse(memory);
    const next = this.run(task);
    const blocks = [...this.left, ...this.collector.take()];
    this.left = [];
    return { blocks, next, stats: this.cache.stats() };
  }

  private run(task: ShardTask): number {
    switch (task.kind) {
      case 'packets':
        this.meter(task.round, task.packets, task.marks);
        this.cache.follow(task.clockUs);
        return 0;
      case 'flush':
        this.cache.flush(task.reason);
        return 0;
      case 'timeouts':
        this.cache.setTimeouts(task.timeouts);
        return 0;
      case 'columns':
        this.cache.setColumns(task.columns);
        return 0;
      case 'expire':
        return task.from === 0 ? 0 : this.cache.expire(task.from, task.most, task.reason);
      case 'snapshot':
        return task.from === 0 ? 0 : this.copyLive(task.from, task.most);
    }
  }

  private meter(round: number, packets: number, marks: number): void {
    if (packets === 0) return;
    const portion = this.portions[round]!;
    let from = 0;
    for (let mark = 0; mark < marks; mark++) {
      const at = portion.markPackets[mark]!;
      this.addPackets(portion, from, at);
      this.cache.follow(portion.markClocks[mark]!);
      from = at;
    }
    this.addPackets(portion, from, packets);
  }

  private addPackets(portion: Portion, from: number, to: number): void {
    if (from === to) return;
    const { words, times, extensions, numbers } = portionPart(portion, from, to);
    this.cache.addPackets(words, times, to - from, extensions, numbers);
  }

  private copyLive(from: number, most: number): number {
    const { words, highest } = this.store;
    const rows = new Int32Array(most);
    let count = 0;
    let row = from;
    for (; row <= highest && count < most; row++) {
      if ((words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_LIVE) !== 0) rows[count++] = row;
    }
    this.collector.write(rows, count);
    return row <= highest ? row : 0;
  }
}
