import { HEAD_RUNS } from '../addon/packet-run-layout.ts';
import type { FlowBatch } from '../flow/batch.ts';
import type { ColumnName } from '../flow/fields.ts';
import { UserError } from '../flow/user-error.ts';
import { columnNeedsExtensions } from './extension-writer.ts';
import type { FlowCacheOptions, FlowCacheStats, FlowTableOptions, MeteringCache } from './flow-cache-options.ts';
import { FlowRows } from './flow-rows.ts';
import { FULL_KEY, isFullKey, keyNeedsExtensions } from './key-fields.ts';
import { IGNORED_OCTETS, IGNORED_PACKETS, LiveFlows, NOW_CLOCK, SPARE_ROWS } from './live-flows.ts';
import { C_OCTETS, C_PACKETS, PacketAdder } from './packet-adder.ts';
import { CLOCK_BAD_TIMES, CLOCK_LATE, CLOCK_STEPPED_BACK, PacketClock } from './packet-clock.ts';
import type { RowStore } from './row.ts';
import { GROUP, RowFinder } from './row-finder.ts';
import type { RowCacheOptions, RowSink } from './row-sink.ts';
import type { RowWriter } from './row-writer.ts';
import { runsToAdd, timeOfLast } from './run-rest.ts';
import { END_FORCED, type TimeoutOptions } from './timeouts.ts';

const MAX_FLOWS = 1 << 24;

const NOWHERE: RowSink = { write() {}, handOver() {} };

/** Whether a cache with these options is to be given extension records. */
export function cacheNeedsExtensions({
  columns = [],
  key = FULL_KEY,
}: Pick<FlowTableOptions, 'columns' | 'key'>): boolean {
  return keyNeedsExtensions(key) || columns.some(columnNeedsExtensions);
}

/**
 * The flow cache: packets in, flows out. What leaves, and in which order, is a function of the packets alone (their
 * times, not when or in which portions they are handed over, and not their hashes); docs/decisions/0040 has the rules.
 *
 * Packets are handled in groups: first the addon looks up all of a group and fetches their rows, so that cache misses overlap
 * instead of following one another; what it found is a guess, and only then packets are compared and counted.
 */
export class FlowCache implements MeteringCache {
  private readonly flows: LiveFlows;
  private readonly store: RowStore;
  private output: RowSink;
  /** Undefined in a shard, whose flows leave as rows. */
  private readonly writer: RowWriter | undefined;
  private readonly openSink: RowCacheOptions['rowSink'] | undefined;
  private readonly clock: PacketClock;
  private readonly finder: RowFinder;
  private readonly rows: FlowRows;
  private readonly adder: PacketAdder;
  /** Whether packets must come with their extension records. */
  needsExtensions = false;

  /** Throws UserError for timeouts or a number of flows out of range. */
  constructor(options: FlowCacheOptions | RowCacheOptions) {
    const { maxFlows, spareRows = SPARE_ROWS, hashSeed = 0 } = options;
    if (!(Number.isInteger(maxFlows) && maxFlows >= 1 && maxFlows <= MAX_FLOWS)) {
      throw new UserError(`maximum number of flows: ${maxFlows} is not a whole number from 1 to ${MAX_FLOWS}`);
    }
    this.rows = new FlowRows(options, maxFlows + spareRows, options.allocate);
    const { rows } = this;
    this.store = rows.store;
    if ('rowSink' in options) {
      this.openSink = options.rowSink;
      this.output = this.openSink(this.store, rows.parts);
    } else {
      this.writer = rows.writer(options);
      this.output = this.writer;
    }
    this.flows = new LiveFlows(options, this.store, (ended, count) => this.output.write(ended, count));
    this.clock = new PacketClock(this.flows);
    this.finder = new RowFinder(this.store, this.flows.table, rows.key, hashSeed, rows.sides);
    this.finder.extras = rows.extras;
    this.adder = new PacketAdder(this.flows, this.clock, this.finder, rows.biflows);
    this.needsExtensions = cacheNeedsExtensions(options);
  }

  /**
   * Meters packets. `words` and `times` are views over the same memory, which holds `count` packet records as
   * src/addon/packet-layout.ts has them; `extensions` has their extension records, if the columns or the key need such
   * (`cacheNeedsExtensions`). Full batches go to the sink meanwhile. A shard is told the number of each packet among all.
   * With `runs`, as src/addon/packet-run-layout.ts has them, records are of first packets only; that changes what it costs, and
   * nothing else.
   */
  addPackets(
    words: Uint32Array,
    times: Float64Array,
    count: number,
    extensions?: Uint32Array,
    numbers?: Float64Array,
    runs?: Uint32Array,
  ): undefined {
    const { flows, finder, adder } = this;
    if (this.needsExtensions && extensions === undefined) throw new Error('flow cache: no extension records');
    finder.extensions = extensions;
    const taken = runsToAdd(flows, words, times, count, runs, this.keepsSumsOnly);
    const steps = taken === undefined ? count : taken[HEAD_RUNS]!;
    const packets = { words, times, extensions, numbers, runs: taken };
    for (let start = 0; start < steps; start += GROUP) {
      const size = Math.min(GROUP, steps - start);
      finder.readAhead(words, start, size);
      adder.addGroup(packets, start, size);
    }
    // The latest packet may be one that a run had in it; it belongs to the running tick.
    if (taken !== undefined) flows.now[NOW_CLOCK] = timeOfLast(taken);
    adder.counts[C_PACKETS] = adder.counts[C_PACKETS]! + count;
  }

