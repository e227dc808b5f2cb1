import type { Dirent } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { deleteParts, sealSlot } from './seal.ts';
import { mergedParts, type SegmentStyle, segmentInfo } from './segment-metadata.ts';
import { slotDirectories } from './slot-directories.ts';
import { indexSlot } from './slot-index.ts';
import { isTemporary, parseSlotTime, partTime, segmentName } from './slots.ts';

export interface Recovered {
  /** Slots whose left-over parts were made one file. */
  slots: number;
  temporaries: number;
}

/**
 * Puts in order what a process left that ended without `close`: removes temporary files, deletes parts that are in
 * their slot's file, and seals the slots that ended at or before `nowMs`. The caller has the directory to itself.
 */
export async function recover(
  directory: string,
  style: SegmentStyle,
  nowMs: number,
  log: (message: string) => void,
): Promise<Recovered> {
  const recovered: Recovered = { slots: 0, temporaries: 0 };
  for await (const { path, entries } of slotDirectories(directory)) {
    const times = new Set<string>();
    for (const entry of entries) {
      if (!entry.isFile()) continue;
      if (isTemporary(entry.name)) {
        // One that is gone was of somebody who is at work, such as weir sampling.
        await rm(join(path, entry.name), { force: true });
        recovered.temporaries++;
      }
      const time = partTime(entry.name);
      if (time !== undefined) times.add(time);
    }
    for (const time of [...times].sort()) {
      const startMs = parseSlotTime(time);
      if (startMs === undefined) continue;
      try {
        if (startMs + style.intervalSeconds * 1000 > nowMs) {
          await deleteMerged(path, time, entries);
          continue;
        }
        const sealed = await sealSlot(path, time, style, log);
        if (sealed !== undefined) {
          await deleteParts(sealed.mergedParts);
          // Without an entry questions open the file.
          await indexSlot(sealed.path).catch(() => undefined);
        }
        recovered.slots++;
      } catch (cause) {
        // One damaged file must not keep a collector from starting; what can be read is read from the parts.
        log(`slot ${time} stays in parts: ${(cause as Error).message}`);
      }
    }
  }
  return recovered;
}

async function deleteMerged(directory: string, time: string, entries: readonly Dirent[]): Promise<void> {
  const name = segmentName(time);
  if (!entries.some((entry) => entry.name === name)) return;
  await deleteParts(mergedParts(await segmentInfo(join(directory, name))).map((part) => join(directory, part)));
}
