import type { FlowBatch } from '../flow/batch.ts';
import type { ColumnName } from '../flow/fields.ts';
import { cacheNeedsExtensions } from './flow-cache.ts';
import type { FlowCacheOptions, FlowCacheStats, MeteringCache } from './flow-cache-options.ts';
import { FlowRows } from './flow-rows.ts';
import { type OpenRound, PacketDistributor } from './packet-distributor.ts';
import { ROUND_PACKETS, roundBytes, roundViews } from './packet-round.ts';
import type { RowStore } from './row.ts';
import { MERGED_ROWS, RowMerger } from './row-merger.ts';
import type { RowWriter } from './row-writer.ts';
import type { ShardReply, ShardTask } from './shard.ts';
import { type OpenShard, openShardThread, type ShardLink } from './shard-link.ts';
import { sumOfStats } from './shard-stats.ts';
import { checkTimeouts, END_FORCED, type TimeoutOptions } from './timeouts.ts';

/** Rounds whose packets are under way, the one that is being filled among them. */
const ROUNDS = 4;
/** A place in all workers' rows is worker * ROWS + row; a worker has fewer rows than that. */
const ROWS = 2 ** 26;

export interface ShardedCacheOptions extends FlowCacheOptions {
  /** Two or more. */
  readonly workers: number;
  /** Decides which worker meters what. With the same seed evictions too are the same from run to run. */
  readonly shardSeed: number;
  /** Packets come with extension records, which workers are given; by default if columns or key need such. */
  readonly isExtended?: boolean;
  /** A worker has failed: all that is asked of the cache from now on throws. */
  readonly onFailure?: () => void;
  readonly open?: OpenShard;
}

interface Memory extends OpenRound {
  readonly index: number;
}

/** Something that all workers have been asked to do. */
interface Round {
  /** Of the packets, to be filled again. */
  readonly memory?: Memory;
  /** Gets the rows that come back, which otherwise go to the sink. */
  readonly copied?: (replies: readonly ShardReply[]) => void;
  /** Called when the rows that come back are with the sink. */
  readonly changed?: () => void;
  readonly done?: (replies: readonly ShardReply[]) => void;
  readonly failed?: (error: Error) => void;
}

/**
 * The flow cache spread over worker threads, each with the flows that a hash of their key gives it. Same packets, same
 * flows in the same order as of one `FlowCache`, for any number of workers, unless the table is full: each worker has its
 * share of `maxFlows`.
 *
 * Packets go out in rounds. At the end of a round every worker has the clock of all packets, so that the records that left
 * meanwhile are those that would have left one cache: merged by end and number they are in its order
 * (docs/decisions/0175).
 */
export class ShardedCache implements MeteringCache {
  private readonly distributor: PacketDistributor;
  private readonly links: readonly ShardLink[];
  /** Of the rows on their way to the sink; empty between rounds. */
  private readonly store: RowStore;
  private readonly rows: FlowRows;
  private merger: RowMerger;
  private readonly writer: RowWriter;
  private readonly free: Memory[];
  private open: Memory | undefined;
  private readonly rounds: Round[] = [];
  private readonly replies: ShardReply[][];
  /** Of each worker, blocks that it gets back with the next request. */
  private readonly spent: SharedArrayBuffer[][];
  private stated: readonly FlowCacheStats[] = [];
  private readonly onFailure: () => void;
  private roundDone: (() => void) | undefined;
  private failure: Error | undefined;

