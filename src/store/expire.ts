import { rmdir, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isMissing } from '../flow/missing.ts';
import { UserError, unreadableDirectory } from '../flow/user-error.ts';
import type { ExpiryLimits } from './expiry-limits.ts';
import { slotDirectories } from './slot-directories.ts';
import { forgetDeleted, INDEX_NAME } from './slot-index.ts';
import { parseSlotTime, segmentTime } from './slots.ts';

/** A flow file that may be deleted. */
export interface StoredFile {
  readonly path: string;
  /** Start of its slot, milliseconds since 1970. */
  readonly startMs: number;
  /**
   * Room that it takes on the disk, which is what a limit is about, not its length; with its share of the index of the
   * directory.
   */
  readonly diskBytes: number;
}

/** Files that have gone, or would go, and what is left. */
export interface Expired {
  readonly deleted: readonly StoredFile[];
  readonly kept: readonly StoredFile[];
}

const BLOCK_BYTES = 512;

type Weighed = { -readonly [Name in keyof StoredFile]: StoredFile[Name] };

/** Adds what files have in common to each of them. */
function share(bytes: number, files: readonly Weighed[]): void {
  let rest = bytes;
  for (const [index, file] of files.entries()) {
    const part = Math.round(rest / (files.length - index));
    file.diskBytes += part;
    rest -= part;
  }
}

/** The finished flow files of a store, oldest first. Files with other names are not weir's to delete. */
export async function storedFiles(directory: string): Promise<StoredFile[]> {
  const files: Weighed[] = [];
  try {
    for await (const { path, entries } of slotDirectories(directory)) {
      const before = files.length;
      for (const entry of entries) {
        const startMs = entry.isFile() ? parseSlotTime(segmentTime(entry.name) ?? '') : undefined;
        if (startMs === undefined) continue;
        const file = join(path, entry.name);
        const blocks = await blocksOf(file);
        if (blocks !== undefined) files.push({ path: file, startMs, diskBytes: blocks * BLOCK_BYTES });
      }
      if (entries.some(({ name }) => name === INDEX_NAME)) {
        share(((await blocksOf(join(path, INDEX_NAME))) ?? 0) * BLOCK_BYTES, files.slice(before));
      }
    }
  } catch (cause) {
    throw unreadableDirectory(directory, cause);
  }
  return files.sort((a, b) => a.startMs - b.startMs || (a.path < b.path ? -1 : 1));
}

/**
 * Which files pass the limits: oldest first until what is left is within the watermark of each limit that is passed.
 * The newest always stays; a collector may be adding to it.
 */
export function chooseExpired(files: readonly StoredFile[], limits: ExpiryLimits, nowMs: number): Expired {
  const { sizeBytes, lifeMs, watermarkPercent } = limits;
  const share = watermarkPercent / 100;
  const most = files.length - 1;
  let size = files.reduce((sum, file) => sum + file.diskBytes, 0);
  let count = 0;
  if (sizeBytes > 0 && size > sizeBytes) {
    while (count < most && size > sizeBytes * share) size -= files[count++]!.diskBytes;
  }
  const ageMs = () => nowMs - files[count]!.startMs;
  if (lifeMs > 0 && count < most && ageMs() > lifeMs) {
    while (count < most && ageMs() > lifeMs * share) count++;
  }
  return { deleted: files.slice(0, count), kept: files.slice(count) };
}

/** Deletes files, then the sub-directories of the store that this leaves empty. A file that is gone already is fine. */
export async function deleteFiles(directory: string, files: readonly StoredFile[]): Promise<void> {
  const directories = new Set<string>();
  for (const { path } of files) {
    try {
      await unlink(path);
    } catch (cause) {
      if (!isMissing(cause)) throw new UserError(`cannot delete ${path}: ${(cause as Error).message}`, { cause });
    }
    directories.add(dirname(path));
  }
  for (const emptied of directories) {
    await forgetDeleted(emptied);
    await removeEmpty(emptied, directory);
  }
}

/** Removes a directory that is empty, and those above it, below `top`. */
async function removeEmpty(directory: string, top: string): Promise<void> {
  for (let path = directory; path !== top && path.startsWith(join(top, '/')); path = dirname(path)) {
    try {
      await rmdir(path);
    } catch {
      // Not empty, or not ours to remove: it may stay.
      return;
    }
  }
}

/** Undefined when the file has gone since it was listed. */
async function blocksOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).blocks;
  } catch (cause) {
    if (isMissing(cause)) return undefined;
    throw cause;
  }
}
