import { type ColumnName, columnByName, type FieldName } from '../../flow/fields.ts';
import type { Order } from '../orders.ts';
import type { Statistic } from '../statistics.ts';
import { addressColumns } from './address.ts';
import { orderSql, type RowCounters } from './order.ts';
import { column, hasColumn, type Schema, valueSql } from './schema.ts';
import { groupCountersSql } from './totals.ts';

/** Columns of a table of groups that `measureSql` works on. */
export const GROUP_COUNTERS: RowCounters = {
  flows: 'flows',
  packets: 'packets',
  octets: 'octets',
  outPackets: 'out_packets',
  outOctets: 'out_octets',
  first: 'epoch_ms(first)',
  last: 'epoch_ms(last)',
};

/**
 * Groups of an element statistic: key columns `hi` and `lo` (numbers in `lo`), `proto` (0 unless split by it), the
 * counters of `groupCountersSql`. A statistic of two sides groups each side in the same scan (GROUPING SETS) and then
 * adds the two, which beats reading the files once a side.
 */
export function statisticSql(statistic: Statistic, byProtocol: boolean, selected: string, schema: Schema): string {
  const sides = statistic.sides.map((side) => sideColumns(side, schema));
  const [first] = sides;
  const proto = byProtocol ? 'proto' : '0::UTINYINT AS proto';
  const also = byProtocol ? ', proto' : '';
  if (sides.length === 1) {
    const { hi, lo } = first!;
    const keys = hi === undefined ? '0::UBIGINT AS hi' : `${hi} AS hi`;
    const by = [...(hi === undefined ? [] : ['hi']), 'lo', ...(byProtocol ? ['proto'] : [])];
    return `SELECT ${keys}, ${lo} AS lo, ${proto}, ${groupCountersSql(schema)} FROM ${selected} GROUP BY ${by.join(', ')}`;
  }
  const inner = sides.map(({ hi, lo }, i) => `${hi ?? '0::UBIGINT'} AS hi${i}, ${lo} AS lo${i}`).join(', ');
  const sets = sides.map((_, i) => `(hi${i}, lo${i}${also})`).join(', ');
  const grouping = sides.map((_, i) => `lo${i}`);
  // One bit a side, 0 where that side is grouped: tells the sides apart even where a key is NULL-free.
  const pick = (part: 'hi' | 'lo') =>
    `CASE ${sides.map((_, i) => `WHEN grouping(${grouping[i]}) = 0 THEN ${part}${i}`).join(' ')} END`;
  return `SELECT hi, lo, proto, sum(rows)::BIGINT AS rows, sum(flows)::UBIGINT AS flows, sum(packets)::UBIGINT AS packets,
      sum(octets)::UBIGINT AS octets, sum(out_packets)::UBIGINT AS out_packets, sum(out_octets)::UBIGINT AS out_octets,
      min(first) AS first, max(last) AS last
    FROM (SELECT ${pick('hi')} AS hi, ${pick('lo')} AS lo, ${proto}, ${groupCountersSql(schema)}
      FROM (SELECT ${inner}, * FROM ${selected}) GROUP BY GROUPING SETS (${sets}))
    GROUP BY hi, lo, proto`;
}

/** Expressions of one side's key. */
function sideColumns(side: ColumnName | FieldName, schema: Schema): { hi?: string; lo: string } {
  if (columnByName.has(side)) {
    const value = valueSql(schema, side as ColumnName);
    return { lo: column(side as ColumnName).type === 'u64' ? value : `${value}::UBIGINT` };
  }
  const { hi, lo } = addressColumns(side as FieldName);
  return { hi: valueSql(schema, hi), lo: valueSql(schema, lo) };
}

/** The rows of one order's table, from the table that `statisticSql` filled. */
export function statisticRowsSql(statistic: Statistic, order: Order, top: number, table: string, schema: Schema): string {
  const where = skipsZero(statistic, schema) ? ' WHERE hi <> 0 OR lo <> 0' : '';
  return `SELECT hi, lo, proto, flows, packets, octets, out_packets, out_octets, epoch_ms(first) AS first, epoch_ms(last) AS last FROM ${table}${where}${orderSql(
    order,
    GROUP_COUNTERS,
    ['hi', 'lo', 'proto'],
    top,
  )}`;
}

/** Flows without the element are left out, except in statistics of numbers, where they count under 0. */
function skipsZero({ form, sides }: Statistic, schema: Schema): boolean {
  if (form === 'number') return false;
  if (form === 'address' || form === 'hex' || form === 'natEvent' || form === 'firewallEvent') return true;
  return sides.some((side) => !hasColumn(schema, side as ColumnName));
}
