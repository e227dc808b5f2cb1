import { randomInt } from 'node:crypto';
import { addon } from '../../addon/addon.ts';
import { EXTENSION_WORDS } from '../../addon/packet-extension-layout.ts';
import { P_TIME, PACKET_WORDS } from '../../addon/packet-layout.ts';
import { HEAD_RUNS } from '../../addon/packet-run-layout.ts';
import { cacheNeedsExtensions, FlowCache } from '../../cache/flow-cache.ts';
import type { FlowCacheOptions, MeteringCache } from '../../cache/flow-cache-options.ts';
import { ShardedCache } from '../../cache/sharded-cache.ts';
import { timeoutOptions } from '../../cache/timeout-presets.ts';
import { warmUp } from '../../cache/warm-up.ts';
import { DuplicateFilter } from '../../capture/duplicates.ts';
import type { PacketSlot } from '../../capture/source.ts';
import type { FlowBatch } from '../../flow/batch.ts';
import type { Enrichment } from './enrichment.ts';
import { meteredColumns } from './metered-columns.ts';
import type { ExportOptions } from './options.ts';
import { Pacer } from './pacer.ts';

/** Packets reach the cache so long after their time at most; its clock must not run ahead of them. */
const CAPTURE_DELAY_MS = 300;

/** A capture may be out of order by so much, in packet time, without the clock of a paced replay running ahead of it. */
const DISORDER_MS = 1000;

/** Captures from this size on gain more by a warm-up than it costs (docs/decisions/0240). */
const WARM_UP_BYTES = 32 << 20;

/** Whether metering as `options` have it is to be given extension records. */
export function meteringNeedsExtensions(options: ExportOptions): boolean {
  const { dedupMs, key } = options;
  return dedupMs !== undefined || cacheNeedsExtensions({ key, columns: meteredColumns(options) });
}

/** Packets in, flows out, with what is known of them beyond their packets; in replay at the pace that is asked for. */
export class PacketMeter {
  readonly cache: MeteringCache;
  readonly #duplicates: DuplicateFilter | undefined;
  readonly #pacer: Pacer | undefined;
  readonly #isLive: boolean;
  #enrichment: Enrichment;
  /** Boot time counts from the first packet in replay, from the start in live capture. */
  #firstPacketMs = Date.now();
  #isFirst = true;
  #played = 0;

