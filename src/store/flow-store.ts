import { join, resolve } from 'node:path';
import type { NativeDirectoryLock, SegmentOptions } from '../addon/segments.ts';
import type { FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { UserError } from '../flow/user-error.ts';
import { recover } from './recover.ts';
import type { SegmentStyle } from './segment-metadata.ts';
import { type EndedSlot, SlotSealer } from './slot-sealer.ts';
import { newPartSession, SlotWriter } from './slot-writer.ts';
import { DEFAULT_INTERVAL_SECONDS, DEFAULT_LAYOUT, LAYOUT_COUNT, slotDirectory, slotStart } from './slots.ts';
import { Staging } from './staging.ts';
import { takeDirectory } from './take-directory.ts';

export interface FlowStoreOptions {
  readonly directory: string;
  /**
   * `live`: a flow belongs to the slot of the wall clock, and is readable after `flushMs`. `replay`: it belongs to the
   * slot of its `receivedMs` (which never goes back to a slot that ended), and is readable when that slot ends.
   */
  readonly mode: 'live' | 'replay';
  /** Name of the source, kept in each file; default `none`. */
  readonly ident?: string;
  readonly intervalSeconds?: number;
  /** Sub-directories, 0 to 8 as `-S` has them; default 1, year/month/day. */
  readonly layout?: number;
  readonly flushMs?: number;
  readonly compression?: SegmentOptions['compression'];
  readonly level?: number;
  /** Columns (names in the file) with Bloom filters; default none. */
  readonly bloom?: readonly string[];
  readonly onSlotEnd?: (slot: EndedSlot) => void;
  /** Sequence errors met since the last call, for the statistics of the file. */
  readonly takeSequenceErrors?: () => number;
  /** One line for the operator; default: standard error. */
  readonly log?: (message: string) => void;
  /** Wall clock, milliseconds since 1970. */
  readonly now?: () => number;
}

/** The same with what is not given at its default. */
type StoreOptions = FlowStoreOptions & Required<Pick<FlowStoreOptions, 'layout' | 'log' | 'now'>>;

const DEFAULT_FLUSH_MS = 2000;
/** Row groups under way before `write` asks its caller to wait. */
const MOST_PENDING = 4;
/** Files for slots without flows that are written at most when the clock has jumped ahead. */
const MOST_EMPTY_SLOTS = 48;

/**
 * Stores flows in time-sliced Parquet segments below one directory, which it has to itself.
 *
 * Within a slot small part files appear; when the slot ends they become one file, in the background. A crash loses what
 * was not flushed, never a file, and leaves nothing half written under a name that readers look at.
 */
export class FlowStore implements FlowConsumer {
  /** Flows that could not be stored: a full disk, a directory that went away. */
  lostFlows = 0;
  /** Flows in files that are durable. */
  storedFlows = 0;
  /** Row groups are encoded side by side, and written in the order that they came in. */
  readonly concurrentWrites = MOST_PENDING;
  private readonly options: StoreOptions;
  private readonly style: SegmentStyle;
  private readonly lock: NativeDirectoryLock;
  private readonly session = newPartSession();
  private readonly staging = new Staging();
  private readonly sealer: SlotSealer;
  private readonly pending = new Set<Promise<void>>();
  private readonly log: (message: string) => void;
  private readonly now: () => number;
  private readonly timer: NodeJS.Timeout | undefined;
  private slot: SlotWriter | undefined;
  /** After an error nothing is tried until the next flush. */
  private blocked = false;
  /** Since the last error nothing could be stored; flows lost in that time. */
  private troubled = false;
  private lostInRow = 0;
  private closed = false;

  private constructor(options: StoreOptions, style: SegmentStyle, lock: NativeDirectoryLock) {
    this.options = options;
    this.style = style;
    this.lock = lock;
    this.log = options.log;
    this.now = options.now;
    const { directory: storeDirectory, onSlotEnd, log, now } = options;
    this.sealer = new SlotSealer({ storeDirectory, style, onSlotEnd, log, now });
    if (options.mode === 'live') {
      this.slot = this.makeSlot(slotStart(this.now(), style.intervalSeconds));
      this.timer = setInterval(() => this.flush(), options.flushMs ?? DEFAULT_FLUSH_MS).unref();
    }
  }

  /** Takes the directory (made if need be), and puts in order what an earlier process left in it. */
  static async open(options: FlowStoreOptions): Promise<FlowStore> {
    const style: SegmentStyle = {
      ident: options.ident ?? 'none',
      intervalSeconds: options.intervalSeconds ?? DEFAULT_INTERVAL_SECONDS,
      compression: options.compression ?? 'zstd',
      level: options.level ?? 1,
      bloom: options.bloom ?? [],
      indexed: options.mode === 'replay',
    };
    const {
      layout = DEFAULT_LAYOUT,
      log = (message: string) => console.error(message),
      now = Date.now,
      mode,
    } = options;
    if (!Number.isInteger(style.intervalSeconds) || style.intervalSeconds < 1) {
      throw new UserError(`the rotation interval is a whole number of seconds from 1, not ${style.intervalSeconds}`);
    }
    if (!Number.isInteger(layout) || layout < 0 || layout >= LAYOUT_COUNT) {
      throw new UserError(`the sub-directory layout is a number from 0 to ${LAYOUT_COUNT - 1}, not ${layout}`);
    }
    const directory = resolve(options.directory);
    const lock = takeDirectory(directory);
    try {
      const { slots } = await recover(directory, style, mode === 'live' ? now() : Number.POSITIVE_INFINITY, log);
      if (slots > 0) log(`${directory}: finished ${slots} slots that an earlier run left in parts`);
      return new FlowStore({ ...options, directory, layout, log, now }, style, lock);
    } catch (cause) {
      lock.release();
      throw cause;
    }
  }

  write(batch: FlowBatch): Promise<void> | undefined {
    if (this.closed) throw new Error('the flow store is closed');
    if (this.options.mode === 'live') {
      this.rotate(this.now());
      return this.add(batch, 0, batch.rows);
    }
    return this.replay(batch);
  }

  /** False while flows are lost because they cannot be written. */
  get isStoring(): boolean {
    return !this.troubled;
  }

  /** Makes everything written so far durable and readable, and seals the running slot. */
  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.timer);
    this.blocked = false;
    if (this.options.mode === 'live') this.rotate(this.now());
    this.flushStaging();
    if (this.slot !== undefined) this.endSlot(this.slot, this.options.mode === 'live');
    this.slot = undefined;
    await this.sealer.close();
    this.lock.release();
  }

  private replay(batch: FlowBatch): Promise<void> | undefined {
    const received = batch.get('receivedMs');
    const intervalMs = this.style.intervalSeconds * 1000;
    let waits: Promise<void> | undefined;
    let from = 0;
    while (from < batch.rows) {
      if (this.slot === undefined || (received?.[from] ?? 0) >= this.slot.startMs + intervalMs) {
        this.rotate(received?.[from] ?? 0);
      }
      const endMs = this.slot!.startMs + intervalMs;
      // Rows before the slot stay in it: its predecessors have ended.
      const to = received === undefined ? batch.rows : endOfSlot(received, from + 1, batch.rows, endMs);
      const added = this.add(batch, from, to);
      waits = waits === undefined ? added : added === undefined ? waits : Promise.all([waits, added]).then(() => {});
      from = to;
    }
    // A replay is as fast as its files are sealed: without this, one of many short slots would open them all.
    if (this.sealer.pending <= MOST_PENDING) return waits;
    return Promise.all([waits, this.sealer.settled()]).then(() => {});
  }

  private add(batch: FlowBatch, from: number, to: number): Promise<void> | undefined {
    if (this.blocked && this.options.mode === 'live') {
      this.lose(to - from);
      return undefined;
    }
    if (this.staging.isLarge(to - from)) {
      this.flushStaging();
      return this.slot!.append(batch, from, to);
    }
    if (!this.staging.add(batch, from, to)) {
      this.flushStaging();
      this.staging.add(batch, from, to);
    }
    return this.pending.size < MOST_PENDING ? undefined : Promise.all(this.pending).then(() => {});
  }

  private flushStaging(): void {
    const batch = this.staging.take();
    if (batch === undefined || this.slot === undefined) return;
    const appended = this.slot.append(batch, 0, batch.rows).then(() => {
      this.staging.release(batch);
      this.pending.delete(appended);
    });
    this.pending.add(appended);
  }

  /** Every `flushMs`: what came since the last time becomes readable. */
  private flush(): void {
    this.blocked = false;
    this.rotate(this.now());
    this.flushStaging();
    this.slot?.finishPart();
    void this.sealer.deleteMerged();
  }

  /**
   * Ends the running slot if `timeMs` lies after it, or so far before it that the clock must have been wrong: it would be
   * the running one until the clock has caught up. Only starts work, never waits for it.
   */
  private rotate(timeMs: number): void {
    const startMs = slotStart(timeMs, this.style.intervalSeconds);
    const running = this.slot;
    const live = this.options.mode === 'live';
    if (running !== undefined && startMs <= running.startMs) {
      const backMs = running.startMs - startMs;
      if (!live || backMs <= this.style.intervalSeconds * 1000) return;
      this.log(`the clock went back by ${Math.round(backMs / 1000)} s: slot ${running.time} ends`);
    }
    if (running !== undefined) {
      this.flushStaging();
      this.endSlot(running, live);
      if (live) this.skipSlots(running.startMs, startMs);
    }
    this.slot = this.makeSlot(startMs);
  }

  /** Files for the slots between two that the clock passed without a flow. */
  private skipSlots(afterMs: number, beforeMs: number): void {
    const intervalMs = this.style.intervalSeconds * 1000;
    const from = Math.max(afterMs + intervalMs, beforeMs - MOST_EMPTY_SLOTS * intervalMs);
    for (let startMs = from; startMs < beforeMs; startMs += intervalMs) this.endSlot(this.makeSlot(startMs), true);
  }

  private endSlot(slot: SlotWriter, evenEmpty: boolean): void {
    slot.finishPart();
    if (evenEmpty && !slot.hasParts) slot.writeEmptyPart();
    this.sealer.add(slot);
  }

  private makeSlot(startMs: number): SlotWriter {
    const directory = join(this.options.directory, slotDirectory(startMs, this.options.layout));
    return new SlotWriter(startMs, directory, this.style, this.session, {
      takeSequenceErrors: () => this.options.takeSequenceErrors?.() ?? 0,
      lost: (flows, cause) => {
        if (!this.troubled) this.log(`flows are not being stored and are lost until this is mended: ${cause.message}`);
        this.troubled = true;
        this.blocked = true;
        this.lose(flows);
      },
      stored: (flows) => {
        this.storedFlows += flows;
        if (!this.troubled) return;
        this.log(`flows are being stored again; ${this.lostInRow} were lost`);
        this.troubled = false;
        this.lostInRow = 0;
      },
    });
  }

  private lose(flows: number): void {
    this.lostFlows += flows;
    this.lostInRow += flows;
  }
}

/** First row from `row` on that was received at or after `endMs`; `rows` when there is none. */
function endOfSlot(received: Float64Array, row: number, rows: number, endMs: number): number {
  while (row < rows && received[row]! < endMs) row++;
  return row;
}
