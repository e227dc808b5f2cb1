import { type DuckDBConnection, DuckDBInstance, type DuckDBPreparedStatement, StatementType } from '@duckdb/node-api';
import { UserError } from '../../flow/user-error.ts';
import type { Filter } from '../filter/tree.ts';
import type { FlowFiles } from '../flow-files.ts';
import type { Selection } from '../plan.ts';
import { SpillDirectory } from '../spill.ts';
import { filesSql } from '../sql/scan.ts';
import { text } from '../sql/schema.ts';
import { derivedFilter } from './derived-filter.ts';
import { flowsViewSql, MACROS, type SmallTable, smallTableSql } from './views.ts';

/** What the views have. */
export interface SqlSources {
  readonly files: FlowFiles;
  /** Which of their flows the view `flows` has. */
  readonly selection: Selection;
  readonly tables: readonly SmallTable[];
  /** The only file that can be written. */
  readonly output: string | undefined;
}

/** A user's statement within one of ours begins on a line of its own, the second. */
const LINES_BEFORE = 1;

/** A statement of the user's that only reads, ready to be put into others. */
export interface ReadOnlyStatement {
  readonly sql: string;
  /** What is asked for is no table of its own: EXPLAIN. */
  readonly isPlan: boolean;
  /** Which columns are numbers. */
  readonly numeric: readonly boolean[];
}

const ONLY_READS = 'weir sql only reads: give a SELECT (or DESCRIBE, SUMMARIZE, EXPLAIN)';
/** What the engine refuses in words about files or syntax, or takes for a SELECT. */
const OTHER_STATEMENT = /^(alter|call|copy|create|delete|drop|export|import|insert|merge|pragma|truncate|update)\b/i;

/**
 * A database that has views of flow files and nothing else: no other file, no network, no further settings. What it does
 * must be one statement that reads.
 */
export class SqlSession {
  private readonly instance: DuckDBInstance;
  private readonly connection: DuckDBConnection;
  private readonly spill: SpillDirectory;

  private constructor(instance: DuckDBInstance, connection: DuckDBConnection, spill: SpillDirectory) {
    this.instance = instance;
    this.connection = connection;
    this.spill = spill;
  }

  /** A database that has nothing yet. `memoryOctets`: beyond, it uses the disk. */
  static async open(memoryOctets: number | undefined): Promise<SqlSession> {
    const spill = new SpillDirectory();
    const instance = await DuckDBInstance.create(':memory:', {
      temp_directory: spill.path,
      autoinstall_known_extensions: 'false',
      ...(memoryOctets === undefined ? {} : { memory_limit: `${memoryOctets}B` }),
    });
    const session = new SqlSession(instance, await instance.connect(), spill);
    try {
      for (const sql of ['SET enable_progress_bar = true', 'SET enable_progress_bar_print = false', ...MACROS]) {
        await session.connection.run(sql);
      }
      return session;
    } catch (error) {
      session.close();
      throw error;
    }
  }

  /** What a statement asks of the flows that the view `flows` need have; undefined for nothing that can be told. */
  async filterOf(statement: string): Promise<Filter | undefined> {
    const serialized = await this.connection.runAndReadAll('SELECT json_serialize_sql($1::VARCHAR)::VARCHAR', [
      statement,
    ]);
    return derivedFilter(String(serialized.getRows()[0]![0]));
  }

