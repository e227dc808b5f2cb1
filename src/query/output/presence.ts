import { type ColumnName, columnByName, DIRECTION_UNKNOWN } from '../../flow/fields.ts';
import type { Cells, Chunk } from '../chunk.ts';

/** Whether a row says anything in one of these columns, of which only `stored` ones are read. */
export function presence(
  chunk: Chunk,
  names: readonly ColumnName[],
  stored: (name: ColumnName) => boolean,
): (row: number) => boolean {
  // A column after the other: asking each row for its columns costs several times as much.
  const present = new Uint8Array(chunk.rows);
  for (const name of names) {
    if (!stored(name)) continue;
    const { type } = columnByName.get(name)!;
    if (type === 'u64' || type === 'timeMs') {
      // A flow that says nothing of `flows` is one.
      markWords(present, chunk.words(name), name === 'flows' ? 2 : 1);
    } else markCells(present, chunk.narrow(name), name === 'direction' ? DIRECTION_UNKNOWN : 0);
  }
  return (row) => present[row] === 1;
}

function markCells(present: Uint8Array, cells: Cells, absent: number): void {
  for (let row = 0; row < present.length; row++) if (cells[row] !== absent) present[row] = 1;
}

function markWords(present: Uint8Array, words: Uint32Array, least: number): void {
  for (let row = 0; row < present.length; row++) {
    if (words[row * 2]! >= least || words[row * 2 + 1]! !== 0) present[row] = 1;
  }
}