  /** Flows leave for `output`, filled in by `enrichment`. `onFailure`: a worker failed, and metering will throw. */
  constructor(
    options: ExportOptions,
    enrichment: Enrichment,
    output: Pick<FlowCacheOptions, 'sink' | 'acquire'>,
    onFailure: () => void,
  ) {
    const { dedupMs, key, biflow, maxFlows, whenFull, timeouts, speed, workers } = options;
    const { rate } = options.sampling;
    this.#isLive = options.interfaces.length > 0;
    this.#enrichment = enrichment;
    const cacheOptions: FlowCacheOptions = {
      ...timeoutOptions(timeouts),
      key,
      biflow,
      columns: meteredColumns(options),
      hashSeed: randomInt(2 ** 32),
      maxFlows,
      whenFull,
      sink: (batch) => output.sink(this.#enrichment.fill(rate > 1 ? markSampled(batch, rate) : batch)),
      acquire: output.acquire,
      allocate: (bytes) => addon().allocateHuge(bytes),
    };
    // Who has sent a capture may know what each worker gets: that makes it slow, whereas evictions that are not the same
    // from run to run would make it another result.
    const shardSeed = this.#isLive ? randomInt(2 ** 32) : 0;
    this.cache =
      workers === 1
        ? new FlowCache(cacheOptions)
        : new ShardedCache({
            ...cacheOptions,
            workers,
            shardSeed,
            isExtended: meteringNeedsExtensions(options),
            onFailure,
          });
    if (dedupMs !== undefined) this.#duplicates = new DuplicateFilter({ mode: 'same', windowMs: dedupMs });
    if (speed > 0) this.#pacer = new Pacer(speed);
  }

  /** Gets ready for a capture of so many bytes, 0 if nobody knows how many. */
  expect(bytes: number): void {
    if (bytes >= WARM_UP_BYTES && this.cache instanceof FlowCache) warmUp(this.cache);
  }

  /** Resolves when its threads run, if it has any. */
  async ready(): Promise<void> {
    await this.cache.ready?.();
  }

  /** Time of the first packet in replay. */
  get firstPacketMs(): number {
    return this.#firstPacketMs;
  }

  /** Packets left out so far because they were there already. */
  get duplicatePackets(): number {
    return this.#duplicates?.duplicates ?? 0;
  }

  /** How many of the packets read, of which `metered` came, have been played so far: of a paced replay, else all. */
  playedShare(metered: number): number {
    return this.#pacer === undefined || metered === 0 ? 1 : Math.min(1, this.#played / metered);
  }

  /** Whether time goes on without packets. */
  get hasClock(): boolean {
    return this.#isLive || this.#pacer !== undefined;
  }

  /** Meters the packets of a slot: at once, or where they are played as they come due. */
  take(slot: PacketSlot): Promise<void> | undefined {
    this.#duplicates?.filter(slot);
    if (this.#isFirst && slot.count > 0 && !this.#isLive) {
      this.#firstPacketMs = earliestMs(slot);
      this.#isFirst = false;
    }
    if (this.#pacer !== undefined) {
      return this.#pacer.play(slot, (from, to) => {
        this.#played += to - from;
        return addRun(this.cache, slot, from, to);
      });
    }
    return this.cache.addPackets(slot.words, slot.doubles, slot.count, slot.extensions, undefined, slot.runs);
  }

  /** No slot is at hand just now. */
  settle(): void {
    this.cache.settle?.();
  }

  /** Moves the cache's clock on; gives the time that it is for packets, NaN while there is none. */
  tick(): number {
    const nowMs = this.#pacer === undefined ? Date.now() : this.#pacer.clockUs() / 1000;
    const delayMs = this.#pacer === undefined ? CAPTURE_DELAY_MS : DISORDER_MS;
    if (!Number.isNaN(nowMs)) this.cache.advance((nowMs - delayMs) * 1000);
    return nowMs;
  }

  /**
   * Flows have what the template of `options` asks for, filled in by `enrichment`, as soon as those at hand have left: then
   * `switched` is called.
   */
  change(options: ExportOptions, enrichment: Enrichment, switched: () => void): Promise<void> | undefined {
    return this.cache.setColumns(meteredColumns(options), () => {
      this.#enrichment = enrichment;
      switched();
    });
  }

  /** Packets that are played come without waiting from now on. */
  hurry(): void {
    this.#pacer?.stop();
  }
}

/** The sampling rate of flows that a sampled meter made. */
function markSampled(batch: FlowBatch, rate: number): FlowBatch {
  batch.use('sampling').fill(rate, 0, batch.rows);
  return batch;
}

function addRun(cache: MeteringCache, slot: PacketSlot, from: number, to: number): Promise<void> | undefined {
  const [firstWord, firstDouble] = [from * PACKET_WORDS, (from * PACKET_WORDS) >>> 1];
  const extensions = slot.extensions?.subarray(from * EXTENSION_WORDS);
  return cache.addPackets(slot.words.subarray(firstWord), slot.doubles.subarray(firstDouble), to - from, extensions);
}

/** Captures of several interfaces are rarely in order from the first packet on. */
function earliestMs(slot: PacketSlot): number {
  let earliestUs = Number.POSITIVE_INFINITY;
  const records = slot.runs?.[HEAD_RUNS] || slot.count;
  for (let i = 0; i < records; i++) earliestUs = Math.min(earliestUs, slot.doubles[(i * PACKET_WORDS + P_TIME) >>> 1]!);
  return earliestUs / 1000;
}
