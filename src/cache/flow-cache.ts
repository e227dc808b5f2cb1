import {
  P_INPUT,
  P_META,
  P_META_VERSION_MASK,
  P_OCTETS,
  P_PORTS,
  P_PROTO_TOS_FLAGS,
  P_TIME,
} from '../addon/packet-layout.ts';
import {
  HEAD_RUNS,
  RUN_OCTETS,
  RUN_REST_FLAGS,
  RUN_REST_MASK,
  RUN_SPAN,
  RUN_WORDS,
} from '../addon/packet-run-layout.ts';
import type { FlowBatch } from '../flow/batch.ts';
import type { ColumnName } from '../flow/fields.ts';
import { UserError } from '../flow/user-error.ts';
import type { BiflowRows } from './biflow-rows.ts';
import type { ExtensionRows } from './extension-rows.ts';
import { columnNeedsExtensions } from './extension-writer.ts';
import type { FlowCacheOptions, FlowCacheStats, FlowTableOptions, MeteringCache } from './flow-cache-options.ts';
import { endsBefore } from './flow-endings.ts';
import { FlowRows } from './flow-rows.ts';
import { FULL_KEY, isFullKey, keyNeedsExtensions } from './key-fields.ts';
import {
  IGNORED_OCTETS,
  IGNORED_PACKETS,
  LiveFlows,
  NOW_CLOCK,
  NOW_NUMBER,
  NOW_TICK,
  NOW_TIME,
  SPARE_ROWS,
  TCP_FIN_RST,
  TICK_US,
} from './live-flows.ts';
import { CLOCK_BAD_TIMES, CLOCK_LATE, CLOCK_STEPPED_BACK, PacketClock } from './packet-clock.ts';
import {
  D_FIRST,
  D_LAST,
  D_OCTETS,
  D_PACKETS,
  D_SEEN,
  R_INPUT,
  R_PORTS,
  R_PROTO_TOS_FLAGS,
  R_STATE,
  R_STATE_FINISHED,
  R_STATE_LIVE,
  ROW_DOUBLE_SHIFT,
  ROW_WORD_SHIFT,
  type RowStore,
} from './row.ts';
import { GROUP, META_KEY, PROTO_TOS_MASK, RowFinder } from './row-finder.ts';
import type { RowCacheOptions, RowSink } from './row-sink.ts';
import type { RowWriter } from './row-writer.ts';
import { addOneByOne, firstOfRun, runsToAdd, timeOfLast } from './run-rest.ts';
import { END_FORCED, type TimeoutOptions, Timeouts } from './timeouts.ts';

const MAX_FLOWS = 1 << 24;

