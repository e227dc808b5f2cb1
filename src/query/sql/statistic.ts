import { type ColumnName, columnByName, type FieldName } from '../../flow/fields.ts';
import type { Order } from '../orders.ts';
import type { RowLimit } from '../row-limits.ts';
import { type ExtraKey, keyIsExtra, type Statistic, skipsZero } from '../statistics.ts';
import { addressColumns } from './address.ts';
import { orderSql, type RowCounters, rowLimitsSql } from './order.ts';
import { column, type Schema, text, valueSql, ZERO } from './schema.ts';
import { groupCountersSql } from './totals.ts';

/** Columns of a table of groups that `measureSql` works on. */
const GROUP_COUNTERS: RowCounters = {
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
 * counters of `groupCountersSql`. A flow comes once for each side (docs/decisions/0071).
 */
export function statisticSql(statistic: Statistic, byProtocol: boolean, selected: string, schema: Schema): string {
  const sides = statistic.sides.map((side) => sideColumns(side, schema));
  const [first] = sides;
  const key = `hi, lo${byProtocol ? ', proto' : ''}`;
  const from =
    sides.length === 1
      ? `(SELECT ${first!.hi} AS hi, ${first!.lo} AS lo, * FROM ${selected})`
      : `(${sides.map(({ hi, lo }) => `SELECT ${hi} AS hi, ${lo} AS lo, * FROM ${selected}`).join(' UNION ALL ')})`;
  return `SELECT hi, lo, ${byProtocol ? 'proto' : '0::UTINYINT AS proto'}, ${groupCountersSql(schema)} FROM ${from} GROUP BY ${key}`;
}

/** Expressions of one side's key. */
function sideColumns(side: Statistic['sides'][number], schema: Schema): { hi: string; lo: string } {
  if (typeof side === 'object') {
    const value = schema.columns.has('extra') ? extraSql(side) : 'NULL::UBIGINT';
    return { hi: `(${value} IS NULL)::UBIGINT`, lo: `coalesce(${value}, 0)::UBIGINT` };
  }
  if (columnByName.has(side)) {
    const { absent, type } = column(side as ColumnName);
    const stored = valueSql(schema, side as ColumnName);
    // What a flow does not say counts under 0, whatever value stands for it in files.
    const value = absent === 0 ? stored : `CASE WHEN ${stored} = ${absent} THEN 0 ELSE ${stored} END`;
    return { hi: ZERO, lo: type === 'u64' ? value : `${value}::UBIGINT` };
  }
  const { hi, lo } = addressColumns(side as FieldName);
  return { hi: valueSql(schema, hi), lo: valueSql(schema, lo) };
}

/** Where a word of an access list begins in "0x" and 24 digits, from 1. */
const ACCESS_LIST_DIGITS = { accessList: 3, accessEntry: 11, extendedEntry: 19 } as const;

/** NULL for flows without the elements. */
function extraSql({ members, as }: ExtraKey): string {
  const [first, second, third] = members.map(
    (name) => `json_extract_string(nullif(extra, ''), ${text(`$."${name}"`)})`,
  );
  const number = (value: string | undefined) => `try_cast(${value} AS UBIGINT)`;
  switch (as) {
    case 'number':
      return number(first);
    case 'accessList':
    case 'accessEntry':
    case 'extendedEntry':
      return number(`concat('0x', substr(${first}, ${ACCESS_LIST_DIGITS[as]}, 8))`);
    case 'application':
      return `${number(`split_part(${first}, ':', 1)`)} * 16777216 + ${number(`split_part(${first}, ':', 2)`)}`;
    case 'microseconds': {
      const parts = [
        [first, 1_000_000],
        [second, 1],
        [third, 1000],
      ] as const;
      const sum = parts.map(([value, factor]) => `coalesce(${number(value)} * ${factor}, 0)`).join(' + ');
      return `CASE WHEN coalesce(${parts.map(([value]) => value).join(', ')}) IS NULL THEN NULL ELSE ${sum} END`;
    }
  }
}

/** The rows of one order's table, from the table that `statisticSql` filled. */
export function statisticRowsSql(
  statistic: Statistic,
  order: Order,
  top: number,
  table: string,
  schema: Schema,
  limits: readonly RowLimit[],
): string {
  const conditions = rowLimitsSql(limits, order.side, GROUP_COUNTERS);
  if (keyIsExtra(statistic)) conditions.push('hi = 0');
  else if (skipsZero(statistic, schema)) conditions.push('(hi <> 0 OR lo <> 0)');
  const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
  return `SELECT hi, lo, proto, flows, packets, octets, out_packets, out_octets, epoch_ms(first) AS first, epoch_ms(last) AS last FROM ${table}${where}${orderSql(
    order,
    GROUP_COUNTERS,
    ['hi', 'lo', 'proto'],
    top,
  )}`;
}
