import type { ColumnName } from '../flow/fields.ts';
import type { Chunk, Database } from './database.ts';
import type { Style } from './output/cells.ts';
import type { Format } from './output/format.ts';
import { wide } from './output/numbers.ts';
import { type RowPrinter, rowPrinter } from './output/row-printer.ts';
import type { OutputSink } from './output/sink.ts';
import { bindTable, openTable, type StatisticTable } from './output/statistic-table.ts';
import { NO_TOTALS, type Totals } from './output/summary.ts';
import type { TextBlock } from './output/text.ts';
import type { Job, Plan } from './plan.ts';
import { groupsSql, rowsSql, sortSql } from './sql/flows.ts';
import { predicateSql } from './sql/predicate.ts';
import { selectedSql } from './sql/scan.ts';
import { hasColumn, type Schema } from './sql/schema.ts';
import { statisticRowsSql, statisticSql } from './sql/statistic.ts';
import { TOTAL_COLUMNS, totalsOfGroupsSql, totalsSql } from './sql/totals.ts';

export interface RunnerOptions {
  readonly database: Database;
  readonly files: readonly string[];
  readonly schema: Schema;
  readonly plan: Plan;
  readonly format: Format;
  readonly style: Style;
  readonly sink: OutputSink;
  readonly quiet: boolean;
}

type JobOf<K extends Job['kind']> = Extract<Job, { kind: K }>;
type Rows = AsyncIterable<Chunk>;

/** Columns that totals are added up from while flows are printed. */
const TOTALED: readonly ColumnName[] = ['flows', 'packets', 'octets', 'outPackets', 'outOctets', 'firstMs', 'lastMs'];
const GROUPS_TABLE = 'groups';

/** Carries out a plan in DuckDB and prints the answer. */
export class Runner {
  private readonly options: RunnerOptions;
  private readonly selected: string;
  private readonly printer: RowPrinter;
  private totals: Totals | undefined;

  constructor(options: RunnerOptions) {
    this.options = options;
    this.selected = selectedSql(options.files, options.plan.selection, options.schema);
    this.printer = this.makePrinter(options.schema);
  }

  /** Prints all tables; returns the totals of the flows that matched. */
  async run(): Promise<Totals> {
    for (const job of this.options.plan.jobs) {
      switch (job.kind) {
        case 'flows':
          await this.printFlows(job);
          break;
        case 'groups':
          await this.printGroups(job);
          break;
        case 'statistic':
          await this.printStatistic(job);
          break;
      }
    }
    return this.totals ?? NO_TOTALS;
  }

  private async printFlows({ order, top }: JobOf<'flows'>): Promise<void> {
    const { schema, quiet, format } = this.options;
    this.printer.open(this.out, quiet);
    if (format.kind === 'null' || (order !== undefined && top !== 0))
      await this.queryTotals(totalsSql(this.selected, schema));
    if (format.kind !== 'null') {
      const wanted = [...new Set([...this.printer.needs, ...TOTALED])];
      const ties = order === undefined ? [] : ['file_index', 'file_row_number'];
      const sql = rowsSql(wanted, this.selected, schema, order, ties, top);
      const totals = this.totals === undefined ? new RunningTotals() : undefined;
      await this.printRows(this.printer, this.query(sql), totals);
      this.totals ??= totals!.result();
    }
    this.noteNoMatch(this.totals!);
    this.printer.close(this.out);
  }

  private async printGroups(job: JobOf<'groups'>): Promise<void> {
    const { schema, format, quiet } = this.options;
    const { orders, top, titled } = job;
    // Formats that name what they print show of cleared columns (-A) only the key.
    const keyNames = groupsSql([], job.grouping, false, this.selected, schema).schema;
    const printer = job.grouping.others === 'first' ? this.printer : this.makePrinter(keyNames);
    const groups = groupsSql(printer.needs, job.grouping, orders.length === 0, this.selected, schema);
    if (!titled) printer.open(this.out, quiet);
    const table = await this.holdGroups(groups.sql, orders.length, top, 1);
    this.noteNoMatch(this.totals!);
    for (const order of orders.length === 0 ? [undefined] : orders) {
      const ties = order === undefined ? ['position DESC'] : groups.keys;
      if (titled && format.kind === 'text' && !quiet) {
        this.out.ascii(`Top ${top === 0 ? '' : `${top} `}flows ordered by ${order!.name}:\n`);
      }
      if (titled) printer.open(this.out, quiet);
      if (format.kind !== 'null') {
        const cut =
          job.resultFilter === undefined
            ? table
            : `(SELECT * FROM ${table}${sortSql(groups.schema, order, ties, top)}) WHERE ${predicateSql(job.resultFilter, groups.schema)}`;
        await this.printRows(printer, this.query(rowsSql(printer.needs, cut, groups.schema, order, ties, top)));
      }
      printer.close(this.out);
    }
  }

