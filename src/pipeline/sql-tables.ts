import type { StreamStats } from '../collect/collector.ts';
import type { SmallTable } from '../query/ask/views.ts';
import { directoriesAbove } from '../store/segment-files.ts';
import { type Account, readAccount } from './account.ts';

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

interface NamedInterface {
  readonly exporter: string;
  readonly domain: number;
  readonly index: number;
  readonly name: string;
  readonly description: string;
}

const INTERFACE_COLUMNS: readonly TableColumn<NamedInterface>[] = [
  ['exporter', 'VARCHAR', ({ exporter }) => exporter],
  ['domain', 'UINTEGER', ({ domain }) => domain],
  ['index', 'UINTEGER', ({ index }) => index],
  ['name', 'VARCHAR', ({ name }) => name],
  ['description', 'VARCHAR', ({ description }) => description],
];

/** The tables `exporters` and `interfaces`: what the collectors of the stores of these files wrote down. */
export async function collectorTables(paths: readonly string[]): Promise<SmallTable[]> {
  const accounts = (await Promise.all(directoriesAbove(paths).map(readAccount))).filter((one) => one !== undefined);
  const streams = accounts.flatMap((account) => account.streams.map((row) => ({ row, account })));
  const interfaces = streams.flatMap(({ row: { exporter, domain, interfaces = [] }, account }) =>
    interfaces.map((one) => ({ row: { exporter, domain, ...one }, account })),
  );
  return [table('exporters', EXPORTER_COLUMNS, streams), table('interfaces', INTERFACE_COLUMNS, interfaces)];
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
