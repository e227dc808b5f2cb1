import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { addon } from '../addon/addon.ts';
import type { NativeDirectoryLock } from '../addon/segments.ts';
import type { FlowBatch } from '../flow/batch.ts';
import { makeDirectory } from './make-directory.ts';
import { sealSlot } from './seal.ts';
import type { SegmentStyle } from './segment-metadata.ts';
import { indexSlot } from './slot-index.ts';
import { newPartSession, type PartSession, SlotWriter } from './slot-writer.ts';
import { LAYOUT_COUNT, segmentName, slotDirectory, slotTime } from './slots.ts';
import { takeDirectory } from './take-directory.ts';

export interface SlotArchiveOptions {
  readonly directory: string;
  /** Sub-directories, 0 to 8 as `-S` has them. */
  readonly layout: number;
  /** Questions will be asked more than once. */
  readonly indexed: boolean;
  readonly log: (message: string) => void;
}

/** What is known of a slot before its flows. */
export interface SlotHead {
  readonly startMs: number;
  readonly intervalSeconds: number;
  /** Name of the source. */
  readonly ident: string;
}

/** Slots in the making stand here, out of sight of readers. */
const WORK_DIRECTORY = '.weir.work';

/**
 * Writes whole slots in any order: history that comes from elsewhere. It has its directory to itself. A slot appears
 * at once and whole, so whoever is interrupted goes on with the next.
 */
export class SlotArchive {
  private readonly options: SlotArchiveOptions;
  private readonly directory: string;
  private readonly work: string;
  private readonly lock: NativeDirectoryLock;
  private readonly session = newPartSession();

  private constructor(options: SlotArchiveOptions, directory: string, lock: NativeDirectoryLock) {
    this.options = options;
    this.directory = directory;
    this.work = join(directory, WORK_DIRECTORY);
    this.lock = lock;
  }

  /** @throws UserError when the directory cannot be used or somebody else has it. */
  static async open(options: SlotArchiveOptions): Promise<SlotArchive> {
    const directory = resolve(options.directory);
    const archive = new SlotArchive(options, directory, takeDirectory(directory));
    // Of a run that was interrupted: its slots are made anew.
    await archive.clear();
    return archive;
  }

  /** True when there is a file for the slot, in whatever layout. */
  has(startMs: number, intervalSeconds: number): boolean {
    const name = segmentName(slotTime(startMs, intervalSeconds));
    const layouts = Array.from({ length: LAYOUT_COUNT }, (_, layout) => slotDirectory(startMs, layout));
    return layouts.some((directory) => existsSync(join(this.directory, directory, name)));
  }

  /** Begins a slot; there is one at a time. */
  async begin({ startMs, intervalSeconds, ident }: SlotHead): Promise<ArchiveSlot> {
    makeDirectory(this.work);
    const { layout, indexed, log } = this.options;
    const style: SegmentStyle = { ident, intervalSeconds, compression: 'zstd', level: 1, bloom: [], indexed };
    const home = join(this.directory, slotDirectory(startMs, layout));
    return new ArchiveSlot({ startMs, work: this.work, home, style, session: this.session, indexed, log });
  }

  /** Removes what was written of slots that did not come to their end. */
  clear(): Promise<void> {
    return rm(this.work, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.clear();
    this.lock.release();
  }
}

interface SlotPlace {
  readonly startMs: number;
  readonly work: string;
  /** Directory that the finished file goes to. */
  readonly home: string;
  readonly style: SegmentStyle;
  readonly session: PartSession;
  readonly indexed: boolean;
  readonly log: (message: string) => void;
}

/** One slot in the making. */
export class ArchiveSlot {
  private readonly place: SlotPlace;
  private readonly writer: SlotWriter;
  private failure: Error | undefined;

  constructor(place: SlotPlace) {
    this.place = place;
    this.writer = new SlotWriter(place.startMs, place.work, place.style, place.session, {
      lost: (_, cause) => {
        this.failure ??= cause;
      },
      stored: () => undefined,
    });
  }

  /** Appends all rows of a batch, which must not change until this resolves. Rejects when they cannot be written. */
  async append(batch: FlowBatch): Promise<void> {
    if (batch.rows > 0) await this.writer.append(batch, 0, batch.rows);
    if (this.failure !== undefined) throw this.failure;
  }

  /** Makes the slot's file, also of no flows, in place of one that was there; resolves to its path. */
  async seal(): Promise<string> {
    const { writer, place } = this;
    if (writer.hasParts) writer.finishPart();
    else writer.writeEmptyPart();
    await writer.settled();
    if (this.failure !== undefined) throw this.failure;
    const sealed = await sealSlot(place.work, writer.time, place.style, place.log);
    if (sealed === undefined) throw new Error(`slot ${writer.time} has no file`);
    const path = join(place.home, segmentName(writer.time));
    makeDirectory(place.home);
    await addon().renameDurably(sealed.path, path);
    await Promise.all(sealed.mergedParts.map((part) => rm(part, { force: true })));
    if (place.indexed) {
      await indexSlot(path).catch((cause: Error) => place.log(`slot ${writer.time} is not indexed: ${cause.message}`));
    }
    return path;
  }

  /** Lets go of what was written. */
  async discard(): Promise<void> {
    this.writer.finishPart();
    await this.writer.settled();
    await rm(this.place.work, { recursive: true, force: true });
  }
}
