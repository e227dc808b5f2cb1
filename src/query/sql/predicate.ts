import { addressTerms, type Guard, numberTerms, type Operand } from '../filter/terms.ts';
import {
  type AddressBlock,
  type AddressRange,
  type Comparator,
  type ElementFilter,
  type Filter,
  isBlock,
  isPrefix,
  type NumberRange,
  type Prefix,
} from '../filter/tree.ts';
import {
  type AddressColumns,
  addressColumns,
  highWord,
  isV4Sql,
  isV6Sql,
  lowWord,
  V4_LAST,
  V4_ZERO,
} from './address.ts';
import {
  column,
  DURATION_SQL,
  flowsSql,
  hasColumn,
  isNullable,
  type Schema,
  text,
  timestampSql,
  u64,
} from './schema.ts';

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
    case 'ranges': {
      const { operands, guard } = numberTerms.get(filter.term)!;
      const compared = compareOperands(operands, filter, schema);
      if (guard === undefined) return compared;
      // Exporters of other versions have no engine, which is the engine 0.
      if (guard === 'engine' && includesZero(filter)) return some([opposite(guardCondition(guard)), compared]);
      return all([guardCondition(guard), compared]);
    }
    case 'address': {
      const blocks = filter.members.filter(isBlock);
      const found = ofAddresses(filter.term, schema, (columns) => inBlocks(columns, blocks));
      if (!filter.negated) return found;
      return all([opposite(found), ofAddresses(filter.term, schema, addressIsThere)]);
    }
    case 'element':
      return schema.columns.has(EXTRA_COLUMN) ? elementCondition(filter) : FALSE;
    case 'portBlock':
      return schema.columns.has(EXTRA_COLUMN) ? portBlockCondition(filter.term, schema) : FALSE;
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
    case 'ident':
      // Of no file: the flows of none.
      return filter.files?.length === 0 ? FALSE : plain(inRanges('file_index', filter.files!, String));
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

