import { type ColumnName, columns } from '../flow/fields.ts';
import { UserError } from '../flow/user-error.ts';
import { narrowChains } from './chain-span.ts';
import { Database } from './database.ts';
import type { QueryEngine, Rows, Tables } from './engine.ts';
import { filterColumns } from './filter/columns.ts';
import { bindings, type Sequence } from './filter/sequence.ts';
import type { Filter } from './filter/tree.ts';
import { type FlowFiles, filesAsStored } from './flow-files.ts';
import { filesLeft } from './native/files-left.ts';
import type { Order } from './orders.ts';
import type { Totals } from './output/summary.ts';
import { type EngineJob, EVERYTHING, type JobOf, type Selection } from './plan.ts';
import { type Groups, groupsSql, limitedSql, rowsSql, sortSql } from './sql/flows.ts';
import { limitSql } from './sql/order.ts';
import { predicateSql } from './sql/predicate.ts';
import { reportSql } from './sql/report.ts';
import { FILE_SHIFT, filesSql, selectedSql } from './sql/scan.ts';
import { column, hasColumn, type Schema, text, valueSql } from './sql/schema.ts';
import { CHAINS_TABLE, chainRowsSql, chainsSql, flowsOfChainsSql, MOST_CHAINS } from './sql/sequence.ts';
import { statisticRowsSql, statisticSql } from './sql/statistic.ts';
import { TOTAL_COLUMNS, totalsOfGroupsSql, totalsSql } from './sql/totals.ts';

const GROUPS_TABLE = 'groups';

export interface DuckDbOptions {
  readonly memoryOctets?: number | undefined;
  /** What will be asked, to know how far the work is. */
  readonly jobs?: readonly EngineJob[] | undefined;
  /** Gets what tells how far it is, before the first statement. */
  readonly watch?: ((share: () => number) => void) | undefined;
}

/** Answers every question, through SQL; memory that it lacks it takes from the disk. */
export class DuckDbEngine implements QueryEngine {
  readonly schema: Schema;
  /** What those files have that are read. */
  private readonly stored: Schema;
  readonly unchecked: readonly string[];
  private readonly database: Database;
  private readonly statements: number;
  private readonly files: FlowFiles;
  private readonly selected: string;
  private readonly selection: Selection;
  private readonly sequence: Sequence | undefined;
  private known: Totals | undefined;

  private constructor(database: Database, files: FlowFiles, stored: Schema, selection: Selection, statements: number) {
    this.database = database;
    this.statements = statements;
    this.files = files;
    this.unchecked = files.paths;
    this.stored = stored;
    this.schema = { columns: files.columnsOfAll ?? stored.columns, mixed: files.count > 1 };
    this.selection = selection;
    this.sequence = selection.sequence;
    this.selected =
      this.sequence === undefined
        ? selectedSql(files, selection, stored)
        : flowsOfChainsSql(files, selection.counters, stored);
  }

  /** @throws UserError for files that are not of flows; errors of the engine for files that cannot be read. */
  static async open(all: FlowFiles, asked: Selection, options: DuckDbOptions = {}): Promise<DuckDbEngine> {
    const { memoryOctets, jobs = [], watch } = options;
    const database = await Database.open(memoryOctets);
    try {
      const selection = await narrowChains(database, all, asked, (paths) => describe(database, paths));
      const files = await filesLeft(all, selection);
      const schema = await describe(database, files.paths);
      const engine = new DuckDbEngine(database, files, schema, selection, statementsOf(selection, jobs));
      watch?.(() => engine.progress());
      const { sequence } = selection;
      if (sequence !== undefined) await findChains(database, files, { ...selection, sequence }, schema);
      return engine;
    } catch (error) {
      database.close();
      throw error;
    }
  }

  progress(): number {
    return Math.min(1, this.database.progress() / this.statements);
  }

  close(): void {
    this.database.close();
  }

  async span(): Promise<{ first: number; last: number }> {
    // Of all files, whether read or not.
    if (this.files.columnsOfAll !== undefined && this.files.scan !== undefined) {
      const { firstMs, lastMs } = this.files.scan.summary();
      return { first: firstMs, last: lastMs };
    }
    const sql = `SELECT coalesce(epoch_ms(min(first)), 0) AS first, coalesce(epoch_ms(max(last)), 0) AS last
      FROM ${filesSql(this.files.paths, this.stored.mixed)}`;
    return this.database.numbers(sql, ['first', 'last']);
  }

