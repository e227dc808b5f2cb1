import type { Reader } from 'mmdb-lib';
import { type AddressWords, formatAddress } from '../flow/address.ts';
import { objectOf } from '../flow/json.ts';
import { oneLine } from '../flow/one-line.ts';
import { openMmdb } from './mmdb-file.ts';
import { networksOf } from './mmdb-networks.ts';

/** Addresses whose answers are remembered. */
const MOST_KNOWN = 1 << 16;

/** What MaxMind files say of an address; empty for what they do not. */
export interface Place {
  /** Two letters. */
  readonly country: string;
  /** Who has the AS number. */
  readonly organisation: string;
  /** `EU/CH/Zurich long/lat: 8.5500/47.3667`, as nfdump has it; of files of cities. */
  readonly location: string;
  /** 0 for nobody's. */
  readonly asNumber: number;
}

const NOWHERE: Place = { country: '', organisation: '', location: '', asNumber: 0 };

/** Countries and organisations by address, out of one or several files in the MaxMind format (`.mmdb`). */
export class PlaceDatabase {
  readonly #readers: readonly Reader<never>[];
  readonly #known = new Map<string, Place>();
  #organisations: ReadonlyMap<number, string> | undefined;

  /** Reads files; throws a `UserError` that names the one that is none. */
  constructor(paths: readonly string[]) {
    this.#readers = paths.map((path) => openMmdb(path).reader);
  }

  /** An address as four words, most significant first, IPv4 v4-mapped. */
  find(w0: number, w1: number, w2: number, w3: number): Place {
    const address = formatAddress(w0, w1, w2, w3);
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    const place = this.#readers.reduce((found, reader) => merge(found, read(reader, address)), NOWHERE);
    this.#known.set(address, place);
    return place;
  }

  /** Whose an AS number is, as the networks say that have one; empty for nobody's. */
  organisationOf(asNumber: number): string {
    this.#organisations ??= organisationsOf(this.#readers);
    return this.#organisations.get(asNumber) ?? '';
  }

  /** The addresses of a country (two capitals), in their order. The first file that knows any country is asked. */
  blocksOf(country: string): readonly AddressBlock[] {
    return this.#blocks(
      (place) => place.country,
      (there) => there === country,
    );
  }

  /** The addresses whose AS number `matches`, in their order. The first file that knows any is asked. */
  blocksOfAs(matches: (asNumber: number) => boolean): readonly AddressBlock[] {
    return this.#blocks((place) => place.asNumber, matches);
  }

  #blocks<T>(read: (place: Place) => T, matches: (value: T) => boolean): readonly AddressBlock[] {
    for (const reader of this.#readers) {
      let knowsAny = false;
      const found: AddressBlock[] = [];
      for (const { from, to, version, record } of networksOf(reader)) {
        const value = read(placeIn(record));
        // What a file does not tell is empty or 0.
        if (!value) continue;
        knowsAny = true;
        if (matches(value)) found.push({ from, to, version });
      }
      if (knowsAny) return found;
    }
    return [];
  }
}

function organisationsOf(readers: readonly Reader<never>[]): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  for (const reader of readers) {
    for (const { record } of networksOf(reader)) {
      const { asNumber, organisation } = placeIn(record);
      if (asNumber > 0 && organisation !== '' && !found.has(asNumber)) found.set(asNumber, organisation);
    }
  }
  return found;
}

/** Addresses of one family from one to another. */
interface AddressBlock {
  readonly from: AddressWords;
  readonly to: AddressWords;
  readonly version: 4 | 6;
}

function merge(first: Place, second: Place): Place {
  return {
    country: first.country || second.country,
    organisation: first.organisation || second.organisation,
    location: first.location || second.location,
    asNumber: first.asNumber || second.asNumber,
  };
}

function read(reader: Reader<never>, address: string): Place {
  try {
    return placeIn(reader.get(address));
  } catch {
    // A damaged place in the file, or an IPv6 address in a file of IPv4.
    return NOWHERE;
  }
}

function placeIn(value: unknown): Place {
  const record = objectOf(value);
  const country = objectOf(record['country'])['iso_code'] ?? record['country_code'] ?? record['country'];
  const organisation = record['autonomous_system_organization'] ?? record['as_name'] ?? record['name'];
  const asNumber = Number(record['autonomous_system_number'] ?? 0);
  return {
    country: textOf(country).slice(0, 2),
    organisation: textOf(organisation),
    location: locationOf(record),
    asNumber: Number.isInteger(asNumber) && asNumber > 0 && asNumber < 2 ** 32 ? asNumber : 0,
  };
}

/** Empty for a record that tells neither a city nor where it is. */
function locationOf(record: Record<string, unknown>): string {
  const { latitude, longitude } = objectOf(record['location']);
  const city = textOf(objectOf(objectOf(record['city'])['names'])['en']);
  if (city === '' && typeof latitude !== 'number') return '';
  const continent = textOf(objectOf(record['continent'])['code']);
  const country = textOf(objectOf(record['country'])['iso_code']);
  const degrees = [longitude, latitude].map((value) => (typeof value === 'number' ? value : 0).toFixed(4));
  return `${continent}/${country}/${city} long/lat: ${degrees.join('/')}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? oneLine(value) : '';
}
