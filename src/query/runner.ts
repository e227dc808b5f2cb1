import type { ColumnName } from '../flow/fields.ts';
import { wide } from '../flow/u64.ts';
import { hiddenColumns } from './aggregation.ts';
import type { Chunk } from './chunk.ts';
import type { QueryEngine, Rows } from './engine.ts';
import type { Sequence } from './filter/sequence.ts';
import { groupsSchema } from './group-columns.ts';
import type { Order } from './orders.ts';
import type { Style } from './output/cells.ts';
import type { Format } from './output/format.ts';
import type { RowPrinter } from './output/row-printer.ts';
import type { OutputSink } from './output/sink.ts';
import type { StatisticTable } from './output/statistic-table.ts';
import { NO_MATCH, NO_TOTALS, type Totals } from './output/summary.ts';
import { TextBlock } from './output/text.ts';
import type { PlaceStatistic } from './place-statistic.ts';
import type { JobOf, Plan } from './plan.ts';
import { hasColumn, type Schema } from './sql/schema.ts';

export interface RunnerOptions {
  readonly engine: QueryEngine;
  readonly plan: Plan;
  readonly format: Format;
  readonly style: Style;
  readonly sink: OutputSink;
  readonly quiet: boolean;
  /** Files that reports compare with. */
  readonly baseline: readonly string[];
}

/** Rows whose addresses are looked up together (--resolve). */
const RESOLVED_ROWS = 1024;

/** Columns that totals are added up from while flows are printed. */
const TOTALED: readonly ColumnName[] = ['flows', 'packets', 'octets', 'outPackets', 'outOctets', 'firstMs', 'lastMs'];

type WriteRow = (out: TextBlock, row: number) => void;

/** Lets an engine carry out a plan and prints the answer. */
export class Runner {
  private readonly options: RunnerOptions;
  private totals: Totals | undefined;

