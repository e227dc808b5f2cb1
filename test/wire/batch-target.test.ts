import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FlowBatch } from '../../src/flow/batch.ts';
import { columns } from '../../src/flow/fields.ts';
import { BatchTarget, columnIndex } from '../../src/wire/batch-target.ts';

const CAPACITY = 16;
/** One column of each width, and one whose absent value is not 0. */
const NAMES = ['proto', 'srcPort', 'domain', 'exporterLo', 'firstMs', 'direction'] as const;

/** One set: what is done to a column, and with which value. */
const step = fc.record({
  name: fc.constantFrom(...NAMES),
  way: fc.constantFrom('whole', 'fill', 'column', 'all'),
  value: fc.constantFrom(0, 1, 2, 255),
});
const sets = fc.array(fc.record({ rows: fc.integer({ min: 1, max: 5 }), steps: fc.array(step, { maxLength: 8 }) }), {
  maxLength: 40,
});

/** The cells of a column up to the last row. */
function valuesOf(batch: FlowBatch, name: (typeof NAMES)[number]): number[] | undefined {
  const array = batch.get(name);
  if (array === undefined) return undefined;
  const cells = columns[columnIndex(name)]!.type === 'u64' ? 2 : 1;
  return [...array.subarray(0, batch.rows * cells)];
}

describe('BatchTarget', () => {
  test('leaves in each column what was written, and absent elsewhere', () => {
    fc.assert(
      fc.property(sets, fc.boolean(), (script, reuses) => {
        const spare = [new FlowBatch(CAPACITY), new FlowBatch(CAPACITY)];
        const got: Record<string, number[] | undefined>[] = [];
        const target = new BatchTarget(new FlowBatch(CAPACITY), (full) => {
          got.push(Object.fromEntries(NAMES.map((name) => [name, valuesOf(full, name)])));
          if (!reuses) return new FlowBatch(CAPACITY);
          full.reset();
          spare.push(full);
          return spare.shift()!;
        });
        const expected: Record<string, number[] | undefined>[] = [];
        let model = new Map<string, number[]>();
        let filled = 0;
        const end = () => {
          if (filled > 0) {
            expected.push(
              Object.fromEntries(
                NAMES.map((name) => [
                  name,
                  model.get(name)?.slice(0, filled * (columns[columnIndex(name)]!.type === 'u64' ? 2 : 1)),
                ]),
              ),
            );
          }
          model = new Map();
          filled = 0;
        };
        for (const { rows: wanted, steps } of script) {
          if (filled === CAPACITY) end();
          const rows = Math.min(wanted, target.room());
          const first = target.batch.rows;
          for (const { name, way, value } of steps) {
            const index = columnIndex(name);
            const { type, absent } = columns[index]!;
            const cells = type === 'u64' ? 2 : 1;
            const cellsOfModel = model.get(name) ?? Array<number>(CAPACITY * cells).fill(absent);
            model.set(name, cellsOfModel);
            if (way === 'fill' && type !== 'timeMs') {
              target.fill(index, rows, value, cells === 2 ? value >>> 1 : 0);
              for (let row = first; row < first + rows; row++) {
                cellsOfModel[row * cells] = value;
                if (cells === 2) cellsOfModel[row * 2 + 1] = value >>> 1;
              }
              continue;
            }
            const array =
              way === 'whole'
                ? target.whole(index, rows)
                : way === 'column'
                  ? target.column(index, first + rows)
                  : target.column(index);
            // Of a column that was asked for as a whole all rows are written, else every other one.
            const every = way === 'column' || way === 'all' ? 2 : 1;
            for (let row = first; row < first + rows; row += every) {
              for (let cell = 0; cell < cells; cell++) {
                array[row * cells + cell] = value;
                cellsOfModel[row * cells + cell] = value;
              }
            }
          }
          target.commit(rows);
          filled += rows;
        }
        target.handOn();
        end();
        expect(got).toEqual(expected);
      }),
      { numRuns: 300 },
    );
  });

  test('says of a column that never changed that it is constant', () => {
    const batches: FlowBatch[] = [];
    const target = new BatchTarget(new FlowBatch(CAPACITY), (full) => {
      batches.push(full);
      return new FlowBatch(CAPACITY);
    });
    const domain = columnIndex('domain');
    const version = columnIndex('exportVersion');
    const high = columnIndex('srcAddrHi');
    for (const value of [7, 8]) {
      target.fill(domain, 2, 5);
      target.fill(version, 2, value);
      target.commit(2);
    }
    target.fill(high, 2, 0);
    target.fill(domain, 2, 5);
    target.commit(2);
    target.handOn();
    const batch = batches[0]!;
    expect([domain, version, high].map((index) => batch.isConstant(index))).toEqual([true, false, true]);
    expect([...batch.get('exportVersion')!.subarray(0, 6)]).toEqual([7, 7, 8, 8, 0, 0]);
  });
});
