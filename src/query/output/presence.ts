import { type ColumnName, columnByName, DIRECTION_UNKNOWN } from '../../flow/fields.ts';
import type { Chunk } from '../chunk.ts';

/** Whether a row says anything in one of these columns, of which only `stored` ones are read. */
export function presence(
  chunk: Chunk,
  names: readonly ColumnName[],
  stored: (name: ColumnName) => boolean,
): (row: number) => boolean {
  const tests = names.filter(stored).map((name): ((row: number) => boolean) => {
    const column = columnByName.get(name)!;
    if (column.type === 'u64' || column.type === 'timeMs') {
      const words = chunk.words(name);
      // A flow that says nothing of `flows` is one.
      const least = name === 'flows' ? 2 : 1;
      return (row) => words[row * 2]! >= least || words[row * 2 + 1]! !== 0;
    }
    const cells = chunk.narrow(name);
    const absent = name === 'direction' ? DIRECTION_UNKNOWN : 0;
    return (row) => cells[row] !== absent;
  });
  return (row) => tests.some((test) => test(row));
}
