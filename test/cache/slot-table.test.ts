import { expect, test } from 'vitest';
import { SlotTable } from '../../src/cache/slot-table.ts';

const ENTRIES = 150_000;
/** Many homes taken more than once. */
const hash = (row: number) => Math.imul(row >> 2, 0x9e3779b1) | 0;

function holds(table: SlotTable, row: number): boolean {
  const { slots, mask } = table;
  for (let at = hash(row) & mask; slots[(at << 1) + 1] !== 0; at = (at + 1) & mask) {
    if (slots[at << 1] === hash(row) && slots[(at << 1) + 1] === row) return true;
  }
  return false;
}

test('a table that grows keeps what it has, with the memory it asked for ahead and without', () => {
  const made: number[] = [];
  const table = new SlotTable((bytes) => {
    made.push(bytes);
    return new Uint8Array(bytes);
  });
  const missing: number[] = [];
  for (let row = 1; row <= ENTRIES; row++) table.insert(hash(row), row);
  for (let row = 1; row <= ENTRIES; row += 2) table.remove(hash(row), row);
  for (let row = 1; row <= ENTRIES; row++) if (holds(table, row) !== (row % 2 === 0)) missing.push(row);
  expect(missing).toEqual([]);
  expect(table.size).toBe(ENTRIES / 2);
  // Each twice the one before, and each made once however often the filling passes the mark.
  for (let row = 1; row <= ENTRIES; row += 2) table.insert(hash(row), row);
  expect(made).toEqual(Array.from({ length: 8 }, (_, power) => 8 * 4096 * 2 ** power));
  expect(table.mask + 1).toBe(2 ** 19);
});
