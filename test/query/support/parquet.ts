import { addon } from '../../../src/addon/addon.ts';
import type { SegmentColumn } from '../../../src/addon/segments.ts';
import { columns } from '../../../src/flow/fields.ts';
import { Database } from '../../../src/query/database.ts';
import type { TestFlow } from './generate.ts';
import { RECEIVED_MS } from './ipfix-pcap.ts';

const TYPES = {
  u8: 'UTINYINT',
  u16: 'USMALLINT',
  u32: 'UINTEGER',
  u64: 'UBIGINT',
  timeMs: 'TIMESTAMPTZ',
  text: 'VARCHAR',
} as const;

/** Columns that the flows have, and all core columns. */
function presentColumns(flows: readonly TestFlow[]) {
  return columns.filter(
    ({ core, field }) => core || flows.some((flow) => field in flow.numbers || field in flow.addresses),
  );
}

/** Writes flows as the collector does, in row groups of so many, with these metadata. */
export async function writeOwnSegment(
  path: string,
  flows: readonly TestFlow[],
  rowGroup: number,
  compression: 'zstd' | 'lz4' | 'none',
  bloom: string[] = [],
  metadata: Record<string, string> = {},
): Promise<void> {
  const present = presentColumns(flows);
  const writer = new (addon().SegmentWriter)(path, { compression, bloom, metadata });
  for (let at = 0; at < flows.length; at += rowGroup) {
    const some = flows.slice(at, at + rowGroup);
    const group = present.map((column): SegmentColumn => {
      const { sql: name, type, absent } = column;
      const values = some.map((flow) => value(flow, column));
      const words = values.flatMap((one) => [Number(one & 0xffff_ffffn), Number(one >> 32n)]);
      const numbers = values.map(Number);
      const data =
        type === 'u8'
          ? Uint8Array.from(numbers)
          : type === 'u16'
            ? Uint16Array.from(numbers)
            : type === 'u32'
              ? Uint32Array.from(numbers)
              : type === 'u64'
                ? Uint32Array.from(words)
                : Float64Array.from(numbers);
      return { name, type, absent, data };
    });
    await writer.append(group, some.length);
  }
  await writer.finish();
}

/** Writes flows as a segment with the columns that the flows have, and all core columns. */
export async function writeSegment(
  path: string,
  flows: readonly TestFlow[],
  rowGroup = 2048,
  options = '',
): Promise<void> {
  const present = presentColumns(flows);
  const rows = flows.map((flow) => `(${present.map((column) => cell(flow, column)).join(', ')})`);
  const names = present.map(({ sql }) => sql).join(', ');
  const select = present.map(
    ({ sql, type }) => `${type === 'timeMs' ? `make_timestamptz(${sql} * 1000)` : sql}::${TYPES[type]} AS ${sql}`,
  );
  const database = await Database.open();
  try {
    const values =
      rows.length === 0
        ? `SELECT * FROM (VALUES (${present.map(() => '0').join(', ')})) t(${names}) WHERE false`
        : `SELECT * FROM (VALUES ${rows.join(',\n')}) t(${names})`;
    await database.run(
      `COPY (SELECT ${select.join(', ')} FROM (${values})) TO '${path.replaceAll("'", "''")}' (FORMAT parquet, ROW_GROUP_SIZE ${rowGroup}${options})`,
    );
  } finally {
    database.close();
  }
}

function cell(flow: TestFlow, column: (typeof columns)[number]): string {
  return `${value(flow, column)}::${column.type === 'u64' ? 'UBIGINT' : 'BIGINT'}`;
}

function value(flow: TestFlow, column: (typeof columns)[number]): bigint {
  const words = flow.addresses[column.field];
  if (column.name.endsWith('Hi') || column.name.endsWith('Lo')) {
    const [high, low] = column.name.endsWith('Hi') ? [words?.[0], words?.[1]] : [words?.[2], words?.[3]];
    return (BigInt(high ?? 0) << 32n) | BigInt(low ?? 0);
  }
  const defaults: Record<string, number> = { receivedMs: RECEIVED_MS, exportMs: RECEIVED_MS, exportVersion: 10 };
  return BigInt(flow.numbers[column.field] ?? defaults[column.field] ?? column.absent);
}
