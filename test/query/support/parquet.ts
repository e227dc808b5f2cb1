import { columns } from '../../../src/flow/fields.ts';
import { Database } from '../../../src/query/database.ts';
import type { TestFlow } from './generate.ts';
import { RECEIVED_MS } from './ipfix-pcap.ts';

const TYPES = { u8: 'UTINYINT', u16: 'USMALLINT', u32: 'UINTEGER', u64: 'UBIGINT', timeMs: 'TIMESTAMPTZ' } as const;

/** Writes flows as a segment with the columns that the flows have, and all core columns. */
export async function writeSegment(path: string, flows: readonly TestFlow[], rowGroup = 2048): Promise<void> {
  const present = columns.filter(
    ({ core, field }) => core || flows.some((flow) => field in flow.numbers || field in flow.addresses),
  );
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
      `COPY (SELECT ${select.join(', ')} FROM (${values})) TO '${path.replaceAll("'", "''")}' (FORMAT parquet, ROW_GROUP_SIZE ${rowGroup})`,
    );
  } finally {
    database.close();
  }
}

function cell(flow: TestFlow, column: (typeof columns)[number]): string {
  const words = flow.addresses[column.field];
  if (column.name.endsWith('Hi') || column.name.endsWith('Lo')) {
    const [high, low] = column.name.endsWith('Hi') ? [words?.[0], words?.[1]] : [words?.[2], words?.[3]];
    return `${(BigInt(high ?? 0) << 32n) | BigInt(low ?? 0)}::UBIGINT`;
  }
  const defaults: Record<string, number> = { receivedMs: RECEIVED_MS, exportMs: RECEIVED_MS, exportVersion: 10 };
  return `${flow.numbers[column.field] ?? defaults[column.field] ?? column.absent}::BIGINT`;
}