  /**
   * Makes the views; nothing else can be read from then on.
   *
   * @throws UserError for files that are not of flows
   */
  async show({ files, selection, tables, output }: SqlSources): Promise<void> {
    const mixed = files.paths.length > 1;
    const source = await this.connection.prepare(`SELECT * FROM ${filesSql(files.paths, mixed)}`);
    const names = new Set(Array.from({ length: source.columnCount }, (_, index) => source.columnName(index)));
    source.destroySync();
    if (!names.has('first') || !names.has('src_addr_lo')) {
      throw new UserError(`${files.paths[0]} is a Parquet file, but not of flows`);
    }
    const schema = { columns: names, mixed };
    for (const sql of [flowsViewSql(files, selection, schema), ...tables.flatMap(smallTableSql)]) {
      await this.connection.run(sql);
    }
    const allowed = [...files.paths, ...(output === undefined ? [] : [output])];
    await this.connection.run(`SET allowed_paths = [${allowed.map(text).join(', ')}]`);
    await this.connection.run('SET enable_external_access = false');
    await this.connection.run('SET lock_configuration = true');
  }

  /** @throws UserError with a caret under the place of a mistake, and for anything but one statement that reads */
  async understand(given: string): Promise<ReadOnlyStatement> {
    const sql = given.trim().replace(/[\s;]+$/, '');
    if (sql === '') throw new UserError('the statement is empty; give a SELECT');
    if (OTHER_STATEMENT.test(sql)) throw new UserError(ONLY_READS);
    let statement: DuckDBPreparedStatement;
    try {
      const statements = await this.connection.extractStatements(sql);
      if (statements.count !== 1) throw new UserError('one statement at a time');
      statement = await statements.prepare(0);
    } catch (error) {
      throw error instanceof UserError ? error : mistake(error);
    }
    try {
      const { statementType, columnCount } = statement;
      if (statementType !== StatementType.SELECT && statementType !== StatementType.EXPLAIN) {
        throw new UserError(ONLY_READS);
      }
      const numeric = Array.from({ length: columnCount }, (_, index) =>
        /^(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|DOUBLE|FLOAT|DECIMAL.*)$/.test(String(statement.columnType(index))),
      );
      return { sql, isPlan: statementType === StatementType.EXPLAIN, numeric };
    } finally {
      statement.destroySync();
    }
  }

  /** Names of the columns of a query whose cells all are text, and its rows as they become ready. */
  async texts(sql: string): Promise<{ names: string[]; rows: AsyncIterable<(string | null)[][]> }> {
    try {
      const result = await this.connection.stream(sql);
      return { names: result.columnNames(), rows: textRows(result.yieldRowsJson()) };
    } catch (error) {
      throw mistake(error, LINES_BEFORE);
    }
  }

  async run(sql: string): Promise<void> {
    try {
      await this.connection.run(sql);
    } catch (error) {
      throw mistake(error, LINES_BEFORE);
    }
  }

  /** 0 to 1, of the statement at hand. */
  progress(): number {
    return Math.max(0, this.connection.progress.percentage) / 100;
  }

  close(): void {
    this.connection.closeSync();
    this.instance.closeSync();
    this.spill.remove();
  }
}

async function* textRows(rows: AsyncIterable<unknown[][]>): AsyncGenerator<(string | null)[][], void, undefined> {
  try {
    for await (const some of rows) yield some as (string | null)[][];
  } catch (error) {
    throw mistake(error, LINES_BEFORE);
  }
}

/** The engine's message in one line; with the line of the statement and a caret where it has one. `linesBefore` are ours. */
function mistake(error: unknown, linesBefore = 0): unknown {
  if (!(error instanceof Error)) return error;
  const [first = '', ...rest] = error.message
    .replace(/^Failed to extract statements: /, '')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const what = first.replace(/^(Parser|Binder|Catalog|Invalid Input|Conversion|Permission) Error: /, '');
  const at = rest.findIndex((line) => /^LINE \d+: /.test(line));
  const hint = (at < 0 ? rest : rest.slice(0, at)).map((line) => line.trim()).join(' ');
  const place =
    at < 0
      ? ''
      : `\n${rest
          .slice(at, at + 2)
          .join('\n')
          .replace(/^LINE (\d+)/, (_, line) => `LINE ${Number(line) - linesBefore}`)}`;
  return new UserError(`${what}${hint === '' ? '' : ` (${hint})`}${place}`, { cause: error });
}
