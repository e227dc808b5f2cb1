import { type OptionTable, valueOption } from '../config/option.ts';
import { parseSize } from '../flow/size.ts';
import { UserError } from '../flow/user-error.ts';
import { runSql, type SqlOptions } from '../pipeline/query/sql.ts';
import { SQL_FORMATS, type SqlFormat } from '../query/ask/answer.ts';
import { commandParser } from './parse.ts';
import { readOptions } from './read-options.ts';
import { parseSelection, selectionOptions } from './selection.ts';

const flowOptions: OptionTable = {
  filter: valueOption('only flows that pass this filter of weir dump are in the view flows'),
  t: valueOption('time window yyyy/MM/dd.hh:mm:ss[-yyyy/MM/dd.hh:mm:ss]'),
};

const answerOptions: OptionTable = {
  o: valueOption('table, csv, json, ndjson or parquet', 'table'),
  w: valueOption('write the answer to a file'),
  memory: valueOption('memory for the engine, such as 2G; beyond, the disk is used'),
};

const VIEWS = `Views:
  flows       all flows of the files; packets and octets multiplied by the sampling rate, stored_packets ... as exported
  exporters   what a collector wrote down of its exporters
  interfaces  names of interfaces that exporters told

weir sql -r flows "SELECT src_addr, sum(octets) FROM flows GROUP BY ALL ORDER BY 2 DESC LIMIT 10"
weir sql -r flows "DESCRIBE flows"`;

/** `weir sql`: see `runSql` for what it does. */
export async function sqlCommand(argv: string[]): Promise<number> {
  const options = await parseSqlArguments(argv);
  return options === undefined ? 0 : runSql(options, process);
}

/** Options of a command line; undefined when it only asked for help or the version. */
export async function parseSqlArguments(argv: string[]): Promise<SqlOptions | undefined> {
  const parser = commandParser(argv, 'sql')
    .usage('weir sql (-r FILE|DIR | -R RANGE) [-M DIRS] [options] "SELECT ..."')
    .epilogue(VIEWS);
  const read = await readOptions(parser, {
    'Flow files': selectionOptions,
    Flows: flowOptions,
    Answer: answerOptions,
  });
  if (read === undefined) return undefined;
  const { values, operands } = read;
  const files = parseSelection(values, 'sql');
  if (operands.length === 0) throw new UserError('what is the question? give a SELECT; see weir sql --help');
  const memory = values.text('memory');
  return {
    files,
    statement: operands.join(' '),
    filter: values.text('filter') ?? '',
    window: values.text('t'),
    format: formatOf(values.text('o')!),
    write: values.text('w'),
    memoryOctets: memory === undefined ? undefined : parseSize(memory) || undefined,
  };
}

function formatOf(text: string): SqlFormat {
  const format = SQL_FORMATS.find((one) => one === text);
  if (format === undefined) throw new UserError(`-o takes ${SQL_FORMATS.join(', ')}, not "${text}"`);
  return format;
}
