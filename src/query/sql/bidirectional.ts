import type { ColumnName } from '../../flow/fields.ts';
import { OTHER_SIDE } from '../aggregation.ts';
import { column, flowsSql, hasColumn, type Schema, valueSql } from './schema.ts';
import { u64Sql } from './totals.ts';

/** Only these protocols have conversations; every other flow stands for itself. */
const TWO_SIDED = 'proto IN (6, 17)';
const SIDE_A = ['src_addr_hi', 'src_addr_lo', 'src_port'];
const SIDE_B = ['dst_addr_hi', 'dst_addr_lo', 'dst_port'];
const COUNTERS = { packets: 'outPackets', octets: 'outOctets' } as const;
const OF_KEYS = ['a_hi', 'a_lo', 'a_port', 'b_hi', 'b_lo', 'b_port'];

/** The lower port is the server's: below one of these where the other is not. */
const PORT_BORDERS = [1024, 32_768, 49_152];

/**
 * Groups of both directions of a conversation (-b): the record that comes first gives direction and all other values,
 * counters of the other direction are "out". `guess` (-B) turns conversations around whose source looks like the server;
 * then counters change sides as well where records have two of them. `position` says which record came first.
 */
export function bidirectionalSql(
  names: readonly ColumnName[],
  guess: boolean,
  position: string,
  selected: string,
  schema: Schema,
): string {
  const turned = `(${TWO_SIDED} AND (${SIDE_A.join(', ')}) > (${SIDE_B.join(', ')}))`;
  const sides = [...SIDE_A, ...SIDE_B].map((own, i) => {
    const other = [...SIDE_B, ...SIDE_A][i]!;
    return `CASE WHEN ${turned} THEN ${other} ELSE ${own} END AS ${OF_KEYS[i]}`;
  });
  const marked = `SELECT *, ${turned} AS turned, ${sides.join(', ')}, ${position} AS position FROM ${selected}`;
  const first = names.filter((name) => !isCounter(name)).map((name) => `${cellSql(name, schema)} AS ${sql(name)}`);
  const counters = Object.entries(COUNTERS).flatMap(([inside, outside]) => {
    const [inner, outer] = [inside as ColumnName, outside].map((name) => valueSql(schema, name));
    return [
      `${u64Sql(`sum(CASE WHEN turned THEN ${outer} ELSE ${inner} END)`)} AS a_${inside}`,
      `${u64Sql(`sum(CASE WHEN turned THEN ${inner} ELSE ${outer} END)`)} AS b_${inside}`,
    ];
  });
  const groups = `SELECT ${[...first, ...counters].join(', ')}, arg_min(turned, position) AS first_turned,
    coalesce(bit_or(tcp_flags) FILTER (turned), 0) AS b_flags, coalesce(bit_or(tcp_flags) FILTER (NOT turned), 0) AS a_flags,
    count(*) AS rows, min(position) AS position FROM (${marked}) GROUP BY proto, ${OF_KEYS.join(', ')}`;
  const ofFirst = (whenTurned: string, otherwise: string) =>
    `CASE WHEN first_turned THEN ${whenTurned} ELSE ${otherwise} END`;
  const directed = names.map((name) => `${directedSql(name, ofFirst)} AS ${sql(name)}`);
  const result = `SELECT ${directed.join(', ')}, rows, position FROM (${groups})`;
  return guess ? guessedSql(names, result, hasColumn(schema, 'outPackets')) : result;
}

function sql(name: ColumnName): string {
  return column(name).sql;
}

function isCounter(name: ColumnName): boolean {
  return name in COUNTERS || name === 'outPackets' || name === 'outOctets' || name === 'tcpFlags';
}

/** The value of a column over the records of a group. */
function cellSql(name: ColumnName, schema: Schema): string {
  if (name === 'flows') return u64Sql(`sum(${flowsSql(schema)})`);
  if (name === 'firstMs') return 'min(first)';
  if (name === 'lastMs') return 'max(last)';
  const isTime = column(name).type === 'timeMs';
  return `arg_min(${isTime ? sql(name) : valueSql(schema, name)}, position)`;
}

function directedSql(name: ColumnName, ofFirst: (whenTurned: string, otherwise: string) => string): string {
  switch (name) {
    case 'packets':
    case 'octets':
      return ofFirst(`b_${name}`, `a_${name}`);
    case 'outPackets':
      return ofFirst('a_packets', 'b_packets');
    case 'outOctets':
      return ofFirst('a_octets', 'b_octets');
    case 'tcpFlags':
      return ofFirst('b_flags', 'a_flags');
    default:
      return sql(name);
  }
}

function guessedSql(names: readonly ColumnName[], groups: string, carriesOut: boolean): string {
  const [source, target] = ['src_port', 'dst_port'];
  const wrong = PORT_BORDERS.map((border) => `${source} < ${border} AND ${target} >= ${border}`).join(' OR ');
  const swapped = `(${TWO_SIDED} AND (${wrong}))`;
  const cells = names.map((name) => {
    const other = OTHER_SIDE.get(name);
    if (other !== undefined && names.includes(other))
      return `CASE WHEN ${swapped} THEN ${sql(other)} ELSE ${sql(name)} END AS ${sql(name)}`;
    const counter = counterOfOtherSide(name);
    if (counter === undefined) return sql(name);
    const both = carriesOut ? 'TRUE' : `(flows > 1 OR ${sql('outPackets')} > 0)`;
    return `CASE WHEN ${swapped} AND ${both} THEN ${sql(counter)} ELSE ${sql(name)} END AS ${sql(name)}`;
  });
  return `SELECT ${cells.join(', ')}, rows, position FROM (${groups})`;
}

function counterOfOtherSide(name: ColumnName): ColumnName | undefined {
  switch (name) {
    case 'packets':
      return 'outPackets';
    case 'outPackets':
      return 'packets';
    case 'octets':
      return 'outOctets';
    case 'outOctets':
      return 'octets';
    default:
      return undefined;
  }
}