  async readAll(): Promise<number> {
    const sql = `SELECT count(*)::UBIGINT AS rows, coalesce(bit_xor(hash(COLUMNS(*))), 0)::UBIGINT AS all_cells FROM ${this.selected}`;
    return (await this.database.numbers(sql.replace('COLUMNS(*)', [...this.stored.columns].join(', ')), ['rows'])).rows;
  }

  async totals(): Promise<Totals> {
    this.known ??= await this.database.numbers(totalsSql(this.selected, this.stored), TOTAL_COLUMNS);
    return this.known;
  }

  flows(job: JobOf<'flows'>, wanted: readonly ColumnName[]): Rows {
    return this.database.chunks(this.flowsSql(job, wanted));
  }

  private flowsSql({ order, top, resultFilter }: JobOf<'flows'>, wanted: readonly ColumnName[]): string {
    const ties = order === undefined ? [] : ['file_index', 'file_row_number'];
    const from =
      resultFilter === undefined
        ? this.selected
        : `(SELECT *, file_index, file_row_number FROM ${this.selected}${sortSql(this.stored, order, ties, top)}) WHERE ${predicateSql(resultFilter, this.stored)}`;
    return rowsSql(wanted, from, this.stored, order, ties, top, this.identSql('file_index'));
  }

  chains(wanted: readonly ColumnName[]): Rows {
    return this.database.chunks(this.chainsSql(wanted));
  }

  private chainsSql(wanted: readonly ColumnName[]): string {
    const values = [...bindings(this.sequence!).keys()].flatMap((_, index) => [`v${index}_hi`, `v${index}_lo`]);
    const flows = chainRowsSql(this.files, this.selection.counters, this.stored);
    return rowsSql(wanted, flows, this.stored, undefined, ['chain', 'step'], 0, [
      'chain',
      'step',
      ...values,
      ...this.identSql(`flow_position >> ${FILE_SHIFT}`),
    ]);
  }

  /** The column `ident` where it is wanted. */
  private identSql(fileIndex: string): string[] {
    const { idents } = this.selection;
    if (idents === undefined) return [];
    return [
      `[${this.files.paths.map((path) => text(idents.get(path)!)).join(', ')}][(${fileIndex})::BIGINT + 1] AS ident`,
    ];
  }

  /** The statements that answer a job, one for each of its orders. */
  sql(job: EngineJob, wanted: readonly ColumnName[], baseline: readonly string[]): string[] {
    switch (job.kind) {
      case 'flows':
        return [
          this.sequence === undefined || job.order !== undefined ? this.flowsSql(job, wanted) : this.chainsSql(wanted),
        ];
      case 'groups': {
        const groups = this.groupsOf(job, wanted);
        const orders = job.orders.length === 0 ? [undefined] : job.orders;
        return orders.map((order) => groupRowsSql(job, groups, order, wanted, `(${groups.sql})`));
      }
      case 'report': {
        const { report, parameter, top } = job;
        const { selected, selection, stored: schema } = this;
        const input = { selected, selection, parameter, baseline, baselineSchema: schema };
        return [`${reportSql[report.name](input)}${limitSql(top)}`];
      }
      case 'statistic': {
        const { statistic, byProtocol, orders, top, limits } = job;
        const table = `(${statisticSql(statistic, byProtocol, this.selected, this.stored)})`;
        return orders.map((order) => statisticRowsSql(statistic, order, top, table, this.stored, limits));
      }
    }
  }

  private groupsOf({ grouping, orders, resultFilter }: JobOf<'groups'>, wanted: readonly ColumnName[]): Groups {
    const read = resultFilter === undefined ? wanted : [...wanted, ...filterColumns(resultFilter)];
    return groupsSql(read, grouping, orders.length === 0, this.selected, this.stored);
  }

  async groups(job: JobOf<'groups'>, wanted: readonly ColumnName[]): Promise<Tables> {
    const groups = this.groupsOf(job, wanted);
    const { table, totals } = await this.hold(groups.sql, job.orders.length, job.top, 1);
    return { totals, rows: (order) => this.database.chunks(groupRowsSql(job, groups, order, wanted, table)) };
  }

  async statistic({ statistic, byProtocol, orders, top, limits }: JobOf<'statistic'>): Promise<Tables> {
    const sql = statisticSql(statistic, byProtocol, this.selected, this.stored);
    const { table, totals } = await this.hold(sql, orders.length, top, statistic.sides.length);
    return {
      totals,
      rows: (order: Order | undefined) =>
        this.database.chunks(statisticRowsSql(statistic, order!, top, table, this.stored, limits)),
    };
  }

