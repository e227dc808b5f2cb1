import { expect } from 'vitest';
import { add, type Row, rowCollector } from './collect-rows.ts';
import { concat, ipfixMessage, type TemplateField, uint, v9Datagram } from './flow-datagrams.ts';

/** A field of a record: element, width, value (octets as they are), enterprise. */
export type Value = readonly [element: number, width: number, value: number | bigint | Uint8Array, pen?: number];

/** Decodes one record after the options records of `options` (each one template of its own). */
export function decodeOne(version: 9 | 10, values: Value[], options: { scopes: number; values: Value[] }[] = []): Row {
  const { collector, rows } = rowCollector();
  const build = version === 9 ? v9Datagram : ipfixMessage;
  const fieldsOf = (list: Value[]): TemplateField[] =>
    list.map(([element, width, , pen]) => (pen === undefined ? [element, width] : [element, width, pen]));
  const bytesOf = (list: Value[]) =>
    concat(...list.map(([, width, value]) => (value instanceof Uint8Array ? value : uint(value, width))));
  options.forEach((option, i) => {
    const id = 400 + i;
    const templates = [{ id, fields: fieldsOf(option.values), scopes: option.scopes }];
    add(collector, { payload: build({ templates, data: [{ id, bytes: bytesOf(option.values) }] }) });
  });
  add(collector, {
    payload: build({ templates: [{ id: 300, fields: fieldsOf(values) }], data: [{ id: 300, bytes: bytesOf(values) }] }),
  });
  collector.flush();
  expect(rows).toHaveLength(1);
  return rows[0]!;
}
