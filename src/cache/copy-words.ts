/** Copies words, eight at a turn: one at a turn costs half as much again, a call of `set` even more. */
export function copyWords(from: Int32Array, at: number, to: Int32Array, place: number, count: number): void {
  for (let i = 0; i < count; i += 8) {
    to[place + i] = from[at + i]!;
    to[place + i + 1] = from[at + i + 1]!;
    to[place + i + 2] = from[at + i + 2]!;
    to[place + i + 3] = from[at + i + 3]!;
    to[place + i + 4] = from[at + i + 4]!;
    to[place + i + 5] = from[at + i + 5]!;
    to[place + i + 6] = from[at + i + 6]!;
    to[place + i + 7] = from[at + i + 7]!;
  }
}

/** The same memory as signed words: `copyWords` is fast because it sees arrays of one kind. */
export function signed(words: Uint32Array): Int32Array {
  return new Int32Array(words.buffer, words.byteOffset, words.length);
}