  async report({ report, parameter, top }: JobOf<'report'>, baseline: readonly string[]): Promise<Rows> {
    const { selected, selection } = this;
    const baselineSchema = baseline.length === 0 ? this.stored : await describe(this.database, baseline);
    const sql = reportSql[report.name]({ selected, selection, parameter, baseline, baselineSchema });
    return this.database.chunks(`${sql}${limitSql(top)}`);
  }

  /**
   * Makes groups ready for one or several tables, and the totals if they are not known yet; returns what to select
   * from. Groups that are asked for once and only for their top rows are not kept: ten million of them cost far more to
   * store than the totals cost in a scan of their own.
   */
  private async hold(
    sql: string,
    tables: number,
    top: number,
    sides: number,
  ): Promise<{ table: string; totals: Totals }> {
    if (tables === 1 && top > 0) return { table: `(${sql})`, totals: await this.totals() };
    await this.database.run(`CREATE OR REPLACE TEMP TABLE ${GROUPS_TABLE} AS ${sql}`);
    this.known ??= await this.database.numbers(totalsOfGroupsSql(GROUPS_TABLE, sides), TOTAL_COLUMNS);
    return { table: GROUPS_TABLE, totals: this.known };
  }
}

/** Reads every value of every column of files, so that what is damaged is met; resolves to the number of rows. */
export async function readAll(paths: readonly string[]): Promise<number> {
  const engine = await DuckDbEngine.open(filesAsStored(paths), EVERYTHING);
  try {
    return await engine.readAll();
  } finally {
    engine.close();
  }
}

/** How many statements answer the jobs of a plan. */
function statementsOf({ sequence, limit }: Selection, jobs: readonly EngineJob[]): number {
  let statements = sequence === undefined ? 0 : sequence.every && limit === undefined ? 2 : 1;
  let hasTotals = false;
  for (const job of jobs) {
    const orders = job.kind === 'groups' || job.kind === 'statistic' ? Math.max(1, job.orders.length) : 1;
    statements += orders;
    // Groups of several tables are made first.
    if (orders > 1 || (job.kind !== 'flows' && job.kind !== 'report' && job.top === 0)) statements++;
    if (hasTotals || (job.kind === 'flows' && (job.order === undefined || job.top === 0))) continue;
    hasTotals = true;
    statements++;
  }
  return Math.max(1, statements);
}

async function findChains(
  database: Database,
  files: FlowFiles,
  selection: Selection & { sequence: Sequence },
  schema: Schema,
): Promise<void> {
  const { sequence, limit } = selection;
  await database.run(chainsSql(files, selection, sequence, schema));
  if (!sequence.every || limit !== undefined) return;
  const { chains } = await database.numbers(`SELECT coalesce(max(chain), 0) AS chains FROM ${CHAINS_TABLE}`, [
    'chains',
  ]);
  if (chains > MOST_CHAINS) {
    throw new UserError(
      `more than ${MOST_CHAINS} chains: leave out "every", narrow the stages, or ask for some with -c`,
    );
  }
}

/** The rows of one order's table of groups. */
function groupRowsSql(
  { top, limits, resultFilter }: JobOf<'groups'>,
  { schema, keys }: Groups,
  order: Order | undefined,
  wanted: readonly ColumnName[],
  groups: string,
): string {
  const table = limitedSql(groups, limits, order, schema);
  const ties = order === undefined ? ['position DESC'] : keys;
  const cut =
    resultFilter === undefined
      ? table
      : `(SELECT *${clearedSql(resultFilter, schema)} FROM ${table}${sortSql(schema, order, ties, top)}) WHERE ${predicateSql(resultFilter, schema)}`;
  return rowsSql(wanted, cut, schema, order, ties, top);
}

/** Core columns that a filter on groups reads and that the groups do not have: they are absent in all of them. */
function clearedSql(filter: Filter, schema: Schema): string {
  const missing = filterColumns(filter).filter((name) => column(name).core && !hasColumn(schema, name));
  return [...new Set(missing)].map((name) => `, ${valueSql(schema, name)} AS ${column(name).sql}`).join('');
}

async function describe(database: Database, files: readonly string[]): Promise<Schema> {
  const mixed = files.length > 1;
  const names = new Set(await database.columnNames(`SELECT * FROM ${filesSql(files, mixed)}`));
  const missing = columns.find(({ core, sql }) => core && !names.has(sql));
  if (missing !== undefined) {
    throw new UserError(`${files[0]} is a Parquet file, but not of flows: it has no column "${missing.sql}"`);
  }
  return { columns: names, mixed };
}
