import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ChosenFile, segmentsIn } from './segment-files.ts';
import { LAYOUT_COUNT, parseSlotTime, segmentTime, slotDirectory } from './slots.ts';

const HOUR_MS = 3_600_000;
/** A slot is a day long at most. */
const LONGEST_SLOT_MS = 86_400_000;
/** How often directories of layouts are looked for that a store does not use. */
const ALL_LAYOUTS_MS = 60_000;
/** File systems tell two changes within such a time by one time of change. */
const SAME_TIME_MS = 2000;

interface Listing {
  readonly changedMs: number;
  readonly readMs: number;
  /** Older files are left out. */
  readonly sinceMs: number;
  readonly files: readonly { readonly file: ChosenFile; readonly writtenMs: number }[];
}

/**
 * Finds the files of running stores that were written to since a time, again and again: it asks a directory that has not
 * changed for nothing but the time of its last change, and looks into those alone that slots of that time have in the
 * layout of the store.
 */
export class RecentSegments {
  private readonly stores: readonly string[];
  /** Layouts that a store has files in. */
  private readonly layouts = new Map<string, ReadonlySet<number>>();
  private listings = new Map<string, Listing>();
  private allFromMs = 0;

  constructor(stores: readonly string[]) {
    this.stores = stores;
  }

  /** The files, store by store, in the order of their names. */
  async find(sinceMs: number, nowMs: number): Promise<ChosenFile[]> {
    const isAll = nowMs >= this.allFromMs;
    if (isAll) this.allFromMs = nowMs + ALL_LAYOUTS_MS;
    const before = this.listings;
    // Days come and go: what is not looked at any more is forgotten.
    this.listings = new Map();
    const found: ChosenFile[] = [];
    for (const store of this.stores) {
      const known = isAll ? undefined : this.layouts.get(store);
      const used = new Set<number>();
      for (const [place, layouts] of places(sinceMs, nowMs, known)) {
        const files = await this.filesIn(join(store, place), before, sinceMs, nowMs);
        for (const file of files) found.push(file);
        if (files.length > 0) for (const layout of layouts) used.add(layout);
      }
      if (used.size > 0) this.layouts.set(store, used);
      else this.layouts.delete(store);
    }
    return found;
  }

  private async filesIn(
    directory: string,
    before: ReadonlyMap<string, Listing>,
    sinceMs: number,
    nowMs: number,
  ): Promise<ChosenFile[]> {
    const changedMs = (await stat(directory).catch(() => undefined))?.mtimeMs;
    if (changedMs === undefined) return [];
    let listing = before.get(directory);
    const isSame = listing?.changedMs === changedMs && listing.readMs - changedMs > SAME_TIME_MS;
    if (listing === undefined || !isSame || listing.sinceMs > sinceMs) {
      listing = { changedMs, readMs: nowMs, sinceMs, files: await readRecent(directory, sinceMs) };
    }
    this.listings.set(directory, listing);
    return listing.files.filter(({ writtenMs }) => writtenMs >= sinceMs).map(({ file }) => file);
  }
}

/** Sub-directories of slots since a time, in order, each with the layouts that it is of. */
function places(sinceMs: number, nowMs: number, known: ReadonlySet<number> | undefined): [string, Set<number>][] {
  const found = new Map<string, Set<number>>();
  for (let layout = 0; layout < LAYOUT_COUNT; layout++) {
    if (known !== undefined && !known.has(layout)) continue;
    for (let ms = sinceMs - HOUR_MS; ms < nowMs + HOUR_MS; ms += HOUR_MS) {
      const place = slotDirectory(ms, layout);
      const layouts = found.get(place);
      if (layouts === undefined) found.set(place, new Set([layout]));
      else layouts.add(layout);
    }
  }
  return [...found].sort(([a], [b]) => (a < b ? -1 : 1));
}

async function readRecent(directory: string, sinceMs: number): Promise<Listing['files']> {
  const files: { file: ChosenFile; writtenMs: number }[] = [];
  for (const file of await segmentsIn(directory)) {
    const digits = segmentTime(file.name);
    const startMs = digits === undefined ? undefined : parseSlotTime(digits);
    // Its name alone says that the slot ended before.
    if (startMs !== undefined && startMs + LONGEST_SLOT_MS < sinceMs) continue;
    // What is gone by now has become part of another.
    const written = await stat(file.path).catch(() => undefined);
    if (written !== undefined && written.mtimeMs >= sinceMs) files.push({ file, writtenMs: written.mtimeMs });
  }
  return files;
}
