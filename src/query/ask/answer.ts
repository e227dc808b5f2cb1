import { escapeControls } from '../../flow/json.ts';
import type { OutputSink } from '../output/sink.ts';
import type { TextBlock } from '../output/text.ts';
import { toldText } from '../output/told-text.ts';
import { text } from '../sql/schema.ts';
import type { ReadOnlyStatement, SqlSession } from './session.ts';

export const SQL_FORMATS = ['table', 'csv', 'json', 'ndjson', 'parquet'] as const;
export type SqlFormat = (typeof SQL_FORMATS)[number];

/** Rows whose cells decide how wide a table is. */
const MEASURED_ROWS = 1000;
const WIDEST = 80;

/** Writes the answer to a statement as Parquet, to a file that the session may write. */
export async function writeParquet(session: SqlSession, { sql }: ReadOnlyStatement, path: string): Promise<void> {
  await session.run(`COPY (\n${sql}\n) TO ${text(path)} (FORMAT parquet, COMPRESSION zstd, USE_TMP_FILE false)`);
}

/** Prints the answer to a statement. */
export async function printAnswer(
  session: SqlSession,
  statement: ReadOnlyStatement,
  format: Exclude<SqlFormat, 'parquet'>,
  sink: OutputSink,
): Promise<void> {
  const { sql, isPlan, numeric } = statement;
  if (isPlan) {
    const { rows } = await session.texts(sql);
    await eachRow(rows, sink, (out, row) => out.text(`${row.at(-1) ?? ''}\n`));
    return;
  }
  if (format === 'json' || format === 'ndjson') {
    const { rows } = await session.texts(`SELECT to_json(answer)::VARCHAR FROM (\n${sql}\n) AS answer`);
    const isList = format === 'json';
    let before = isList ? '[\n' : '';
    await eachRow(rows, sink, (out, [row]) => {
      out.text(`${before}${escapeControls(row ?? 'null')}${isList ? '' : '\n'}`);
      if (isList) before = ',\n';
    });
    if (isList) sink.block.text(before === '[\n' ? '[]\n' : '\n]\n');
    return;
  }
  const { names, rows } = await session.texts(`SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (\n${sql}\n) AS answer`);
  if (format === 'csv') {
    const line = (cells: readonly (string | null)[]) =>
      `${cells.map((cell) => toldText(cell ?? '', true)).join(',')}\n`;
    sink.block.text(line(names));
    await eachRow(rows, sink, (out, row) => out.text(line(row)));
  } else await printTable(names, rows, numeric, sink);
}

type TextRows = AsyncIterable<(string | null)[][]>;

async function eachRow(
  rows: TextRows,
  sink: OutputSink,
  write: (out: TextBlock, row: (string | null)[]) => void,
): Promise<void> {
  for await (const some of rows) {
    for (const row of some) {
      if (sink.block.isFull) await sink.flush();
      write(sink.block, row);
    }
  }
}

/** Columns as wide as the names and the first rows need; numbers to the right. */
async function printTable(
  names: readonly string[],
  rows: TextRows,
  numeric: readonly boolean[],
  sink: OutputSink,
): Promise<void> {
  let widths: number[] | undefined;
  const held: (string | null)[][] = [];
  const line = (cells: readonly (string | null)[]) => {
    const padded = cells.map((cell, index) => {
      const shown = toldText(cell ?? '', false);
      const width = widths![index]!;
      return numeric[index] ? shown.padStart(width) : shown.padEnd(width);
    });
    return `${padded.join('  ').trimEnd()}\n`;
  };
  const start = () => {
    widths = names.map((name, index) =>
      Math.min(
        WIDEST,
        held.reduce((most, row) => Math.max(most, row[index]?.length ?? 0), name.length),
      ),
    );
    sink.block.text(line(names));
    sink.block.text(`${widths.map((width) => '-'.repeat(width)).join('  ')}\n`);
  };
  await eachRow(rows, sink, (out, row) => {
    if (widths === undefined) {
      held.push(row);
      if (held.length < MEASURED_ROWS) return;
      start();
      for (const one of held.splice(0)) sink.block.text(line(one));
    } else out.text(line(row));
  });
  if (widths === undefined) start();
  for (const one of held) {
    if (sink.block.isFull) await sink.flush();
    sink.block.text(line(one));
  }
}
