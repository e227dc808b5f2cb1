import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columnByName, columns, fields } from '../../src/flow/fields.ts';
import { add, type Row, rowCollector } from '../support/collect-rows.ts';
import { concat, ipfixMessage, set, type TemplateField, uint, v9Datagram } from '../support/flow-datagrams.ts';

/** Fields that are copied from one element and touched by no other rule when the template has no protocol. */
const plain = fields.filter(
  (field) =>
    field.ie !== 0 &&
    field.ie < 32768 &&
    !['addr', 'timeMs'].includes(field.type) &&
    !['sampling', 'domain', 'packets', 'octets', 'outPackets', 'outOctets', 'proto'].includes(field.name),
);
const BITS: Record<string, bigint> = { u8: 8n, u16: 16n, u32: 32n, u64: 64n };
const VARIABLE = 65_535;

interface Column {
  element: number;
  name: string;
  /** Octets in the record. */
  width: number;
  isVariable: boolean;
}

const column = fc.record({
  field: fc.constantFrom(...plain),
  width: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(1, 2, 4, 8) }, fc.integer({ min: 1, max: 11 })),
  isVariable: fc.boolean(),
});
/** Octets that no column takes: unknown, enterprise, of length 0. */
const filler = fc.record({
  width: fc.integer({ min: 0, max: 300 }),
  pen: fc.option(fc.integer({ min: 1, max: 0xffff_ffff }), { nil: undefined }),
  isVariable: fc.boolean(),
});

const message = fc.record({
  version: fc.constantFrom(9 as const, 10 as const),
  columns: fc.uniqueArray(column, { minLength: 1, maxLength: 24, selector: ({ field }) => field.name }),
  fillers: fc.array(filler, { maxLength: 4 }),
  allowsVariable: fc.boolean(),
  records: fc.integer({ min: 1, max: 40 }),
  batchRows: fc.constantFrom(1, 7, 1000),
  seed: fc.integer(),
});

test('every column of every record, whatever widths, order and batch sizes', () => {
  fc.assert(
    fc.property(message, (given) => {
      const { version, allowsVariable, records } = given;
      const order: (Column | { pen: number | undefined; width: number; isVariable: boolean })[] = [
        ...given.columns.map(({ field, width, isVariable }) => ({
          element: field.ie,
          name: field.name,
          width,
          isVariable: isVariable && allowsVariable,
        })),
        ...given.fillers.map((other) => ({ ...other, isVariable: other.isVariable && allowsVariable })),
      ];
      const template: TemplateField[] = order.map((item) => {
        const length = item.isVariable ? VARIABLE : item.width;
        if ('name' in item) return [item.element, length];
        return version === 10 && item.pen !== undefined ? [77, length, item.pen] : [12_345, length];
      });
      let state = given.seed >>> 0;
      const octet = () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return state >>> 24;
      };
      const expected: Record<string, bigint>[] = [];
      const bytes = Array.from({ length: records }, () => {
        const row: Record<string, bigint> = {};
        expected.push(row);
        return concat(
          ...order.map((item) => {
            const content = Uint8Array.from({ length: item.width }, octet);
            if ('name' in item) {
              const value = content.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
              row[item.name] = BigInt.asUintN(Number(BITS[columnByName.get(item.name)!.type]), value);
            }
            if (!item.isVariable) return content;
            // The three-octet form is legal for short contents too (Juniper PTX).
            const isLong = item.width > 254 || octet() > 200;
            return concat(isLong ? concat(uint(255, 1), uint(item.width, 2)) : uint(item.width, 1), content);
          }),
        );
      });
      const body = concat(...bytes);
      fc.pre(body.length < 60_000);
      const build = version === 9 ? v9Datagram : ipfixMessage;
      const { collector, rows } = rowCollector({ batchRows: given.batchRows });
      add(collector, { payload: build({ templates: [{ id: 256, fields: template }] }) });
      add(collector, { payload: build({ data: [{ id: 256, bytes: body }] }) });
      collector.flush();
      expect(rows.map((row) => pick(row, Object.keys(expected[0]!)))).toEqual(expected);
      expect(rows.every(isAbsentElsewhere(new Set(Object.keys(expected[0]!))))).toBe(true);
    }),
    { numRuns: 300 },
  );
});

function pick(row: Row, names: string[]): Record<string, bigint> {
  return Object.fromEntries(names.map((name) => [name, BigInt(row[name]!)]));
}

/** Cells that no element was sent for hold their absent value, also in batches that were used before. */
function isAbsentElsewhere(sent: ReadonlySet<string>): (row: Row) => boolean {
  const stamped = /^(exporter|receivedMs|exportMs|exportVersion|domain)/;
  return (row) =>
    columns.every(
      ({ name, type, absent }) =>
        type === 'text' || sent.has(name) || stamped.test(name) || Number(row[name]) === absent,
    );
}

test('padding behind the last record, and several sets of one template', () => {
  const template = { id: 999, fields: [[7, 2]] as TemplateField[] };
  const { collector, rows } = rowCollector();
  const twice = concat(set(999, concat(uint(1, 2), uint(2, 2), new Uint8Array(1))), set(999, uint(3, 2)));
  const first = ipfixMessage({ templates: [template] });
  add(collector, { payload: first });
  const payload = concat(ipfixMessage({ sequence: 0 }), twice);
  payload.set(uint(payload.length, 2), 2);
  add(collector, { payload });
  collector.flush();
  expect(rows.map((row) => row.srcPort)).toEqual([1, 2, 3]);
});