  /** Starts the workers. Throws UserError for timeouts out of range. */
  constructor({ workers, shardSeed, onFailure = () => {}, open = openShardThread, ...options }: ShardedCacheOptions) {
    const { allocate, acquire, sink, isExtended = cacheNeedsExtensions(options), ...table } = options;
    this.onFailure = onFailure;
    const rows = new FlowRows(options, MERGED_ROWS, allocate);
    this.rows = rows;
    this.store = rows.store;
    checkTimeouts(options, rows.store);
    this.writer = rows.writer(options);
    this.merger = new RowMerger(workers, rows.store, rows.parts, this.writer);
    // Of ICMP the two ways of a biflow have other ports.
    const hasPorts = rows.key.ports && options.biflow !== true;
    this.distributor = new PacketDistributor(workers, hasPorts, shardSeed);
    const memories = Array.from({ length: ROUNDS }, () => new SharedArrayBuffer(roundBytes(workers, isExtended)));
    this.free = memories.map((memory, index) => ({
      index,
      views: roundViews(memory, workers, isExtended),
      counts: new Int32Array(workers),
      marks: new Int32Array(workers),
      packets: 0,
    }));
    const ofAll = <T>(make: (shard: number) => T) => Array.from({ length: workers }, (_, shard) => make(shard));
    this.replies = ofAll(() => []);
    this.spent = ofAll(() => []);
    const share = { ...table, maxFlows: Math.ceil(options.maxFlows / workers) };
    this.links = ofAll((shard) =>
      open(
        { shard, shards: workers, rounds: memories, isExtended, options: share },
        {
          reply: (reply) => this.take(shard, reply),
          failed: (error) => this.fail(error),
        },
      ),
    );
  }

  /** As `FlowCache.addPackets`. What it takes is no longer needed once it returns, or else resolves. */
  addPackets(
    words: Uint32Array,
    times: Float64Array,
    count: number,
    extensions?: Uint32Array,
  ): Promise<void> | undefined {
    if (this.failure !== undefined) throw this.failure;
    const taken = this.distribute(words, times, extensions, 0, count);
    return taken === count ? undefined : this.addRest(words, times, extensions, taken, count);
  }

  /** Resolves when all workers run; rejects when one failed. */
  async ready(): Promise<void> {
    await this.ask({}, () => ({ kind: 'expire', from: 0, most: 0, reason: END_FORCED }));
  }

  /** Sends what waits for a round to be full. */
  settle(): void {
    if (this.open !== undefined) this.send({});
  }

  advance(clockUs: number): void {
    this.distributor.advance(clockUs);
    this.send({ done: () => this.writer.handOver() });
  }

  async flush(reason = END_FORCED): Promise<void> {
    this.settle();
    await this.ask({}, () => ({ kind: 'flush', reason }));
    this.writer.handOver();
    this.distributor.forget();
  }

  async expire(from: number, most: number, reason = END_FORCED): Promise<number> {
    this.settle();
    const replies = await this.ask({}, (shard) => ({ kind: 'expire', from: rowOf(from, shard), most, reason }));
    this.writer.handOver();
    return this.after(from, replies);
  }

  setTimeouts(timeouts: TimeoutOptions): void {
    checkTimeouts(timeouts, this.store);
    this.settle();
    this.post({}, () => ({ kind: 'timeouts', timeouts }));
  }

  /** As `FlowCache.setColumns`, but what needs extension records can be had only if there were such from the start. */
  async setColumns(columns: readonly ColumnName[], switched: () => void = () => {}): Promise<void> {
    this.settle();
    // Before what is asked of the workers next comes back with the new rows.
    const changed = () => {
      const { rows, writer } = this;
      writer.handOver();
      rows.setColumns(columns);
      writer.extras = rows.extensionWriter();
      this.merger = new RowMerger(this.links.length, rows.store, rows.parts, writer);
      switched();
    };
    await this.ask({ changed }, () => ({ kind: 'columns', columns }));
  }

  /** As `FlowCache.snapshot`, but gives at most MERGED_ROWS flows at a time. */
  async snapshot(batch: FlowBatch, from: number, nowMs: number): Promise<number> {
    this.settle();
    const most = Math.min(batch.capacity - batch.rows, MERGED_ROWS);
    const copied = (replies: readonly ShardReply[]) => {
      this.merger.gather(replies[workerOf(from)]!.blocks);
      this.writer.copy(batch, 1, nowMs);
      this.store.clear();
    };
    const replies = await this.ask({ copied }, (shard) => ({ kind: 'snapshot', from: rowOf(from, shard), most }));
    return this.after(from, replies);
  }

