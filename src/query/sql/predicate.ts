import type { ColumnName } from '../../flow/fields.ts';
import { addressTerms, type Guard, numberTerms, type Operand } from '../filter/terms.ts';
import { type Comparator, type Filter, isPrefix, type Prefix } from '../filter/tree.ts';
import { addressColumns, highWord, isV4Sql, isV6Sql, lowWord, V4_LAST, V4_ZERO } from './address.ts';
import { column, DURATION_SQL, flowsSql, hasColumn, isNullable, type Schema, timestampSql, u64 } from './schema.ts';

/**
 * A condition and its opposite: for every flow exactly one of the two is TRUE, the other FALSE or NULL. AND and OR keep
 * it so. With both at hand negation goes down to the comparisons of plain columns, which the scan can check against
 * the statistics of row groups.
 */
interface Condition {
  readonly yes: string;
  readonly no: string;
}

const TRUE: Condition = { yes: 'TRUE', no: 'FALSE' };
const FALSE: Condition = { yes: 'FALSE', no: 'TRUE' };
const OPPOSITE: Readonly<Record<Comparator, string>> = {
  '=': '<>',
  '!=': '=',
  '<': '>=',
  '>': '<=',
  '<=': '>',
  '>=': '<',
};
const SQL: Readonly<Record<Comparator, string>> = { '=': '=', '!=': '<>', '<': '<', '>': '>', '<=': '<=', '>=': '>=' };

/** SQL that is true for the flows that pass the filter, whose host names have been resolved. */
export function predicateSql(filter: Filter, schema: Schema): string {
  return condition(filter, schema).yes;
}

function condition(filter: Filter, schema: Schema): Condition {
  switch (filter.kind) {
    case 'any':
      return TRUE;
    case 'and':
      return all(filter.parts.map((part) => condition(part, schema)));
    case 'or':
      return some(filter.parts.map((part) => condition(part, schema)));
    case 'not':
      return opposite(condition(filter.part, schema));
    case 'number':
    case 'list': {
      const { operands, guard } = numberTerms.get(filter.term)!;
      const compared = some(operands.map((operand) => compareOperand(operand, filter, schema)));
      return guard === undefined ? compared : all([guardCondition(guard), compared]);
    }
    case 'address':
      return some(
        addressTerms.get(filter.term)!.fields.map((field) => {
          const columns = addressColumns(field);
          if (!hasColumn(schema, columns.hi)) return FALSE;
          return nullSafe(inPrefixes(columns, filter.members.filter(isPrefix)), isNullable(schema, columns.hi));
        }),
      );
    case 'flags':
      return all([
        guardCondition('tcp'),
        plain(filter.exact ? `tcp_flags & 255 = ${filter.bits}` : `tcp_flags & ${filter.bits} = ${filter.bits}`),
      ]);
    case 'family': {
      const is = filter.version === 4 ? isV4Sql : isV6Sql;
      return some([plain(is(addressColumns('srcAddr'))), plain(is(addressColumns('dstAddr')))]);
    }
    case 'ttlEqual':
      if (!hasColumn(schema, 'minTtl') || !hasColumn(schema, 'maxTtl')) return FALSE;
      return nullSafe('min_ttl = max_ttl AND min_ttl <> 0', isNullable(schema, 'minTtl'));
  }
}

function all(parts: readonly Condition[]): Condition {
  return {
    yes: joinSql(
      parts.map((part) => part.yes),
      'AND',
    ),
    no: joinSql(
      parts.map((part) => part.no),
      'OR',
    ),
  };
}

function some(parts: readonly Condition[]): Condition {
  return {
    yes: joinSql(
      parts.map((part) => part.yes),
      'OR',
    ),
    no: joinSql(
      parts.map((part) => part.no),
      'AND',
    ),
  };
}

function joinSql(parts: readonly string[], word: 'AND' | 'OR'): string {
  return parts.length === 1 ? parts[0]! : `(${parts.join(` ${word} `)})`;
}

function opposite({ yes, no }: Condition): Condition {
  return { yes: no, no: yes };
}

function plain(sql: string): Condition {
  return { yes: `(${sql})`, no: `NOT (${sql})` };
}

function nullSafe(sql: string, nullable: boolean): Condition {
  return nullable ? { yes: `(${sql})`, no: `NOT coalesce(${sql}, FALSE)` } : plain(sql);
}

function guardCondition(guard: Guard): Condition {
  switch (guard) {
    case 'tcp':
      return { yes: 'proto = 6', no: 'proto <> 6' };
    case 'icmp':
      return plain('proto IN (1, 58)');
    case 'engine':
      return plain('export_version IN (5, 7, 9)');
  }
}