  constructor(options: RunnerOptions) {
    this.options = options;
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
        case 'asOfPlaces':
          await this.printAsOfPlaces(job);
          break;
        case 'report':
          await this.printReport(job);
          break;
      }
    }
    return this.totals ?? NO_TOTALS;
  }

  private async printFlows(job: JobOf<'flows'>): Promise<void> {
    const { engine, quiet, format, plan } = this.options;
    const sequence = job.order === undefined ? plan.selection.sequence : undefined;
    const printer = await this.makePrinter(engine.schema, { sequence });
    printer.open(this.out, quiet);
    const isCut = (job.order !== undefined && job.top !== 0) || job.resultFilter !== undefined;
    if (format.kind === 'null' || isCut) this.totals = await engine.totals();
    if (format.kind !== 'null') {
      const wanted = [...new Set([...printer.needs, ...TOTALED])];
      const totals = this.totals === undefined ? new RunningTotals() : undefined;
      const rows = sequence === undefined ? engine.flows(job, wanted) : engine.chains(wanted);
      await this.printRows(printer, rows, totals);
      this.totals ??= totals!.result();
    }
    this.noteNoMatch(this.totals!);
    printer.close(this.out);
  }

  private async printGroups(job: JobOf<'groups'>): Promise<void> {
    const { engine, format, quiet } = this.options;
    const { grouping, orders, top, titled } = job;
    // Formats that name what they print show of cleared columns (-A) only the key.
    const named = grouping.others === 'first' ? engine.schema : groupsSchema([], grouping, engine.schema);
    const printer = await this.makePrinter(named, {
      ofKey: grouping.others !== 'first',
      counted: ['flows'],
      hidden: hiddenColumns(grouping),
    });
    if (!titled) printer.open(this.out, quiet);
    const tables = await engine.groups(job, printer.needs);
    this.totals ??= tables.totals;
    this.noteNoMatch(this.totals);
    // Tables of nothing are left out, but for JSON, which would not be any.
    if (titled && this.totals.rows === 0 && format.kind !== 'json') return;
    for (const order of orders.length === 0 ? [undefined] : orders) {
      if (titled && format.kind === 'text' && !quiet) {
        this.out.ascii(`Top ${top === 0 ? '' : `${top} `}flows ordered by ${order!.name}:\n`);
      }
      if (titled) printer.open(this.out, quiet);
      if (format.kind !== 'null') await this.printRows(printer, tables.rows(order));
      printer.close(this.out);
    }
  }

  private async printStatistic(job: JobOf<'statistic'>): Promise<void> {
    const tables = await this.options.engine.statistic(job);
    const { orders, ofCountries } = job;
    if (ofCountries === undefined) return this.printTables(job, tables.totals, (order) => tables.rows(order));
    const countries = await this.placeStatistic();
    await countries.addCountries(tables.rows(orders[0]));
    const shown = { ...job, ...ofCountries };
    await this.printTables(shown, tables.totals, (order) => [countries.rows(order, shown.top)]);
  }

  private async printAsOfPlaces(job: JobOf<'asOfPlaces'>): Promise<void> {
    const { asColumns, readOfGroups } = await import('./place-statistic.ts');
    const numbers = await this.placeStatistic();
    let totals = NO_TOTALS;
    for (const side of job.sides) {
      const names = asColumns(side.grouping);
      const tables = await this.options.engine.groups(side, readOfGroups(names));
      await numbers.addAsNumbers(tables.rows(undefined), names, job.byProtocol);
      totals = tables.totals;
    }
    await this.printTables(job, totals, (order) => [numbers.rows(order, job.top)]);
  }

  private async placeStatistic(): Promise<PlaceStatistic> {
    const { PlaceStatistic } = await import('./place-statistic.ts');
    return new PlaceStatistic(this.options.style.places!);
  }

  /** The tables of a statistic, one for each of its orders. */
  private async printTables(
    { statistic, byProtocol, orders, top }: JobOf<'statistic' | 'asOfPlaces'>,
    totals: Totals,
    rows: (order: Order) => Rows,
  ): Promise<void> {
    const { format, style, quiet } = this.options;
    const { bindTable, closeTable, openTable } = await import('./output/statistic-table.ts');
    if (this.totals === undefined) this.noteNoMatch(totals);
    this.totals ??= totals;
    for (const order of orders) {
      const table: StatisticTable = { statistic, byProtocol, order, top, totals: this.totals };
      openTable(this.out, table, format, style, quiet);
      for await (const chunk of rows(order)) {
        await this.printChunk(chunk, bindTable(chunk, table, format, style));
      }
      closeTable(this.out, format);
    }
  }

  private async printReport(job: JobOf<'report'>): Promise<void> {
    const { engine, format, style, quiet, baseline } = this.options;
    const { bindReport, openReport } = await import('./output/report-table.ts');
    const known = this.totals !== undefined;
    this.totals ??= await engine.totals();
    if (!known) this.noteNoMatch(this.totals);
    openReport(this.out, job.report, job.top, format, style, quiet);
    for await (const chunk of await engine.report(job, baseline)) {
      await this.printChunk(chunk, bindReport(chunk, job.report, format, style));
    }
  }

  /** Printers are loaded when there is something for them: a short question should not wait for what it does not use. */
  private async makePrinter(
    schema: Schema,
    rows: {
      sequence?: Sequence | undefined;
      ofKey?: boolean;
      counted?: readonly ColumnName[];
      hidden?: ReadonlySet<ColumnName>;
    },
  ): Promise<RowPrinter> {
    const { sequence, ofKey = false, counted = [], hidden } = rows;
    const { format, style, quiet } = this.options;
    const { rowPrinter } = await import('./output/row-printer.ts');
    const stored = (name: ColumnName) => counted.includes(name) || hasColumn(schema, name);
    const printer = await rowPrinter(format, style, stored, {
      ofChains: sequence !== undefined,
      ofKey,
      ...(hidden && { hidden }),
    });
    if (sequence === undefined) return printer;
    const { chainPrinter } = await import('./output/chain-printer.ts');
    return chainPrinter(printer, format, sequence, quiet);
  }

  private get out(): TextBlock {
    return this.options.sink.block;
  }

  /** For people and their scripts; JSON must stay JSON. */
  private noteNoMatch({ rows }: Totals): void {
    const { kind } = this.options.format;
    if (rows === 0 && kind !== 'json' && kind !== 'ndjson') this.out.ascii(NO_MATCH);
  }

  private async printRows(printer: RowPrinter, rows: Rows, totals?: RunningTotals): Promise<void> {
    let firstRow = 0;
    for await (const chunk of rows) {
      totals?.add(chunk);
      await this.printChunk(chunk, printer.bind(chunk, firstRow));
      firstRow += chunk.rows;
    }
  }

  private async printChunk(chunk: Chunk, write: WriteRow): Promise<void> {
    const { hosts } = this.options.style;
    if (hosts === undefined) return this.printPart(0, chunk.rows, write);
    const draft = new TextBlock();
    for (let from = 0; from < chunk.rows; from += RESOLVED_ROWS) {
      const end = Math.min(from + RESOLVED_ROWS, chunk.rows);
      // Written twice: first to see which names are asked for.
      for (let row = from; row < end; row++) {
        draft.length = 0;
        write(draft, row);
      }
      await hosts.lookUp();
      await this.printPart(from, end, write);
    }
  }

  private async printPart(from: number, end: number, write: WriteRow): Promise<void> {
    const { sink } = this.options;
    let out = sink.block;
    for (let row = from; row < end; row++) {
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
