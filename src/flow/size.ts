import { UserError } from './user-error.ts';

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** Octets of a size such as `500M`, `1.5GB` or `2T` (base 1024); 0 for no limit. */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([KMGT]?)B?$/i.exec(text);
  if (match === null) throw new UserError(`a size is a number with K, M, G or T, such as 500M or 1.5T, not "${text}"`);
  return Math.floor(Number(match[1]) * SIZE_UNITS[match[2]!.toUpperCase()]!);
}
