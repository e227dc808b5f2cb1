import { deleteParts, type SealedSlot, sealSlot } from './seal.ts';
import type { SegmentStyle } from './segment-metadata.ts';
import { indexSlot } from './slot-index.ts';
import type { SlotStatsJson } from './slot-stats.ts';
import type { SlotWriter } from './slot-writer.ts';

/** A slot that ended, once its file is in place. */
export interface EndedSlot {
  readonly startMs: number;
  readonly endMs: number;
  readonly path: string;
  /** Directory of the store, above the sub-directories of its layout. */
  readonly storeDirectory: string;
  readonly ident: string;
  readonly stats: SlotStatsJson;
}

interface SlotSealerOptions {
  readonly storeDirectory: string;
  readonly style: SegmentStyle;
  readonly onSlotEnd: ((slot: EndedSlot) => void) | undefined;
  readonly log: (message: string) => void;
  /** Wall clock, milliseconds since 1970. */
  readonly now: () => number;
}

/** How long the parts of a sealed slot stay, for readers that listed the directory before. */
const PART_GRACE_MS = 10_000;

/** Makes one file of each slot that has ended, in the background and one after another, and deletes its parts some time later. */
export class SlotSealer {
  /** Slots that are not done with. */
  pending = 0;
  private readonly options: SlotSealerOptions;
  private sealing: Promise<void> = Promise.resolve();
  /** Slots that could not be sealed; tried again with the next one. */
  private unsealed: SlotWriter[] = [];
  private condemned: { paths: readonly string[]; atMs: number }[] = [];
  /** The latest slot could not be entered into the index; said once. */
  private indexFails = false;

  constructor(options: SlotSealerOptions) {
    this.options = options;
  }

  /** Puts a slot in line to which nothing will be appended any more. */
  add(slot: SlotWriter): void {
    this.pending++;
    this.sealing = this.sealing.then(async () => {
      const slots = [...this.unsealed, slot];
      this.unsealed = [];
      for (const each of slots) await this.seal(each);
      await this.deleteMerged();
      this.pending--;
    });
  }

  /** Resolves when all slots in line have been tried. */
  settled(): Promise<void> {
    return this.sealing;
  }

  /** Deletes merged parts that no reader can still mean to open. */
  deleteMerged(): Promise<void> {
    return this.deleteCondemned(this.options.now() - PART_GRACE_MS);
  }

  /** Seals what is in line, and leaves no merged part behind. */
  async close(): Promise<void> {
    await this.sealing;
    await this.deleteCondemned(Number.POSITIVE_INFINITY);
  }

  private async seal(slot: SlotWriter): Promise<void> {
    const { storeDirectory, style, onSlotEnd, log, now } = this.options;
    await slot.settled();
    let sealed: SealedSlot | undefined;
    try {
      sealed = await sealSlot(slot.directory, slot.time, style, log);
    } catch (cause) {
      // Its parts are as good as the file to readers; nothing is lost.
      this.unsealed.push(slot);
      log(`slot ${slot.time} stays in parts for now: ${(cause as Error).message}`);
    }
    if (sealed === undefined) return;
    this.condemned.push({ paths: sealed.mergedParts, atMs: now() });
    await this.index(sealed.path);
    const { startMs } = slot;
    const { path, stats } = sealed;
    const endMs = startMs + style.intervalSeconds * 1000;
    try {
      onSlotEnd?.({ startMs, endMs, path, storeDirectory, ident: style.ident, stats });
    } catch (cause) {
      // Whoever is told of a slot must not keep the next ones from being sealed.
      log(`after slot ${slot.time}: ${(cause as Error).message}`);
    }
  }

  private async index(path: string): Promise<void> {
    try {
      await indexSlot(path);
      this.indexFails = false;
    } catch (cause) {
      if (!this.indexFails) {
        this.options.log(`slots are not indexed, which makes questions slower: ${(cause as Error).message}`);
      }
      this.indexFails = true;
    }
  }

  private async deleteCondemned(untilMs: number): Promise<void> {
    const due = this.condemned.filter((each) => each.atMs <= untilMs);
    this.condemned = this.condemned.filter((each) => each.atMs > untilMs);
    try {
      for (const { paths } of due) await deleteParts(paths);
    } catch (cause) {
      // The slot's file lists them, so they do no harm, and the next start tries again.
      this.options.log(`parts that are merged stay for now: ${(cause as Error).message}`);
    }
  }
}