  private async printStatistic({ statistic, byProtocol, orders, top }: JobOf<'statistic'>): Promise<void> {
    const { schema, format, style, quiet } = this.options;
    const groups = statisticSql(statistic, byProtocol, this.selected, schema);
    const known = this.totals !== undefined;
    const held = await this.holdGroups(groups, orders.length, top, statistic.sides.length);
    const totals = this.totals!;
    if (!known) this.noteNoMatch(totals);
    for (const order of orders) {
      const table: StatisticTable = { statistic, byProtocol, order, top, totals };
      openTable(this.out, table, format, style, quiet);
      for await (const chunk of this.query(statisticRowsSql(statistic, order, top, held, schema))) {
        await this.printChunk(chunk, bindTable(chunk, table, format, style));
      }
    }
  }

  /**
   * Makes groups ready for one or several tables, and the totals if they are not known yet; returns what to select
   * from. Groups that are asked for once and only for their top rows are not kept: ten million of them cost far more to
   * store than the totals cost in a scan of their own.
   */
  private async holdGroups(sql: string, tables: number, top: number, sides: number): Promise<string> {
    if (tables === 1 && top > 0) {
      if (this.totals === undefined) await this.queryTotals(totalsSql(this.selected, this.options.schema));
      return `(${sql})`;
    }
    await this.options.database.run(`CREATE OR REPLACE TEMP TABLE ${GROUPS_TABLE} AS ${sql}`);
    if (this.totals === undefined) await this.queryTotals(totalsOfGroupsSql(GROUPS_TABLE, sides));
    return GROUPS_TABLE;
  }

  private makePrinter(schema: Schema): RowPrinter {
    return rowPrinter(this.options.format, this.options.style, (name) => hasColumn(schema, name));
  }

  private get out(): TextBlock {
    return this.options.sink.block;
  }

  private query(sql: string): Rows {
    return this.options.database.chunks(sql);
  }

  private async queryTotals(sql: string): Promise<Totals> {
    const totals = await this.options.database.numbers(sql, TOTAL_COLUMNS);
    this.totals = totals;
    return totals;
  }

  /** For people and their scripts; JSON must stay JSON. */
  private noteNoMatch({ rows }: Totals): void {
    const { kind } = this.options.format;
    if (rows === 0 && kind !== 'json' && kind !== 'ndjson') this.out.ascii('No matching flows\n');
  }

  private async printRows(printer: RowPrinter, rows: Rows, totals?: RunningTotals): Promise<void> {
    let firstRow = 0;
    for await (const chunk of rows) {
      totals?.add(chunk);
      await this.printChunk(chunk, printer.bind(chunk, firstRow));
      firstRow += chunk.rows;
    }
  }

  private async printChunk(chunk: Chunk, write: (out: TextBlock, row: number) => void): Promise<void> {
    const { sink } = this.options;
    let out = sink.block;
    for (let row = 0; row < chunk.rows; row++) {
      if (out.isFull) {
        await sink.flush();
        out = sink.block;
      }
      write(out, row);
    }
  }
}

/** Totals of the flows that were printed one by one. */
class RunningTotals {
  private rows = 0;
  private flows = 0;
  private packets = 0;
  private octets = 0;
  private first = Number.POSITIVE_INFINITY;
  private last = 0;

  add(chunk: Chunk): void {
    const [flows, packets, octets, outPackets, outOctets, first, last] = TOTALED.map((name) => chunk.words(name));
    this.rows += chunk.rows;
    for (let row = 0; row < chunk.rows; row++) {
      this.flows += wide(flows!, row);
      this.packets += wide(packets!, row) + wide(outPackets!, row);
      this.octets += wide(octets!, row) + wide(outOctets!, row);
      const firstMs = wide(first!, row);
      const lastMs = wide(last!, row);
      if (firstMs < this.first) this.first = firstMs;
      if (lastMs > this.last) this.last = lastMs;
    }
  }

  result(): Totals {
    const { rows, flows, packets, octets, first, last } = this;
    return { rows, flows, packets, octets, first: rows === 0 ? 0 : first, last };
  }
}
