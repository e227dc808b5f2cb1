import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { addon } from '../addon/addon.ts';
import type { NativeSegmentWriter, SegmentColumn } from '../addon/segments.ts';
import type { FlowBatch } from '../flow/batch.ts';
import { makeDirectory } from './make-directory.ts';
import { ColumnSet, segmentColumns } from './segment-columns.ts';
import { type SegmentStyle, STATS_KEY, segmentOptions } from './segment-metadata.ts';
import { SlotStats, TOTALS } from './slot-stats.ts';
import { partName, slotTime } from './slots.ts';

/** What the parts of a store have in common, whatever slot they are of. */
export interface PartSession {
  readonly id: string;
  /** Number of the next part. */
  sequence: number;
  /** Resolves when the latest part is durable, or has failed: parts become so in turn, so that a crash leaves no hole. */
  published: Promise<void>;
}

/** A session unlike any other, so that names of parts never come again. */
export function newPartSession(): PartSession {
  return { id: randomBytes(4).toString('hex'), sequence: 0, published: Promise.resolve() };
}

/** Told by a slot writer about each part, so that trouble is reported once and no loss goes uncounted. */
export interface PartEvents {
  /** Flows that could not be stored, and why. */
  lost(flows: number, cause: Error): void;
  /** A part became durable and visible. */
  stored(flows: number): void;
  /** Sequence errors since the last call; they are kept with the part that is being finished. */
  takeSequenceErrors?(): number;
}

interface Part {
  readonly writer: NativeSegmentWriter;
  readonly stats: SlotStats;
  /** Resolves when every append so far has ended, well or not. */
  appended: Promise<void>;
  /** Flows handed to the writer, all of which are lost if the part fails. */
  flows: number;
  failed: boolean;
}

/**
 * Writes the parts of one slot. A part has one schema: when a flow brings a column that the open part lacks, that part
 * is finished and the next one has the column too, so a slot has at most one part more for each such column.
 */
export class SlotWriter {
  readonly startMs: number;
  /** Slot time as in names. */
  readonly time: string;
  readonly directory: string;
  private readonly style: SegmentStyle;
  private readonly session: PartSession;
  private readonly events: PartEvents;
  private readonly columns = new ColumnSet();
  /** True once the slot has, or is about to have, a part with flows. */
  hasParts = false;
  private part: Part | undefined;
  private readonly pending = new Set<Promise<void>>();

  constructor(startMs: number, directory: string, style: SegmentStyle, session: PartSession, events: PartEvents) {
    this.startMs = startMs;
    this.time = slotTime(startMs, style.intervalSeconds);
    this.directory = directory;
    this.style = style;
    this.session = session;
    this.events = events;
  }

  /**
   * Appends rows `from` to `to` of a batch as one row group. The batch must not change until the promise resolves,
   * which it does also when the flows were lost (`PartEvents` says so).
   */
  append(batch: FlowBatch, from: number, to: number): Promise<void> {
    if (this.columns.add(batch)) this.finishPart();
    const rows = to - from;
    let part: Part;
    try {
      this.part ??= this.open();
      part = this.part;
    } catch (cause) {
      this.events.lost(rows, cause as Error);
      return Promise.resolve();
    }
    this.hasParts = true;
    part.flows += rows;
    return this.track(this.appendTo(part, segmentColumns(batch, this.columns.columns, from, to), rows));
  }

  /** Makes the open part durable and visible; nothing happens without one. */
  finishPart(): void {
    const part = this.part;
    if (part === undefined) return;
    this.part = undefined;
    part.stats.sequenceErrors += this.events.takeSequenceErrors?.() ?? 0;
    this.session.published = this.track(this.finish(part, this.session.published));
  }

  /** Writes a part without flows, so that the slot has a file. */
  writeEmptyPart(): void {
    try {
      const part = this.open();
      const none = this.columns.columns.map(({ sql: name, type, absent }) => ({ name, type, absent }));
      this.track(this.appendTo(part, none, 0));
      this.part = part;
      this.finishPart();
    } catch (cause) {
      this.events.lost(0, cause as Error);
    }
  }

  /** Resolves when nothing that was asked for is under way any more. */
  async settled(): Promise<void> {
    while (this.pending.size > 0) await Promise.all(this.pending);
  }

  private open(): Part {
    makeDirectory(this.directory);
    const path = join(this.directory, partName(this.time, this.session.id, this.session.sequence++));
    const writer = new (addon().SegmentWriter)(path, { ...segmentOptions(this.style, this.time), totals: TOTALS });
    return { writer, stats: new SlotStats(), appended: Promise.resolve(), flows: 0, failed: false };
  }

  private appendTo(part: Part, columns: SegmentColumn[], rows: number): Promise<void> {
    const appended = part.writer.append(columns, rows).then(
      (totals) => part.stats.addTotals(totals),
      (cause: Error) => this.fail(part, cause),
    );
    part.appended = part.appended.then(() => appended);
    return appended;
  }

  private async finish(part: Part, before: Promise<void>): Promise<void> {
    // The statistics are whole only then.
    await part.appended;
    await before;
    // The writer has removed the file of a part that failed.
    if (part.failed) return;
    await part.writer.finish({ [STATS_KEY]: JSON.stringify(part.stats.toJson()) }).then(
      () => this.events.stored(part.flows),
      (cause: Error) => this.fail(part, cause),
    );
  }

  /** Counts all flows of a part as lost, once: whatever else was asked of its writer fails too, in any order. */
  private fail(part: Part, cause: Error): void {
    if (part.failed) return;
    part.failed = true;
    if (this.part === part) this.part = undefined;
    this.events.lost(part.flows, cause);
  }

  private track(work: Promise<void>): Promise<void> {
    const tracked = work.finally(() => this.pending.delete(tracked));
    this.pending.add(tracked);
    return tracked;
  }
}