/** Indices of `FlowCache.counts`: doubles in class fields would be boxed, and change the shape of the class. */
const C_PACKETS = 0;
const C_OCTETS = 1;

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
  private needsExtensions = false;
  /** What is kept beyond rows; undefined when nobody asked for it. */
  private extras: ExtensionRows | undefined;
  /** What each way of a flow has; undefined where ways are flows. */
  private readonly biflows: BiflowRows | undefined;
  /** Indexed by C_*. */
  private readonly counts = new Float64Array(2);

  /** Throws UserError for timeouts or a number of flows out of range. */
  constructor(options: FlowCacheOptions | RowCacheOptions) {
    const { maxFlows, spareRows = SPARE_ROWS, hashSeed = 0 } = options;
    if (!(Number.isInteger(maxFlows) && maxFlows >= 1 && maxFlows <= MAX_FLOWS)) {
      throw new UserError(`maximum number of flows: ${maxFlows} is not a whole number from 1 to ${MAX_FLOWS}`);
    }
    this.rows = new FlowRows(options, maxFlows + spareRows, options.allocate);
    const { rows } = this;
    this.store = rows.store;
    this.extras = rows.extras;
    this.biflows = rows.biflows;
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
    this.finder.extras = this.extras;
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
    const { flows, finder } = this;
    if (this.needsExtensions && extensions === undefined) throw new Error('flow cache: no extension records');
    finder.extensions = extensions;
    const taken = runsToAdd(flows, words, times, count, runs, this.keepsSumsOnly);
    const steps = taken === undefined ? count : taken[HEAD_RUNS]!;
    for (let start = 0; start < steps; start += GROUP) {
      const size = Math.min(GROUP, steps - start);
      finder.readAhead(words, start, size);
      this.addGroup(words, times, start, size, extensions, numbers, taken);
    }
    // The latest packet may be one that a run had in it; it belongs to the running tick.
    if (taken !== undefined) flows.now[NOW_CLOCK] = timeOfLast(taken);
    this.counts[C_PACKETS] = this.counts[C_PACKETS]! + count;
  }

  /**
   * Meters a group of packets that the finder has read ahead. A function of its own, so that what V8 has compiled in the meantime is
   * taken up with the next group: a loop over all packets would be compiled once more, for its middle.
   */
  private addGroup(
    words: Uint32Array,
    times: Float64Array,
    start: number,
    size: number,
    extensions: Uint32Array | undefined,
    numbers: Float64Array | undefined,
    runs: Uint32Array | undefined,
  ): undefined {
    const { flows, finder, extras, biflows } = this;
    const { candidates } = finder;
    const rows = this.store.words;
    const doubles = this.store.doubles;
    const now = flows.now;
    const { activeUs, shortestIdleUs } = flows.timeouts;
    let clock = now[NOW_CLOCK]!;
    let tickEnd = (now[NOW_TICK]! + 1) * TICK_US;
    const packetsBefore = this.counts[C_PACKETS]!;
    let octets = 0;
    for (let i = 0; i < size; i++) {
      const packet = start + i;
      const p = packet << 4;
      let time = Math.floor(times[(packet << 3) + P_TIME / 2]!);
      if (time > clock) {
        if (time >= tickEnd) {
          now[NOW_TIME] = time;
          this.clock.enterTick();
          time = now[NOW_TIME]!;
          tickEnd = (now[NOW_TICK]! + 1) * TICK_US;
        }
        clock = time;
        now[NOW_CLOCK] = time;
      } else if (time !== clock) {
        now[NOW_TIME] = time;
        this.clock.takeLate();
        time = now[NOW_TIME]!;
        clock = now[NOW_CLOCK]!;
        tickEnd = (now[NOW_TICK]! + 1) * TICK_US;
      }

      const protoTosFlags = words[p + P_PROTO_TOS_FLAGS]!;
      const length = words[p + P_OCTETS]!;
      octets += length;
      let row = candidates[i]!;
      let r = row << ROW_WORD_SHIFT;
      // A candidate may have ended since it was read: then it is not live, or has another key.
      const metaKey = words[p + P_META]! & META_KEY;
      let differ =
        (rows[r + 3]! ^ words[p + 3]!) |
        (rows[r + 7]! ^ words[p + 7]!) |
        (rows[r + R_PORTS]! ^ words[p + P_PORTS]!) |
        ((rows[r + R_PROTO_TOS_FLAGS]! ^ protoTosFlags) & PROTO_TOS_MASK) |
        (rows[r + R_INPUT]! ^ words[p + P_INPUT]!) |
        ((rows[r + R_STATE]! & (META_KEY | R_STATE_LIVE)) ^ (metaKey | R_STATE_LIVE));
      // All IPv4 addresses are alike in their first three words.
      if ((metaKey & P_META_VERSION_MASK) !== 4) {
        differ |=
          (rows[r]! ^ words[p]!) |
          (rows[r + 1]! ^ words[p + 1]!) |
          (rows[r + 2]! ^ words[p + 2]!) |
          (rows[r + 4]! ^ words[p + 4]!) |
          (rows[r + 5]! ^ words[p + 5]!) |
          (rows[r + 6]! ^ words[p + 6]!);
      }
      if (differ !== 0) {
        row = finder.find(words, packet);
        r = row << ROW_WORD_SHIFT;
      }
      const d = row << ROW_DOUBLE_SHIFT;
      if (
        row !== 0 &&
        (time - doubles[d + D_FIRST]! >= activeUs ||
          time - doubles[d + D_LAST]! > shortestIdleUs ||
          time !== clock ||
          (rows[r + R_STATE]! & R_STATE_FINISHED) !== 0)
      ) {
        now[NOW_TIME] = time;
        if (endsBefore(flows, row, protoTosFlags)) row = 0;
      }
      if (row === 0) {
        now[NOW_TIME] = time;
        if (runs !== undefined) now[NOW_NUMBER] = packetsBefore + firstOfRun(runs, packet);
        else now[NOW_NUMBER] = numbers === undefined ? packetsBefore + packet : numbers[packet]!;
        row = flows.open(words, p);
        if (row !== 0 && extras !== undefined) extras.open(row, words, extensions, packet);
        if (row !== 0 && biflows !== undefined) biflows.open(row, i, protoTosFlags, length, now);
      } else {
        if (biflows !== undefined) {
          now[NOW_TIME] = time;
          this.addToWay(row, words, extensions, packet, i);
        } else if (extras !== undefined) {
          now[NOW_TIME] = time;
          extras.update(row, words, extensions, packet, now);
        }
        doubles[d + D_PACKETS] = doubles[d + D_PACKETS]! + 1;
        doubles[d + D_OCTETS] = doubles[d + D_OCTETS]! + length;
        if (time > doubles[d + D_LAST]!) doubles[d + D_LAST] = time;
        else if (time < doubles[d + D_FIRST]!) doubles[d + D_FIRST] = time;
        doubles[d + D_SEEN] = clock;
        rows[r + R_PROTO_TOS_FLAGS] = rows[r + R_PROTO_TOS_FLAGS]! | (protoTosFlags & 0xffff0000);
        if ((protoTosFlags & TCP_FIN_RST) !== 0) flows.finish(row, protoTosFlags);
      }

      if (runs === undefined) continue;
      const run = (packet + 1) * RUN_WORDS;
      const restFlags = runs[run + RUN_REST_FLAGS]!;
      if (restFlags === 0) continue;
      const restOctets = runs[run + RUN_OCTETS]!;
      const span = runs[run + RUN_SPAN]!;
      const last = time + span;
      r = row << ROW_WORD_SHIFT;
      const wide = row << ROW_DOUBLE_SHIFT;
      octets += restOctets;
      if (
        span <= shortestIdleUs &&
        last - doubles[wide + D_FIRST]! < activeUs &&
        (rows[r + R_STATE]! & R_STATE_FINISHED) === 0
      ) {
        doubles[wide + D_PACKETS] = doubles[wide + D_PACKETS]! + (restFlags & RUN_REST_MASK);
        doubles[wide + D_OCTETS] = doubles[wide + D_OCTETS]! + restOctets;
        doubles[wide + D_LAST] = last;
        doubles[wide + D_SEEN] = last;
        rows[r + R_PROTO_TOS_FLAGS] = rows[r + R_PROTO_TOS_FLAGS]! | (restFlags & 0xffff0000);
      } else {
        addOneByOne(flows, row, runs, packet, words, times, packetsBefore);
      }
    }
    this.counts[C_OCTETS] = this.counts[C_OCTETS]! + octets;
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
    this.flows.setTimeouts(new Timeouts(options, this.store));
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
    this.extras = rows.extras;
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
    const { flows, clock } = this;
    return {
      packets: this.counts[C_PACKETS]!,
      octets: this.counts[C_OCTETS]!,
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
    return this.extras === undefined && this.biflows === undefined && isFullKey(this.rows.key);
  }

  /** Adds packet `i` of a group to its way of a biflow; what is kept beyond rows is of the initiator's. */
  private addToWay(
    row: number,
    words: Uint32Array,
    extensions: Uint32Array | undefined,
    packet: number,
    i: number,
  ): void {
    const { extras, biflows } = this;
    const { now } = this.flows;
    const p = packet << 4;
    const hadForward = biflows!.hasForward(row);
    const isForward = biflows!.update(row, i, words[p + P_PROTO_TOS_FLAGS]!, words[p + P_OCTETS]!, now);
    if (isForward && !hadForward) extras?.open(row, words, extensions, packet);
    else if (isForward || !hadForward) extras?.update(row, words, extensions, packet, now);
  }
}