  /**
   * Has `play` meter packets that never were, under timeouts of their own. Their flows go nowhere, and the cache is as new
   * afterwards, which it must be before. Gives the statistics of that time.
   */
  rehearse(timeouts: TimeoutOptions, play: () => void): FlowCacheStats {
    const { flows, clock, adder, output } = this;
    const { options } = flows.timeouts;
    this.output = NOWHERE;
    flows.setTimeouts(timeouts);
    play();
    this.flush();
    const stats = this.stats();
    flows.setTimeouts(options);
    flows.clearCounts();
    clock.counts.fill(0);
    adder.counts.fill(0);
    this.output = output;
    return stats;
  }

  /**
   * Moves the clock on without a packet, so that flows end on a silent line, and hands on the batch in the making. For
   * live capture, about once a second, with a time that no packet still on its way is older than. An earlier time
   * leaves the clock as it is.
   */
  advance(clockUs: number): void {
    this.clock.advance(clockUs);
    this.output.handOver();
  }

  /** Takes the clock of all packets over, of which a shard gets some; not later than its own, it changes nothing. */
  follow(clockUs: number): void {
    this.clock.follow(clockUs);
  }

  /**
   * Ends every flow (those that are due for their own reason, the rest with `reason`) and hands everything on. The
   * cache is as new afterwards, its clock included; counters stay.
   */
  flush(reason = END_FORCED): undefined {
    this.flows.flush(reason);
    this.output.handOver();
    this.clock.forget();
  }

  /**
   * Ends the flows in the rows from `from` (1 at first) on, at most `most` of them, and hands them on: for who must not
   * be given all at once. Returns the row to go on from, 0 when that was all. The clock goes on.
   */
  expire(from: number, most: number, reason = END_FORCED): number {
    const next = this.flows.endSome(from, most, reason);
    this.output.handOver();
    return next;
  }

  /** Other timeouts from now on; flows that are over by them end with the next second. Throws UserError. */
  setTimeouts(options: TimeoutOptions): void {
    this.flows.setTimeouts(options);
  }

  /**
   * Other columns from now on. Flows at hand end (END_FORCED) and leave with those that they have: nobody has kept the
   * others for them. Then `switched` is called. From now on extension records are needed as `cacheNeedsExtensions` says of
   * these columns.
   */
  setColumns(columns: readonly ColumnName[], switched: () => void = () => {}): undefined {
    this.expire(1, Number.POSITIVE_INFINITY);
    const { rows, writer, finder } = this;
    rows.setColumns(columns);
    finder.extras = rows.extras;
    if (writer !== undefined) writer.extras = rows.extensionWriter();
    else this.output = this.openSink!(this.store, rows.parts);
    this.needsExtensions = cacheNeedsExtensions({ key: rows.key, columns });
    switched();
  }

  /**
   * Copies the flows in the rows from `from` (1 at first) on, until `batch` is full, as they stand now; they stay. End
   * reason 0, received and exported `nowMs`. Returns the row to go on from, 0 when that was all.
   */
  snapshot(batch: FlowBatch, from: number, nowMs: number): number {
    if (this.writer === undefined) throw new Error('flow cache: a shard has no batches');
    return this.writer.copy(batch, from, nowMs);
  }

  stats(): FlowCacheStats {
    const { flows, clock, adder } = this;
    return {
      packets: adder.counts[C_PACKETS]!,
      octets: adder.counts[C_OCTETS]!,
      ignoredPackets: flows.ignored[IGNORED_PACKETS]!,
      ignoredOctets: flows.ignored[IGNORED_OCTETS]!,
      active: flows.active,
      peak: flows.peak,
      created: flows.opened,
      endedBy: [...flows.endedBy],
      waiting: flows.waiting,
      late: clock.counts[CLOCK_LATE]!,
      steppedBack: clock.counts[CLOCK_STEPPED_BACK]!,
      badTimes: clock.counts[CLOCK_BAD_TIMES]!,
      saturated: this.writer?.saturated ?? 0,
      slots: flows.table.mask + 1,
      maxProbe: flows.table.maxProbe,
      wheelEntries: flows.wheel.entries,
    };
  }

  /** Whether nothing of a packet is kept but its key and its part in sums. */
  private get keepsSumsOnly(): boolean {
    const { key, extras, biflows } = this.rows;
    return extras === undefined && biflows === undefined && isFullKey(key);
  }
}
