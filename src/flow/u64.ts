/** What the high word of a u64 cell counts. */
export const TWO_32 = 0x1_0000_0000;

/** A u64 cell as a number; exact up to 2^53, above that the nearest. */
export function wide(words: Uint32Array, row: number): number {
  return words[row * 2]! + words[row * 2 + 1]! * TWO_32;
}