  /** As the workers had it at the end of the last round that they have all done. */
  stats(): FlowCacheStats {
    const stats = sumOfStats(this.stated);
    return { ...stats, badTimes: this.distributor.badTimes, saturated: this.writer.saturated };
  }

  /** Ends the workers, whatever they are at. */
  async close(): Promise<void> {
    await Promise.all(this.links.map((link) => link.close()));
  }

  private distribute(
    words: Uint32Array,
    times: Float64Array,
    extensions: Uint32Array | undefined,
    from: number,
    count: number,
  ): number {
    let at = from;
    while (at < count) {
      this.open ??= this.free.pop();
      if (this.open === undefined) break;
      at = this.distributor.distribute(words, times, extensions, at, count, this.open);
      if (this.open.packets === ROUND_PACKETS) this.send({});
    }
    return at;
  }

  private async addRest(
    words: Uint32Array,
    times: Float64Array,
    extensions: Uint32Array | undefined,
    from: number,
    count: number,
  ): Promise<void> {
    for (let at = from; at < count; ) {
      await new Promise<void>((resolve) => {
        this.roundDone = resolve;
      });
      if (this.failure !== undefined) throw this.failure;
      at = this.distribute(words, times, extensions, at, count);
    }
  }

  /** Sends the packets at hand, if any, and what the clock shows. */
  private send(round: Round): void {
    const memory = this.open;
    this.open = undefined;
    const { clockUs } = this.distributor;
    this.distributor.announce();
    this.post(memory === undefined ? round : { ...round, memory }, (shard) => ({
      kind: 'packets',
      round: memory?.index ?? 0,
      packets: memory?.counts[shard] ?? 0,
      marks: memory?.marks[shard] ?? 0,
      clockUs,
    }));
  }

  private ask(round: Round, task: (shard: number) => ShardTask): Promise<readonly ShardReply[]> {
    return new Promise((done, failed) => this.post({ ...round, done, failed }, task));
  }

  private post(round: Round, task: (shard: number) => ShardTask): void {
    if (this.failure !== undefined) {
      round.failed?.(this.failure);
      return;
    }
    this.rounds.push(round);
    for (const [shard, link] of this.links.entries()) {
      link.send({ task: task(shard), spent: this.spent[shard]! });
      this.spent[shard] = [];
    }
  }

  private take(shard: number, reply: ShardReply): void {
    this.replies[shard]!.push(reply);
    while (this.failure === undefined && this.replies.every((waiting) => waiting.length > 0)) {
      try {
        this.finish(
          this.rounds.shift()!,
          this.replies.map((waiting) => waiting.shift()!),
        );
      } catch (error) {
        this.fail(error as Error);
      }
    }
  }

  private finish({ memory, copied, changed, done }: Round, replies: readonly ShardReply[]): void {
    this.stated = replies.map(({ stats }) => stats);
    if (copied !== undefined) copied(replies);
    else this.merger.merge(replies.map(({ blocks }) => blocks));
    changed?.();
    for (const [shard, { blocks }] of replies.entries()) {
      for (const block of blocks) this.spent[shard]!.push(block.memory);
    }
    if (memory !== undefined) {
      memory.packets = 0;
      memory.counts.fill(0);
      memory.marks.fill(0);
      this.free.push(memory);
      this.roundDone?.();
    }
    done?.(replies);
  }

  private fail(error: Error): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    for (const round of this.rounds.splice(0)) round.failed?.(error);
    this.roundDone?.();
    this.onFailure();
  }

  /** The place behind what the worker of `from` did, the first of the next worker after its last. */
  private after(from: number, replies: readonly ShardReply[]): number {
    const worker = workerOf(from);
    const { next } = replies[worker]!;
    if (next !== 0) return worker * ROWS + next;
    return worker + 1 < this.links.length ? (worker + 1) * ROWS + 1 : 0;
  }
}

function workerOf(place: number): number {
  return Math.floor(place / ROWS);
}

/** Row of a worker, 0 if the place is not in its rows. */
function rowOf(place: number, worker: number): number {
  return workerOf(place) === worker ? place % ROWS : 0;
}
