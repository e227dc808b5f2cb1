import { flowsSql, hasColumn, type Schema, valueSql, ZERO } from './schema.ts';

/** Names of the columns of every totals query. */
export const TOTAL_COLUMNS = ['rows', 'flows', 'packets', 'octets', 'first', 'last'] as const;

/** In and out counters as one; UBIGINT sums are HUGEINT in DuckDB and are cut to 64 bits again. */
function bothSql(schema: Schema, inside: 'packets' | 'octets', outside: 'outPackets' | 'outOctets'): string {
  return hasColumn(schema, outside) ? `sum(${inside}) + sum(${valueSql(schema, outside)})` : `sum(${inside})`;
}

/** Number of flows of a group: counts rows unless records stand for several flows each. */
export function sumFlowsSql(schema: Schema): string {
  return hasColumn(schema, 'flows') ? `sum(${flowsSql(schema)})` : 'count(*)';
}

/** Sum of a counter column that may be missing. */
export function sumSql(schema: Schema, name: 'packets' | 'octets' | 'outPackets' | 'outOctets'): string {
  return hasColumn(schema, name) ? u64Sql(`sum(${valueSql(schema, name)})`) : ZERO;
}

/** A HUGEINT sum as UBIGINT, the largest if it does not fit; 0 for no rows. */
export function u64Sql(sum: string): string {
  return `least(coalesce(${sum}, 0), 18446744073709551615)::UBIGINT`;
}

/** Totals of the selected flows in one scan. */
export function totalsSql(selected: string, schema: Schema): string {
  return `SELECT count(*) AS rows, ${u64Sql(sumFlowsSql(schema))} AS flows,
    ${u64Sql(bothSql(schema, 'packets', 'outPackets'))} AS packets,
    ${u64Sql(bothSql(schema, 'octets', 'outOctets'))} AS octets,
    coalesce(epoch_ms(min(first)), 0) AS first, coalesce(epoch_ms(max(last)), 0) AS last FROM ${selected}`;
}

/**
 * Totals from the table of groups that `groupsSql` or `statisticSql` made, without another scan; `sides` is how often
 * each flow was counted.
 */
export function totalsOfGroupsSql(table: string, sides: number): string {
  const part = sides === 1 ? '' : ` // ${sides}`;
  return `SELECT ${u64Sql(`sum(rows)${part}`)} AS rows, ${u64Sql(`sum(flows)${part}`)} AS flows,
    ${u64Sql(`(sum(packets) + sum(out_packets))${part}`)} AS packets,
    ${u64Sql(`(sum(octets) + sum(out_octets))${part}`)} AS octets,
    coalesce(epoch_ms(min(first)), 0) AS first, coalesce(epoch_ms(max(last)), 0) AS last FROM ${table}`;
}

/** The aggregates that every table of groups has, beside its keys. */
export function groupCountersSql(schema: Schema): string {
  return `count(*) AS rows, ${u64Sql(sumFlowsSql(schema))} AS flows, ${sumSql(schema, 'packets')} AS packets,
    ${sumSql(schema, 'octets')} AS octets, ${sumSql(schema, 'outPackets')} AS out_packets,
    ${sumSql(schema, 'outOctets')} AS out_octets, min(first) AS first, max(last) AS last`;
}
