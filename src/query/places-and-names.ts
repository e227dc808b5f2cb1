import type { Writable } from 'node:stream';
import { UserError } from '../flow/user-error.ts';
import type { DumpOptions } from './options.ts';
import type { PlaceNames } from './output/cells.ts';
import { type Format, printsTag } from './output/format.ts';
import type { PlacesOfFilter } from './planner.ts';

/** Tags that print what an exporter calls one of its numbers. */
const NAME_TAGS: ReadonlySet<string> = new Set(['%inam', '%onam', '%ivrfnam', '%evrfnam', '%app', '%nbnam']);

const PLACE_TAGS: ReadonlySet<string> = new Set([
  '%sc',
  '%dc',
  '%sasn',
  '%dasn',
  '%sloc',
  '%dloc',
  '%gsa',
  '%gda',
  '%gsap',
  '%gdap',
  '%gra',
]);

/** What opens files of places, and where a mistake that does no harm is told. */
export interface PlaceOpener {
  readonly stderr: Writable;
  openPlaces(paths: readonly string[]): Promise<PlaceNames>;
}

/** -G. A file of nfdump's own may be named by habit: it is told, and does no harm where no place was asked for. */
export async function openPlaces(options: DumpOptions, opener: PlaceOpener): Promise<PlaceNames | undefined> {
  if (options.places.length === 0) return undefined;
  try {
    return await opener.openPlaces(options.places);
  } catch (error) {
    if (!(error instanceof UserError) || namesPlaces(options)) throw error;
    opener.stderr.write(`-G: ${error.message}; no places are shown\n`);
    return undefined;
  }
}

/** Whether a place is asked for by name, not only shown because there is a file of places. */
function namesPlaces({ format }: DumpOptions): boolean {
  return format !== undefined && [...PLACE_TAGS].some((tag) => format.includes(tag));
}

export function placesOfFilter(places: PlaceNames | undefined): PlacesOfFilter | undefined {
  if (places === undefined) return undefined;
  return {
    countries: async (country) => places.blocksOf(country),
    asNumbers: (matches) => places.blocksOfAs(matches),
  };
}

/** Whether the names that exporters told are printed. */
export function printsNames(format: Format): boolean {
  return format.kind === 'json' || format.kind === 'ndjson' || printsTag(format, NAME_TAGS);
}
