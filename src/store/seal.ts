import { readdir, rename, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { addon } from '../addon/addon.ts';
import type { SegmentInfo } from '../addon/segments.ts';
import { isMissing } from '../flow/missing.ts';
import { columnsNamed } from './segment-columns.ts';
import {
  mergedParts,
  PARTS_KEY,
  type SegmentStyle,
  STATS_KEY,
  segmentInfo,
  segmentOptions,
  segmentStats,
} from './segment-metadata.ts';
import { SlotStats, type SlotStatsJson } from './slot-stats.ts';
import { partTime, segmentName } from './slots.ts';

/** A slot whose flows are all in one file. */
export interface SealedSlot {
  readonly path: string;
  readonly stats: SlotStatsJson;
  /** Parts whose rows the file has; to be deleted once no reader can still mean to open them. */
  readonly mergedParts: string[];
}

/**
 * Makes one file of a slot: of its parts and, after a restart inside the slot, of the file that is already there.
 *
 * The file names the parts it was made of. So whoever finds both (a reader in the next seconds, or `recover` after a
 * crash) knows that these parts count no more; and a crash before the rename leaves the parts as they were. Resolves to
 * undefined when the slot has nothing at all.
 */
export async function sealSlot(
  directory: string,
  time: string,
  style: SegmentStyle,
  log: (message: string) => void,
): Promise<SealedSlot | undefined> {
  const path = join(directory, segmentName(time));
  const names = await readdir(directory).catch((cause): string[] => {
    if (isMissing(cause)) return [];
    throw cause;
  });
  const partNames = names.filter((name) => partTime(name) === time).sort();
  const before = names.includes(segmentName(time)) ? await infoOrSetAside(path, log) : undefined;
  const known = new Set(before === undefined ? [] : mergedParts(before));
  const old = partNames.filter((name) => known.has(name));
  const fresh: { name: string; info: SegmentInfo }[] = [];
  for (const name of partNames) {
    if (known.has(name)) continue;
    const info = await infoOrSetAside(join(directory, name), log);
    if (info !== undefined) fresh.push({ name, info });
  }
  const infos = [...(before === undefined ? [] : [before]), ...fresh.map((part) => part.info)];
  if (infos.length === 0) return undefined;
  const stats = new SlotStats();
  for (const info of infos) {
    const json = segmentStats(info);
    if (json !== undefined) stats.addJson(json);
  }
  const merged = [...old, ...fresh.map((part) => part.name)];
  const sealed = { path, stats: stats.toJson() };
  const paths = (of: string[]) => of.map((name) => join(directory, name));

  if (fresh.length === 0) return { ...sealed, mergedParts: paths(old) };
  if (before === undefined && fresh.length === 1) {
    await addon().renameDurably(join(directory, fresh[0]!.name), path);
    return { ...sealed, mergedParts: [] };
  }
  const inputs = paths(fresh.map((part) => part.name));
  if (before !== undefined) inputs.unshift(path);
  await addon().mergeSegments(
    inputs,
    path,
    columnsNamed(new Set(infos.flatMap((info) => info.columns))),
    segmentOptions(style, time, { [STATS_KEY]: JSON.stringify(sealed.stats), [PARTS_KEY]: JSON.stringify(merged) }),
  );
  return { ...sealed, mergedParts: paths(merged) };
}

/** Deletes parts whose rows are in the slot's file; one that is gone already is fine. */
export async function deleteParts(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await unlink(path).catch((cause) => {
      if (!isMissing(cause)) throw cause;
    });
  }
}

/** A file that cannot be read must not keep the rest of its slot from being sealed. */
async function infoOrSetAside(path: string, log: (message: string) => void): Promise<SegmentInfo | undefined> {
  try {
    return await segmentInfo(path);
  } catch (cause) {
    const aside = `${path}.bad`;
    await rename(path, aside);
    log(`${(cause as Error).message}; it was set aside as ${aside}`);
    return undefined;
  }
}