/** The condition without which a term is false. */
export function termGuard(guard: Guard): string {
  return guardCondition(guard).yes;
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

/** Whether one of the addresses behind a term satisfies a condition. */
function ofAddresses(term: string, schema: Schema, sql: (columns: AddressColumns) => string): Condition {
  return some(
    addressTerms.get(term)!.fields.map((field) => {
      const columns = addressColumns(field);
      return hasColumn(schema, columns.hi) ? nullSafe(sql(columns), isNullable(schema, columns.hi)) : FALSE;
    }),
  );
}

/** Whether a flow has an address, of columns that there are. */
export function addressIsThere({ hi, lo }: AddressColumns): string {
  return `(${column(hi).sql} <> 0 OR ${column(lo).sql} <> 0)`;
}

/** Elements without a column: a JSON object a flow, see docs/decisions/0165. */
const EXTRA_COLUMN = 'extra';

function elementSql(name: string): string {
  return `json_extract_string(nullif(${EXTRA_COLUMN}, ''), ${text(`$."${name}"`)})`;
}

function elementCondition({ name, comparator, values }: ElementFilter): Condition {
  const value = elementSql(name);
  const numbers = ACCESS_LISTS.has(name) ? accessListSql(value) : [`try_cast(${value} AS DECIMAL(38, 9))`];
  const compared = (sign: Comparator, one: string | number) =>
    typeof one === 'number'
      ? numbers.map((number) => `${number} ${SQL[sign]} ${one}`).join(' OR ')
      : `${value} = ${text(one)}`;
  if (comparator !== '=' && comparator !== '!=') return nullSafe(`(${compared(comparator, values[0]!)})`, true);
  const found = nullSafe(`(${values.map((one) => compared('=', one)).join(' OR ')})`, true);
  return comparator === '=' ? found : all([opposite(found), nullSafe(`${value} IS NOT NULL`, true)]);
}

/** Access lists of Cisco's ASA: list, entry and extended entry, twelve octets as "0x" and 24 digits. */
const ACCESS_LISTS = new Set(['33000', '33001']);

function accessListSql(value: string): string[] {
  return [0, 1, 2].map((word) => `try_cast(concat('0x', substr(${value}, ${3 + 8 * word}, 8)) AS UBIGINT)`);
}

function portBlockCondition(term: string, schema: Schema): Condition {
  const [start, end] = ['portRangeStart', 'portRangeEnd'].map(
    (name) => `try_cast(${elementSql(name)} AS DECIMAL(38, 9))`,
  );
  const columns = numberTerms.get(term)!.operands.flatMap((operand) => ('column' in operand ? [operand.column] : []));
  return some(
    columns.map((name) =>
      hasColumn(schema, name) ? nullSafe(`${column(name).sql} BETWEEN ${start} AND ${end}`, true) : FALSE,
    ),
  );
}

type Compared = Extract<Filter, { kind: 'number' | 'ranges' }>;

/** `!=` and its kin: a field is there, and none is what it should not be. */
function compareOperands(operands: readonly Operand[], compared: Compared, schema: Schema): Condition {
  const each = (one: Compared) => some(operands.map((operand) => compareOperand(operand, one, schema)));
  const found = affirmed(compared);
  if (found === compared || (compared.kind === 'number' && operands.length === 1)) return each(compared);
  return all([opposite(each(found)), some(operands.map((operand) => isThere(operand, schema)))]);
}

/** What `!=` and `not in` say of no number; other comparisons as they are. */
export function affirmed(compared: Compared): Compared {
  if (compared.kind === 'ranges') return compared.negated ? { ...compared, negated: false } : compared;
  return compared.comparator === '!=' ? { ...compared, comparator: '=' } : compared;
}

/** Whether a flow has a number at all. */
function isThere(operand: Operand, schema: Schema): Condition {
  if ('computed' in operand) return TRUE;
  if (!hasColumn(schema, operand.column)) return FALSE;
  return nullSafe(numberIsThere(operand, true), true);
}

/** The same of a column that there is. */
export function numberIsThere(
  { column: name, zeroIsAbsent, requiredBit }: Extract<Operand, { column: string }>,
  nullable: boolean,
): string {
  const { sql } = column(name);
  const conditions = nullable ? [`${sql} IS NOT NULL`] : [];
  if (zeroIsAbsent) conditions.push(`${sql} <> 0`);
  if (requiredBit !== undefined) conditions.push(`${sql} & ${1 << requiredBit} <> 0`);
  return conditions.length === 0 ? 'TRUE' : conditions.join(' AND ');
}

function compareOperand(operand: Operand, compared: Compared, schema: Schema): Condition {
  if ('computed' in operand) return compare(computedSql(operand.computed, schema), compared, false, String);
  const { column: name, shift = 0, mask, zeroIsAbsent, requiredBit, absentIsZero } = operand;
  if (!hasColumn(schema, name)) return absentIsZero && includesZero(compared) ? TRUE : FALSE;
  const { sql, type } = column(name);
  const nullable = isNullable(schema, name);
  if (absentIsZero && nullable && includesZero(compared))
    return compare(`coalesce(${sql}, 0)`, compared, false, String);
  const shifted = shift === 0 ? sql : `(${sql} >> ${shift})`;
  const value = mask === undefined ? shifted : `(${shifted} & ${mask})`;
  const parts = [compare(value, compared, nullable, type === 'timeMs' ? timestampSql : String)];
  if (zeroIsAbsent) parts.unshift(nullable ? nullSafe(`${sql} <> 0`, true) : { yes: `${sql} <> 0`, no: `${sql} = 0` });
  if (requiredBit !== undefined) parts.unshift(nullSafe(`${sql} & ${1 << requiredBit} <> 0`, nullable));
  return all(parts);
}

/** Whether a comparison says of 0 that it is there and is wanted. */
export function includesZero(compared: Compared): boolean {
  if (compared.kind === 'ranges') return !compared.negated && compared.ranges.some(([from]) => from === 0);
  const { comparator, value } = compared;
  return value === 0 ? ['=', '<=', '>='].includes(comparator) : comparator === '<' || comparator === '<=';
}

function compare(value: string, compared: Compared, nullable: boolean, constant: (n: number) => string): Condition {
  if (compared.kind === 'ranges') return nullSafe(inRanges(value, compared.ranges, constant), nullable);
  const { comparator } = compared;
  const right = constant(compared.value);
  const no = `${value} ${OPPOSITE[comparator]} ${right}`;
  return { yes: `${value} ${SQL[comparator]} ${right}`, no: nullable ? `(${no} OR ${value} IS NULL)` : no };
}

function inRanges(value: string, ranges: readonly NumberRange[], constant: (n: number) => string): string {
  const singles = ranges.filter(([from, to]) => from === to).map(([from]) => constant(from));
  const wide = ranges.filter(([from, to]) => from !== to);
  const parts = wide.map(([from, to]) => `${value} BETWEEN ${constant(from)} AND ${constant(to)}`);
  if (singles.length > 0) parts.unshift(`${value} IN (${singles.join(', ')})`);
  return joinSql(parts, 'OR');
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
function inBlocks(columns: AddressColumns, blocks: readonly AddressBlock[]): string {
  const prefixes = blocks.filter(isPrefix);
  const hi = column(columns.hi).sql;
  const lo = column(columns.lo).sql;
  const hosts = prefixes.filter(({ length, version }) => version === 4 && length === 32);
  const known = new Set<AddressBlock>(hosts);
  const parts = blocks
    .filter((block) => !known.has(block))
    .map((block) => (isPrefix(block) ? inPrefix(hi, lo, block) : inRange(hi, lo, block)));
  if (hosts.length === 1) parts.unshift(`${lo} = ${u64(lowWord(hosts[0]!.words))} AND ${hi} = 0`);
  if (hosts.length > 1) {
    parts.unshift(`${lo} IN (${hosts.map(({ words }) => u64(lowWord(words))).join(', ')}) AND ${hi} = 0`);
  }
  return parts.length === 0 ? 'FALSE' : parts.length === 1 ? parts[0]! : `(${parts.join(') OR (')})`;
}

function inPrefix(hi: string, lo: string, { words, length, version }: Prefix): string {
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
  return high === 0n ? `${range} AND (${notV4(hi, lo)})` : range;
}

function inRange(hi: string, lo: string, { from, to, version }: AddressRange): string {
  const [low, lowest] = [highWord(from), lowWord(from)];
  const [high, highest] = [highWord(to), lowWord(to)];
  if (version === 4) return `${hi} = 0 AND ${lo} BETWEEN ${u64(lowest)} AND ${u64(highest)}`;
  const range = `(${hi} > ${u64(low)} OR ${hi} = ${u64(low)} AND ${lo} >= ${u64(lowest)}) AND (${hi} < ${u64(high)} OR ${hi} = ${u64(high)} AND ${lo} <= ${u64(highest)})`;
  return low === 0n ? `${range} AND (${notV4(hi, lo)})` : range;
}

/** IPv6 blocks that reach down to ::/96 must not take in the IPv4 addresses that are kept there, nor "no address". */
function notV4(hi: string, lo: string): string {
  return `${hi} <> 0 OR ${lo} > ${u64(V4_LAST)} OR ${lo} BETWEEN 1::UBIGINT AND ${u64(V4_ZERO - 1n)}`;
}

function hostBits(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}