type Compared = Extract<Filter, { kind: 'number' | 'list' }>;

function compareOperand(operand: Operand, compared: Compared, schema: Schema): Condition {
  if ('computed' in operand) return compare(computedSql(operand.computed, schema), compared, false, String);
  const { column: name, shift = 0, mask, zeroIsAbsent, requiredBit } = operand;
  if (!hasColumn(schema, name)) return FALSE;
  const { sql, type } = column(name);
  const nullable = isNullable(schema, name);
  const shifted = shift === 0 ? sql : `(${sql} >> ${shift})`;
  const value = mask === undefined ? shifted : `(${shifted} & ${mask})`;
  const parts = [compare(value, compared, nullable, type === 'timeMs' ? timestampSql : String)];
  if (zeroIsAbsent) parts.unshift(nullable ? nullSafe(`${sql} <> 0`, true) : { yes: `${sql} <> 0`, no: `${sql} = 0` });
  if (requiredBit !== undefined) parts.unshift(nullSafe(`${sql} & ${1 << requiredBit} <> 0`, nullable));
  return all(parts);
}

function compare(value: string, compared: Compared, nullable: boolean, constant: (n: number) => string): Condition {
  if (compared.kind === 'list') return nullSafe(`${value} IN (${compared.values.map(constant).join(', ')})`, nullable);
  const { comparator } = compared;
  const right = constant(compared.value);
  const no = `${value} ${OPPOSITE[comparator]} ${right}`;
  return { yes: `${value} ${SQL[comparator]} ${right}`, no: nullable ? `(${no} OR ${value} IS NULL)` : no };
}

/** Rates are whole numbers as in `rates.ts`; HUGEINT because octets of a hostile exporter go up to 2^64. */
function computedSql(computed: Extract<Operand, { computed: string }>['computed'], schema: Schema): string {
  switch (computed) {
    case 'duration':
      return DURATION_SQL;
    case 'pps':
      return rateSql('packets', 1000);
    case 'bps':
      return rateSql('octets', 8000);
    case 'bpp':
      return `CASE WHEN packets = 0 THEN 0 ELSE octets // packets END`;
    case 'flows':
      return flowsSql(schema);
  }
}

function rateSql(counter: string, factor: number): string {
  return `CASE WHEN last > first THEN ${counter}::HUGEINT * ${factor} // ${DURATION_SQL} ELSE 0 END`;
}

/** Whether the address is in one of the blocks. Hosts become one IN, blocks ranges of whole words. */
function inPrefixes(columns: { hi: ColumnName; lo: ColumnName }, prefixes: readonly Prefix[]): string {
  const hi = column(columns.hi).sql;
  const lo = column(columns.lo).sql;
  const hosts = prefixes.filter(({ length, version }) => version === 4 && length === 32);
  const parts = prefixes.filter((prefix) => !hosts.includes(prefix)).map((prefix) => inBlock(hi, lo, prefix));
  if (hosts.length === 1) parts.unshift(`${lo} = ${u64(lowWord(hosts[0]!.words))} AND ${hi} = 0`);
  if (hosts.length > 1) {
    parts.unshift(`${lo} IN (${hosts.map(({ words }) => u64(lowWord(words))).join(', ')}) AND ${hi} = 0`);
  }
  return parts.length === 0 ? 'FALSE' : parts.length === 1 ? parts[0]! : `(${parts.join(') OR (')})`;
}

function inBlock(hi: string, lo: string, { words, length, version }: Prefix): string {
  const high = highWord(words);
  const low = lowWord(words);
  if (version === 4) return `${hi} = 0 AND ${lo} BETWEEN ${u64(low)} AND ${u64(low | hostBits(32 - length))}`;
  const range =
    length === 128
      ? `${hi} = ${u64(high)} AND ${lo} = ${u64(low)}`
      : length > 64
        ? `${hi} = ${u64(high)} AND ${lo} BETWEEN ${u64(low)} AND ${u64(low | hostBits(128 - length))}`
        : length === 64
          ? `${hi} = ${u64(high)}`
          : `${hi} BETWEEN ${u64(high)} AND ${u64(high | hostBits(64 - length))}`;
  // A block that reaches down to ::/96 must not swallow the IPv4 addresses that are kept there, nor "no address".
  const reachesV4 = high === 0n;
  return reachesV4
    ? `${range} AND (${hi} <> 0 OR ${lo} > ${u64(V4_LAST)} OR ${lo} BETWEEN 1::UBIGINT AND ${u64(V4_ZERO - 1n)})`
    : range;
}

function hostBits(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}
