import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addon } from '../../src/addon/addon.ts';
import { D_END, D_NUMBER, R_TICK, ROW_DOUBLE_SHIFT, ROW_WORDS, RowStore } from '../../src/cache/row.ts';
import { RowOrder } from '../../src/cache/row-order.ts';
import { SlotTable } from '../../src/cache/slot-table.ts';
import { WHEEL_TAKE_MAX, Wheel } from '../../src/cache/wheel.ts';

const allocate = (bytes: number) => new Uint8Array(bytes);

describe('RowOrder', () => {
  it('orders by time, then by number, as a comparing sort does', () => {
    const key = fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 2_000_000 }), fc.maxSafeNat());
    fc.assert(
      fc.property(fc.array(fc.tuple(key, key), { maxLength: 300 }), (pairs) => {
        const store = new RowStore(400, allocate);
        const order = new RowOrder(store, D_END);
        const rows = pairs.map(([time, number]) => {
          const row = store.take(0);
          store.doubles[(row << ROW_DOUBLE_SHIFT) + D_END] = time;
          store.doubles[(row << ROW_DOUBLE_SHIFT) + D_NUMBER] = number;
          order.push(row);
          return { row, time, number };
        });
        order.sort();
        const expected = rows.sort((a, b) => a.time - b.time || a.number - b.number || a.row - b.row);
        expect([...order.rows.subarray(0, order.count)]).toEqual(expected.map(({ row }) => row));
      }),
      { numRuns: 300 },
    );
  });
});

describe('SlotTable', () => {
  it('holds what was inserted and not removed, through growth and collisions', () => {
    // Few bits of hash, so that chains cross, wrap around the end and close over holes.
    const hash = fc.constantFrom(0, 1, 2, 4093, 4094, 4095, 8190, 8191, -1, -2, 12_287);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), hash), { maxLength: 400 }), fc.boolean(), (steps, crowded) => {
        const table = new SlotTable(allocate);
        const model = new Map<number, number>();
        let next = 1;
        for (; crowded && next < 2100; next++) {
          table.insert(Math.imul(next, 0x9e3779b1), next);
          model.set(next, Math.imul(next, 0x9e3779b1));
        }
        for (const [isInsert, hash] of steps) {
          if (isInsert || model.size === 0) {
            table.insert(hash, next);
            model.set(next++, hash);
          } else {
            const [row, its] = [...model].at(hash % model.size)!;
            table.remove(its, row);
            model.delete(row);
          }
        }
        expect(table.size).toBe(model.size);
        for (const [row, its] of model) expect(isFound(table, its, row)).toBe(true);
        expect(table.slots.filter((word, i) => i % 2 === 1 && word !== 0).length).toBe(model.size);
      }),
      { numRuns: 200 },
    );
  });

  it('keeps what it has as it grows into memory that it asked for ahead', () => {
    const made: number[] = [];
    const table = new SlotTable((bytes) => {
      made.push(bytes);
      return new Uint8Array(bytes);
    });
    const rows = Array.from({ length: 150_000 }, (_, i) => i + 1);
    const hash = (row: number) => Math.imul(row >> 2, 0x9e3779b1);
    const odd = rows.filter((row) => row % 2 === 1);
    for (const row of rows) table.insert(hash(row), row);
    for (const row of odd) table.remove(hash(row), row);
    expect(rows.filter((row) => isFound(table, hash(row), row) !== (row % 2 === 0))).toEqual([]);
    // Filled anew past the mark: nothing is asked for twice.
    for (const row of odd) table.insert(hash(row), row);
    expect(made).toEqual(Array.from({ length: 8 }, (_, power) => 8 * 4096 * 2 ** power));
    expect(table.mask + 1).toBe(2 ** 19);
  });

  function isFound(table: SlotTable, hash: number, row: number): boolean {
    for (let at = hash & table.mask; table.slots[at * 2 + 1] !== 0; at = (at + 1) & table.mask) {
      if (table.slots[at * 2] === hash && table.slots[at * 2 + 1] === row) return true;
    }
    return false;
  }
});

describe('Wheel', () => {
  const out = new Int32Array(WHEEL_TAKE_MAX);

  /** Words of so many rows that have not entered for this tick or a later one. */
  function rowWords(rows: number, before: number): Int32Array {
    const words = new Int32Array(rows * ROW_WORDS);
    for (let at = R_TICK; at < words.length; at += ROW_WORDS) words[at] = before - 1;
    return words;
  }

  /** The rows that have entered for a tick, in order. */
  function takeAll(wheel: Wheel, words: Int32Array, tick: number): number[] {
    const rows: number[] = [];
    for (let n = wheel.take(tick, out); n > 0; n = wheel.take(tick, out)) {
      rows.push(...out.slice(0, addon().fetchEntered(new Int32Array(2), words, out, n, tick)));
    }
    return rows.sort((a, b) => a - b);
  }

  it('gives back every row of a tick, once, and keeps its memory', () => {
    const words = rowWords(10_001, 0x7fffffff);
    const wheel = new Wheel(100, words);
    expect(wheel.span).toBeGreaterThan(100);
    for (let lap = 0; lap < 20; lap++) {
      const running = (0x7fffffff + lap * 50) | 0; // ticks are modulo 2^32
      for (let row = 1; row <= 10_000; row++) wheel.enter(row, running, row & 1);
      expect(wheel.entries).toBe(10_000);
      for (const odd of [0, 1]) {
        const expected = Array.from({ length: 5000 }, (_, i) => 2 * i + 2 - odd);
        expect(takeAll(wheel, words, (running + odd) | 0)).toEqual(expected);
      }
      expect(wheel.entries).toBe(0);
    }
  });

  it('gives a row that enters twice at the earlier tick alone', () => {
    const words = rowWords(200, 7);
    const wheel = new Wheel(100, words);
    for (let row = 0; row < 200; row++) {
      wheel.enter(row, 7, 20);
      wheel.enter(row, 9, row % 40);
    }
    // Rows of every second score came no earlier, and left no second entry.
    expect(wheel.entries).toBe(200 + 5 * 18);
    for (let tick = 9; tick < 27; tick++) {
      const later = tick - 9;
      expect(takeAll(wheel, words, tick)).toEqual([0, 40, 80, 120, 160].map((row) => row + later));
    }
    expect(takeAll(wheel, words, 27)).toHaveLength(200 - 5 * 18);
    expect(wheel.entries).toBe(0);
  });
});
