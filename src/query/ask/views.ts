import { type Column, columns, type Field, fields } from '../../flow/fields.ts';
import type { FlowFiles } from '../flow-files.ts';
import type { Selection } from '../plan.ts';
import { addressColumns, V4_LAST, V4_ZERO } from '../sql/address.ts';
import { isScaledColumn } from '../sql/sampling.ts';
import { selectedSql } from '../sql/scan.ts';
import { column, hasColumn, type Schema, text, u64, valueSql } from '../sql/schema.ts';

/** A table that is small and in memory: rows in the order of the columns. */
export interface SmallTable {
  readonly name: string;
  /** SQL name and type of each column. */
  readonly columns: readonly (readonly [name: string, type: string])[];
  readonly rows: readonly (readonly (string | number | null)[])[];
}

const HEXTETS = Array.from({ length: 8 }, (_, index) => {
  const half = index < 4 ? 'hi' : 'lo';
  return `(${half} >> ${48 - (index % 4) * 16}) & 65535`;
});
const V4_OCTETS = [24, 16, 8, 0].map((shift) => `(lo >> ${shift}) & 255`);
/** The longest run of zeros, the first of several, becomes `::` (RFC 5952 section 4.2). */
const SHORTEST = [8, 7, 6, 5, 4, 3, 2].map((run) => {
  const zeros = `(^|:)0(:0){${run - 1}}(:|$)`;
  return `WHEN regexp_matches(whole, '${zeros}') THEN regexp_replace(whole, '${zeros}', '::')`;
});

/** Functions that the views use, and that users may use as well. */
export const MACROS: readonly string[] = [
  `CREATE MACRO ip_shorten(whole) AS CASE ${SHORTEST.join(' ')} ELSE whole END`,
  `CREATE MACRO ip_text(hi, lo) AS CASE WHEN hi = 0 AND lo = 0 THEN NULL
    WHEN hi = 0 AND lo BETWEEN ${u64(V4_ZERO)} AND ${u64(V4_LAST)} THEN concat_ws('.', ${V4_OCTETS.join(', ')})
    ELSE ip_shorten(format('{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}:{:x}', ${HEXTETS.join(', ')})) END`,
  `CREATE MACRO mac_text(mac) AS CASE WHEN mac = 0 THEN NULL ELSE format('{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}',
    ${[40, 32, 24, 16, 8, 0].map((shift) => `(mac >> ${shift}) & 255`).join(', ')}) END`,
];

/**
 * The view `flows`: every column of the registry whatever the files have, addresses and MACs as text, counters
 * multiplied by the sampling rate and, as `stored_...`, as exported. What a flow does not say is NULL where 0 means
 * something.
 */
export function flowsViewSql(files: FlowFiles, selection: Selection, schema: Schema): string {
  const isScaled = files.sampled || files.corrections.length > 0;
  const cells = fields.flatMap((field) => fieldCells(field, schema));
  const stored = columns
    .filter(({ name }) => isScaledColumn(name))
    .map(
      ({ name, sql }) =>
        `${isScaled && hasColumn(schema, name) ? `stored_${sql}` : valueSql(schema, name)} AS stored_${sql}`,
    );
  const halves = fields.filter(isAddress).flatMap(({ name }) => {
    const { hi, lo } = addressColumns(name);
    return [hi, lo].map((half) => `${valueSql(schema, half)} AS ${column(half).sql}`);
  });
  return `CREATE VIEW flows AS SELECT ${[...cells, ...stored, ...halves].join(', ')} FROM ${selectedSql(files, selection, schema)}`;
}

function isAddress({ type }: Field): boolean {
  return type === 'addr';
}

function fieldCells(field: Field, schema: Schema): string[] {
  if (isAddress(field)) {
    const { hi, lo } = addressColumns(field.name);
    if (!hasColumn(schema, hi)) return [`NULL::VARCHAR AS ${field.column}`];
    return [`ip_text(${valueSql(schema, hi)}, ${valueSql(schema, lo)}) AS ${field.column}`];
  }
  return columns.filter((one) => one.field === field.name).map((one) => `${cellSql(one, schema)} AS ${one.sql}`);
}

function cellSql(one: Column, schema: Schema): string {
  const { name, sql, type, absent } = one;
  if (type === 'timeMs')
    return hasColumn(schema, name) ? `CASE WHEN epoch_ms(${sql}) > 0 THEN ${sql} END` : 'NULL::TIMESTAMPTZ';
  const value = valueSql(schema, name);
  if (name.endsWith('Mac')) return `mac_text(${value})`;
  return type !== 'text' && absent !== 0 ? `nullif(${value}, ${absent})` : value;
}

/** Statements that make a table and fill it. */
export function smallTableSql({ name, columns: heads, rows }: SmallTable): string[] {
  const create = `CREATE TABLE ${name} (${heads.map(([head, type]) => `${head} ${type}`).join(', ')})`;
  if (rows.length === 0) return [create];
  const values = rows.map((row) => `(${row.map(literal).join(', ')})`);
  return [create, `INSERT INTO ${name} VALUES ${values.join(', ')}`];
}

function literal(value: string | number | null): string {
  return value === null ? 'NULL' : typeof value === 'number' ? String(value) : text(value);
}
