import { type ColumnName, columnByName, type FieldName } from '../../flow/fields.ts';
import type { GroupKey, Grouping } from '../aggregation.ts';
import type { Order } from '../orders.ts';
import { type AddressColumns, addressColumns, isV4Sql, isV6Sql, V4_ZERO } from './address.ts';
import { limitSql, orderSql, type RowCounters, ZERO } from './order.ts';
import { POSITION_SQL } from './scan.ts';
import { column, flowsSql, hasColumn, type Schema, u64, valueSql } from './schema.ts';
import { sumFlowsSql, sumSql, u64Sql } from './totals.ts';

/** Plain listing: `columns` of the selected flows, sorted if there is an order; equal rows in the order of the files. */
export function listSql(
  columns: readonly ColumnName[],
  selected: string,
  schema: Schema,
  order: Order | undefined,
  top: number,
): string {
  const select = `SELECT ${columns.map((name) => `${valueSql(schema, name)} AS "${name}"`).join(', ')} FROM ${selected}`;
  if (order === undefined) return select + limitSql(top);
  const counter = (name: ColumnName) => (hasColumn(schema, name) ? valueSql(schema, name) : ZERO);
  const row: RowCounters = {
    flows: flowsSql(schema),
    packets: 'packets',
    octets: 'octets',
    outPackets: counter('outPackets'),
    outOctets: counter('outOctets'),
    first: 'epoch_ms(first)',
    last: 'epoch_ms(last)',
  };
  return select + orderSql(order, row, ['file_index', 'file_row_number'], top);
}

/** Columns that every table of groups has besides those that are printed: totals and orders need them. */
const ALWAYS: readonly ColumnName[] = ['flows', 'packets', 'octets', 'outPackets', 'outOctets', 'firstMs', 'lastMs'];

/** Groups of flows with one column for each of `columns` under the registry's SQL name, times as milliseconds. */
export function groupsSql(
  columns: readonly ColumnName[],
  grouping: Grouping,
  withPosition: boolean,
  selected: string,
  schema: Schema,
): string {
  const keys = new Map<ColumnName, string>();
  for (const key of grouping.keys) for (const [name, sql] of keySql(key, schema)) keys.set(name, sql);
  const wanted = [...new Set([...keys.keys(), ...columns, ...ALWAYS])];
  const select = wanted.map((name) => `${keys.get(name) ?? aggregateSql(name, grouping, schema)} AS ${column(name).sql}`);
  if (withPosition) select.push(`min(${POSITION_SQL}) AS position`);
  // Grouping by position number: by name would mean the raw column where a key is made of one of the same name.
  const by = [...keys.keys()].map((_, index) => index + 1).join(', ');
  return `SELECT ${select.join(', ')}, count(*) AS rows FROM ${selected}${by === '' ? '' : ` GROUP BY ${by}`}`;
}

/** Names of the key columns, for ties. */
export function keyColumns(grouping: Grouping, schema: Schema): string[] {
  return grouping.keys.flatMap((key) => keySql(key, schema).map(([name]) => column(name).sql));
}

function keySql(key: GroupKey, schema: Schema): [ColumnName, string][] {
  if ('column' in key) return [[key.column, valueSql(schema, key.column)]];
  const columns = addressColumns(key.address);
  if (!hasColumn(schema, columns.hi)) return [];
  if ('maskColumn' in key) return networkSql(columns, key.maskColumn, schema);
  const { v4, v6 } = key;
  const hi = valueSql(schema, columns.hi);
  const lo = valueSql(schema, columns.lo);
  if (v4 === 32 && v6 === 128) return [
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
    `CASE WHEN ${bits} <= 0 THEN 0::UBIGINT WHEN ${bits} >= 64 THEN ${all} ELSE (${all} >> (64 - ${bits})) << (64 - ${bits}) END`;
  const v4 = `${u64(V4_ZERO)} | ((${lo} & 4294967295) >> greatest(32 - ${mask}, 0) << greatest(32 - ${mask}, 0))`;
  return [
    [columns.hi, `CASE WHEN ${isV6Sql(columns)} THEN ${hi} & ${keep(mask)} ELSE ${ZERO} END`],
    [
      columns.lo,
      `CASE WHEN ${isV4Sql(columns)} THEN ${v4} WHEN ${isV6Sql(columns)} THEN ${lo} & ${keep(`(${mask} - 64)`)} ELSE ${ZERO} END`,
    ],
    [maskColumn, valueSql(schema, maskColumn)],
  ];
}

function highMask(length: number): bigint {
  return length >= 64 ? (1n << 64n) - 1n : ((1n << BigInt(length)) - 1n) << BigInt(64 - length);
}

function lowMask(length: number): bigint {
  return length <= 64 ? 0n : highMask(length - 64);
}

function aggregateSql(name: ColumnName, grouping: Grouping, schema: Schema): string {
  switch (name) {
    case 'flows':
      return u64Sql(sumFlowsSql(schema));
    case 'packets':
    case 'octets':
    case 'outPackets':
    case 'outOctets':
      return sumSql(schema, name);
    case 'firstMs':
      return 'coalesce(epoch_ms(min(first)), 0)';
    case 'lastMs':
      return 'coalesce(epoch_ms(max(last)), 0)';
    case 'tcpFlags':
      return 'coalesce(bit_or(tcp_flags), 0)';
    default: {
      const value = valueSql(schema, name);
      if (grouping.others === 'first') return hasColumn(schema, name) ? `arg_min(${value}, ${POSITION_SQL})` : `any_value(${value})`;
      return `any_value(${valueSql({ columns: new Set(), mixed: false }, name)})`;
    }
  }
}

/** The rows of one table of groups: `columns` under their registry names. */
export function groupRowsSql(
  columns: readonly ColumnName[],
  order: Order | undefined,
  ties: readonly string[],
  top: number,
  table: string,
): string {
  const select = `SELECT ${columns.map((name) => `${column(name).sql} AS "${name}"`).join(', ')} FROM ${table}`;
  if (order === undefined) return `${select} ORDER BY position DESC${limitSql(top)}`;
  const row: RowCounters = {
    flows: 'flows',
    packets: 'packets',
    octets: 'octets',
    outPackets: 'out_packets',
    outOctets: 'out_octets',
    first: 'first',
    last: 'last',
  };
  return select + orderSql(order, row, ties, top);
}

/** Registry names of both columns of address fields and of plain columns alike. */
export function columnsOf(...names: readonly (ColumnName | FieldName)[]): ColumnName[] {
  return names.flatMap((name) => {
    if (columnByName.has(name)) return [name as ColumnName];
    const { hi, lo } = addressColumns(name as FieldName);
    return [hi, lo];
  });
}
