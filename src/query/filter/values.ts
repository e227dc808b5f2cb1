import { type AddressWords, isV4, parseAddress } from '../../flow/address.ts';
import { UserError } from '../../flow/user-error.ts';
import type { AddressRange, Prefix } from './tree.ts';

const SCALES: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9, t: 1e12 };

/** Decimal with an optional k, m, g or t (powers of 1000), or 0x hexadecimal; undefined when it is neither. */
export function parseNumber(text: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number(text);
  const match = /^(\d+)([kmgt])?$/i.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * (match[2] === undefined ? 1 : SCALES[match[2].toLowerCase()]!);
}

/** The ends of `A-B`, cut at the first dash that has a value on both sides; undefined when there is none. */
export function splitRange<T>(text: string, parse: (text: string) => T | undefined): readonly [T, T] | undefined {
  for (let at = text.indexOf('-', 1); at > 0; at = text.indexOf('-', at + 1)) {
    const from = parse(text.slice(0, at));
    const to = from === undefined ? undefined : parse(text.slice(at + 1));
    if (from !== undefined && to !== undefined) return [from, to];
  }
  return undefined;
}

/** `aa:bb:cc:dd:ee:ff` as one number. */
export function parseMac(text: string): number | undefined {
  return /^([0-9a-f]{1,2}:){5}[0-9a-f]{1,2}$/i.test(text)
    ? text.split(':').reduce((value, octet) => value * 256 + Number.parseInt(octet, 16), 0)
    : undefined;
}

export function formatMac(value: number): string {
  const digits = value.toString(16).padStart(12, '0');
  return digits.replaceAll(/..(?!$)/g, '$&:');
}

/**
 * Milliseconds since 1970 of `YYYY[-MM[-DD[Thh[:mm[:ss[.mmm]]]]]]` (or a blank for the `T`), local time unless a `Z`
 * follows; undefined when it is not such a time.
 */
export function parseIsoTime(text: string): number | undefined {
  const match = /^(\d{4})(?:-(\d\d?)(?:-(\d\d?)(?:[T ](\d\d?)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?)?)?)?)?(Z)?$/i.exec(
    text,
  );
  return match === null ? undefined : timeOfParts(match.slice(1, 8), match[8] !== undefined);
}

/** Time of year, month, day, hour, minute, second and fraction, missing ones the first of their kind. */
export function timeOfParts(parts: readonly (string | undefined)[], utc: boolean): number | undefined {
  const [year, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts
    .slice(0, 6)
    .map((part) => (part === undefined ? undefined : Number(part)));
  const millisecond = Number((parts[6] ?? '0').padEnd(3, '0'));
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 60) return undefined;
  if (day < 1 || day > new Date(Date.UTC(year!, month, 0)).getUTCDate()) return undefined;
  if (utc) return Date.UTC(year!, month - 1, day, hour, minute, second, millisecond);
  return new Date(year!, month - 1, day, hour, minute, second, millisecond).getTime();
}

/** Dotted IPv4 of which trailing zero octets may be missing (`172.16`), or any full address. */
export function parseShortAddress(text: string): AddressWords | undefined {
  const missing = 4 - text.split('.').length;
  const full = /^\d+(\.\d+){0,2}$/.test(text) ? text + '.0'.repeat(missing) : text;
  return parseAddress(full);
}

/** Prefix length of an IPv4 mask such as 255.255.0.0; undefined when its ones are not all in front. */
export function parseNetMask(text: string): number | undefined {
  const words = text.includes('.') ? parseAddress(text) : undefined;
  if (words === undefined) return undefined;
  const zeros = ~words[3] >>> 0;
  return (zeros & (zeros + 1)) === 0 ? Math.clz32(zeros) : undefined;
}

/**
 * The block of an address: bits beyond `length` are cleared. `length` counts in the family that the address is written
 * in; the whole address when it is undefined.
 */
export function makePrefix(words: AddressWords, length: number | undefined, writtenAsV6: boolean): Prefix {
  const v4 = isV4(words[0], words[1], words[2]) && (!writtenAsV6 || length === undefined || length >= 96);
  const version = v4 ? 4 : 6;
  const most = v4 ? 32 : 128;
  const own = length === undefined ? most : v4 && writtenAsV6 ? length - 96 : length;
  if (own > most) throw new UserError(`/${length} is longer than an IPv${version} address`);
  return { words: clearHostBits(words, own + (v4 ? 96 : 0)), length: own, version };
}

/** The addresses from one to another; undefined when they are of two families or the wrong way round. */
export function makeAddressRange(from: AddressWords, to: AddressWords): AddressRange | undefined {
  const version = isV4(from[0], from[1], from[2]) ? 4 : 6;
  if (version !== (isV4(to[0], to[1], to[2]) ? 4 : 6)) return undefined;
  const differs = from.findIndex((word, index) => word !== to[index]);
  return differs >= 0 && from[differs]! > to[differs]! ? undefined : { from, to, version };
}

function clearHostBits(words: AddressWords, bits: number): AddressWords {
  const cleared = words.map((word, index) => {
    const keep = Math.min(32, Math.max(0, bits - index * 32));
    return keep === 0 ? 0 : (word & (0xffff_ffff << (32 - keep))) >>> 0;
  });
  return cleared as unknown as AddressWords;
}
