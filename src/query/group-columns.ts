import { type ColumnName, columns } from '../flow/fields.ts';
import { type Grouping, type GroupKey, OTHER_SIDE } from './aggregation.ts';
import { addressColumns } from './sql/address.ts';
import { column, hasColumn, type Schema } from './sql/schema.ts';

/** Columns that every table of groups has besides those that are printed: totals and orders need them. */
const ALWAYS: readonly ColumnName[] = [
  'flows',
  'packets',
  'octets',
  'outPackets',
  'outOctets',
  'firstMs',
  'lastMs',
  'tcpFlags',
];

const PRINTED_BY_PROTOCOL: ReadonlySet<ColumnName> = new Set<ColumnName>(['dstPort', 'tcpFlags']);

/** Columns of groups: the key, what every table has, and of `wanted` those that groups keep from their first flow. */
export function groupColumns(wanted: readonly ColumnName[], grouping: Grouping, schema: Schema): Set<ColumnName> {
  const names = new Set<ColumnName>(grouping.keys.flatMap((key) => keyColumns(key, schema)));
  for (const name of ALWAYS) names.add(name);
  if (grouping.others === 'first') for (const name of wanted) if (hasColumn(schema, name)) names.add(name);
  if (grouping.bidirectional === 'guess') {
    for (const name of [...names]) {
      const other = OTHER_SIDE.get(name);
      if (other !== undefined && hasColumn(schema, other)) names.add(other);
    }
  }
  // Ports of ICMP and TCP flags print by the protocol, that of the first flow where it is no part of the key.
  if (grouping.keys.some((key) => 'column' in key && PRINTED_BY_PROTOCOL.has(key.column))) names.add('proto');
  return names;
}

/** Groups as flows: which columns they have. */
export function groupsSchema(wanted: readonly ColumnName[], grouping: Grouping, schema: Schema): Schema {
  const names = [...groupColumns(wanted, grouping, schema)];
  const isMade = (name: ColumnName) =>
    name === 'flows' || (grouping.bidirectional !== undefined && (name === 'outPackets' || name === 'outOctets'));
  const had = names.filter((name) => isMade(name) || hasColumn(schema, name));
  return { columns: new Set(had.map((name) => column(name).sql)), mixed: false };
}

function keyColumns(key: GroupKey, schema: Schema): ColumnName[] {
  if ('column' in key) return [key.column];
  const { hi, lo } = addressColumns(key.address);
  if (!hasColumn(schema, hi)) return [];
  return 'maskColumn' in key ? [hi, lo, key.maskColumn] : [hi, lo];
}

/** Groups as flows that are written to a file: with -a whatever the first flow of each had. */
export function writtenSchema(grouping: Grouping, schema: Schema): Schema {
  return groupsSchema(
    columns.map(({ name }) => name),
    grouping,
    schema,
  );
}
