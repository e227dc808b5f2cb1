import { type Column, type ColumnName, columnByName } from '../../flow/fields.ts';

/** Which columns the files of a query have. Core columns are in every file. */
export interface Schema {
  /** SQL names of the columns that at least one file has. */
  readonly columns: ReadonlySet<string>;
  /** Some file may lack a column that another has, so its cells can be NULL. */
  readonly mixed: boolean;
}

const SQL_TYPES = {
  u8: 'UTINYINT',
  u16: 'USMALLINT',
  u32: 'UINTEGER',
  u64: 'UBIGINT',
  timeMs: 'BIGINT',
  text: 'VARCHAR',
} as const;

export function column(name: ColumnName): Column {
  return columnByName.get(name)!;
}

export function hasColumn(schema: Schema, name: ColumnName): boolean {
  return schema.columns.has(column(name).sql);
}

export function isNullable(schema: Schema, name: ColumnName): boolean {
  return schema.mixed && !column(name).core;
}

/**
 * The value of a column as the readers of results take it: never NULL, times as milliseconds (BIGINT), every other
 * type as the registry has it, `absent` where the flow or the whole set of files has none.
 */
export function valueSql(schema: Schema, name: ColumnName): string {
  const { sql, type } = column(name);
  const absent = type === 'text' ? "''" : column(name).absent;
  if (name === 'flows') return `CAST(${flowsSql(schema)} AS UBIGINT)`;
  if (!hasColumn(schema, name)) return `CAST(${absent} AS ${SQL_TYPES[type]})`;
  const value = type === 'timeMs' ? `epoch_ms(${sql})` : sql;
  return isNullable(schema, name) ? `coalesce(${value}, ${absent})` : value;
}

/**
 * Number of flows that a row stands for: the stored 0 means 1 (and `greatest` passes over NULL). The constant has a type
 * because a bare 1 means the first column in ORDER BY.
 */
export function flowsSql(schema: Schema): string {
  return hasColumn(schema, 'flows') ? 'greatest(flows, 1)' : '1::UBIGINT';
}

/** Duration of a row in milliseconds, never negative. */
export const DURATION_SQL = 'greatest(epoch_ms(last) - epoch_ms(first), 0)';

/** Counter of a column that no file has. */
export const ZERO = '0::UBIGINT';

/** An unsigned 64-bit constant. */
export function u64(value: bigint): string {
  return `${value}::UBIGINT`;
}

/** A point in time that can be compared with a time column. */
export function timestampSql(ms: number): string {
  return `make_timestamptz(${Math.round(ms * 1000)})`;
}

/** A string constant. */
export function text(value: string): string {
  return `'${value.replaceAll("'", "''")}'`;
}
