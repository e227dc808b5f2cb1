import type { ColumnName } from '../../flow/fields.ts';
import type { Grouping, GroupKey } from '../aggregation.ts';
import { groupColumns, groupsSchema } from '../group-columns.ts';
import type { Order } from '../orders.ts';
import type { RowLimit } from '../row-limits.ts';
import { type AddressColumns, addressColumns, highMask, isV4Sql, isV6Sql, lowMask, V4_ZERO } from './address.ts';
import { bidirectionalSql } from './bidirectional.ts';
import { limitSql, orderSql, type RowCounters, rowLimitsSql } from './order.ts';
import { POSITION_SQL } from './scan.ts';
import { column, flowsSql, hasColumn, type Schema, u64, valueSql, ZERO } from './schema.ts';
import { sumFlowsSql, sumSql, u64Sql } from './totals.ts';

/**
 * `columns` of rows that look like flows: the selected flows themselves, or groups of them. Sorted if there is an order,
 * equal rows by `ties`. `more` are columns of `from` that are no columns of flows.
 */
export function rowsSql(
  columns: readonly ColumnName[],
  from: string,
  schema: Schema,
  order: Order | undefined,
  ties: readonly string[],
  top: number,
  more: readonly string[] = [],
): string {
  const cells = columns.map((name) => `${valueSql(schema, name)} AS "${name}"`);
  // A format may print nothing of the flows but how many they are.
  const select = `SELECT ${[...cells, ...more].join(', ') || '0'} FROM ${from}`;
  return select + sortSql(schema, order, ties, top);
}

/** ORDER BY and LIMIT of rows that look like flows. */
export function sortSql(schema: Schema, order: Order | undefined, ties: readonly string[], top: number): string {
  if (order === undefined) return (ties.length === 0 ? '' : ` ORDER BY ${ties.join(', ')}`) + limitSql(top);
  return orderSql(order, countersOf(schema), ties, top);
}

function countersOf(schema: Schema): RowCounters {
  const counter = (name: ColumnName) => (hasColumn(schema, name) ? valueSql(schema, name) : ZERO);
  return {
    flows: flowsSql(schema),
    packets: 'packets',
    octets: 'octets',
    outPackets: counter('outPackets'),
    outOctets: counter('outOctets'),
    first: 'epoch_ms(first)',
    last: 'epoch_ms(last)',
  };
}

/** The rows of a table of groups that -l and -L leave; `table` itself without them. */
export function limitedSql(
  table: string,
  limits: readonly RowLimit[],
  order: Order | undefined,
  schema: Schema,
): string {
  const conditions = rowLimitsSql(limits, order?.side ?? 'in', countersOf(schema));
  return conditions.length === 0 ? table : `(SELECT * FROM ${table} WHERE ${conditions.join(' AND ')})`;
}

export interface Groups {
  /** Makes the groups: rows of the registry's columns and types, with `rows` and, if asked for, `position`. */
  readonly sql: string;
  /** Columns of these rows. */
  readonly schema: Schema;
  /** SQL names of the key. */
  readonly keys: readonly string[];
}

/** Groups of flows that look like flows again, so that they can be filtered, sorted and printed as such. */
export function groupsSql(
  columns: readonly ColumnName[],
  grouping: Grouping,
  withPosition: boolean,
  selected: string,
  schema: Schema,
): Groups {
  if (grouping.bidirectional !== undefined) {
    const names = groupColumns(columns, grouping, schema);
    for (const key of grouping.keys) for (const [name] of keySql(key, schema)) names.add(name);
    return {
      sql: bidirectionalSql([...names], grouping.bidirectional === 'guess', POSITION_SQL, selected, schema),
      schema: groupsSchema(columns, grouping, schema),
      keys: ['position'],
    };
  }
  const cells = new Map<ColumnName, string>();
  for (const key of grouping.keys) for (const [name, sql] of keySql(key, schema)) cells.set(name, sql);
  const keys = [...cells.keys()].map((name) => column(name).sql);
  for (const name of groupColumns(columns, grouping, schema)) {
    if (!cells.has(name)) cells.set(name, aggregateSql(name, schema));
  }
  const select = [...cells].map(([name, sql]) => `${sql} AS ${column(name).sql}`);
  select.push('count(*) AS rows');
  if (withPosition) select.push(`min(${POSITION_SQL}) AS position`);
  // Grouping by ordinal: a name would mean the raw column where a key is made of one of the same name.
  const by = keys.map((_, index) => index + 1).join(', ');
  return {
    sql: `SELECT ${select.join(', ')} FROM ${selected}${by === '' ? '' : ` GROUP BY ${by}`} HAVING count(*) > 0`,
    schema: groupsSchema(columns, grouping, schema),
    keys,
  };
}

