import type { StreamStats } from '../../collect/collector.ts';
import type { SmallTable } from '../../query/ask/views.ts';
import { directoriesAbove } from '../../store/directories-above.ts';
import { type Account, readAccount } from '../collect/account.ts';
import { namesBeside } from '../collect/names-file.ts';

type Cell = string | number | null;
type TableColumn<Row> = readonly [name: string, type: string, cell: (row: Row, account: Account) => Cell];

const EXPORTER_COLUMNS: readonly TableColumn<StreamStats>[] = [
  ['exporter', 'VARCHAR', ({ exporter }) => exporter],
  ['ident', 'VARCHAR', (_, { ident }) => ident],
  ['version', 'USMALLINT', ({ version }) => version],
  ['domain', 'UINTEGER', ({ domain }) => domain],
  ['transport', 'VARCHAR', ({ transport }) => transport ?? 'udp'],
  ['datagrams', 'UBIGINT', ({ datagrams }) => datagrams],
  ['records', 'UBIGINT', ({ records }) => records],
  ['lost', 'UBIGINT', ({ lost }) => lost],
  ['lost_unit', 'VARCHAR', ({ lostUnit }) => lostUnit],
  ['duplicated', 'UBIGINT', ({ duplicated }) => duplicated],
  ['reordered', 'UBIGINT', ({ reordered }) => reordered],
  ['resets', 'UBIGINT', ({ resets }) => resets],
  ['templates', 'UBIGINT', ({ templates }) => templates],
  ['sets_without_template', 'UBIGINT', ({ setsWithoutTemplate }) => setsWithoutTemplate],
  ['sampling', 'UINTEGER', ({ samplingRate }) => samplingRate],
  ['skew_ms', 'BIGINT', ({ skewMs }) => Math.round(skewMs)],
  ['last_seen', 'TIMESTAMPTZ', ({ lastSeenMs }) => (lastSeenMs > 0 ? new Date(lastSeenMs).toISOString() : null)],
];

/** As in the columns of the table. */
type NamedInterface = readonly [exporter: string, index: number, name: string, description: string];

const INTERFACE_COLUMNS = [
  ['exporter', 'VARCHAR'],
  ['index', 'UINTEGER'],
  ['name', 'VARCHAR'],
  ['description', 'VARCHAR'],
] as const;

/** The tables `exporters` and `interfaces`: what the collectors of the stores of these files wrote down. */
export async function collectorTables(paths: readonly string[]): Promise<SmallTable[]> {
  const accounts = (await Promise.all(directoriesAbove(paths).map(readAccount))).filter((one) => one !== undefined);
  const streams = accounts.flatMap((account) => account.streams.map((row) => ({ row, account })));
  const names = Object.entries((await namesBeside(paths)).toObject());
  const interfaces: NamedInterface[] = names.flatMap(([exporter, { interfaces = {} }]) =>
    Object.entries(interfaces).map(([id, { name, description }]) => [exporter, Number(id), name, description] as const),
  );
  return [
    table('exporters', EXPORTER_COLUMNS, streams),
    { name: 'interfaces', columns: INTERFACE_COLUMNS, rows: interfaces },
  ];
}

function table<Row>(
  name: string,
  columns: readonly TableColumn<Row>[],
  rows: readonly { readonly row: Row; readonly account: Account }[],
): SmallTable {
  return {
    name,
    columns: columns.map(([head, type]) => [head, type]),
    rows: rows.map(({ row, account }) => columns.map(([, , cell]) => cell(row, account))),
  };
}
