/** A word with its octets the other way round: from network order to a number on little-endian machines, and back. */
export function swapOctets(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