function keySql(key: GroupKey, schema: Schema): [ColumnName, string][] {
  if ('column' in key) return [[key.column, valueSql(schema, key.column)]];
  const columns = addressColumns(key.address);
  if (!hasColumn(schema, columns.hi)) return [];
  if ('maskColumn' in key) return networkSql(columns, key.maskColumn, schema);
  const { v4, v6 } = key;
  const hi = valueSql(schema, columns.hi);
  const lo = valueSql(schema, columns.lo);
  if (v4 === 32 && v6 === 128)
    return [
      [columns.hi, hi],
      [columns.lo, lo],
    ];
  const v4Lo = v4 === undefined ? ZERO : `${lo} & ${u64(lowMask(96 + v4))}`;
  const v6Hi = v6 === undefined ? ZERO : `${hi} & ${u64(highMask(v6))}`;
  const v6Lo = v6 === undefined ? ZERO : `${lo} & ${u64(lowMask(v6))}`;
  return [
    [columns.hi, `CASE WHEN ${isV6Sql(columns)} THEN ${v6Hi} ELSE ${ZERO} END`],
    [columns.lo, `CASE WHEN ${isV4Sql(columns)} THEN ${v4Lo} WHEN ${isV6Sql(columns)} THEN ${v6Lo} ELSE ${ZERO} END`],
  ];
}

/** An address cut to the prefix length of the record, and that length. */
function networkSql(columns: AddressColumns, maskColumn: ColumnName, schema: Schema): [ColumnName, string][] {
  const hi = valueSql(schema, columns.hi);
  const lo = valueSql(schema, columns.lo);
  const mask = `${valueSql(schema, maskColumn)}::INTEGER`;
  const all = u64(lowMask(128));
  // A shift by 64 is none in SQL, so lengths of 0 and 64 need cases of their own.
  const keep = (bits: string) =>
    `CASE WHEN ${bits} <= 0 THEN 0::UBIGINT WHEN ${bits} >= 64 THEN ${all} ELSE (${all} >> (64 - ${bits})::UBIGINT) << (64 - ${bits})::UBIGINT END`;
  const v4Host = `greatest(32 - ${mask}, 0)::UBIGINT`;
  const v4 = `${u64(V4_ZERO)} | (((${lo} & ${u64(0xffff_ffffn)}) >> ${v4Host}) << ${v4Host})`;
  return [
    [columns.hi, `CASE WHEN ${isV6Sql(columns)} THEN ${hi} & ${keep(mask)} ELSE ${ZERO} END`],
    [
      columns.lo,
      `CASE WHEN ${isV4Sql(columns)} THEN ${v4} WHEN ${isV6Sql(columns)} THEN ${lo} & ${keep(`(${mask} - 64)`)} ELSE ${ZERO} END`,
    ],
    [maskColumn, valueSql(schema, maskColumn)],
  ];
}

/** The value of a column that is no key. */
function aggregateSql(name: ColumnName, schema: Schema): string {
  switch (name) {
    case 'flows':
      return u64Sql(sumFlowsSql(schema));
    case 'packets':
    case 'octets':
    case 'outPackets':
    case 'outOctets':
      return sumSql(schema, name);
    case 'firstMs':
      return 'min(first)';
    case 'lastMs':
      return 'max(last)';
    case 'tcpFlags':
      return 'bit_or(tcp_flags)';
    default: {
      // The times of groups are read as those of flows are: as timestamps.
      const value = column(name).type === 'timeMs' ? column(name).sql : valueSql(schema, name);
      return `arg_min(${value}, ${POSITION_SQL})`;
    }
  }
}
