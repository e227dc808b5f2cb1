import type { FlowScan, ScanAnswer, ScanQuestion, ScanTable } from '../../addon/scan.ts';
import { type ColumnName, columns } from '../../flow/fields.ts';
import { wide } from '../../flow/u64.ts';
import type { Cells, Chunk } from '../chunk.ts';
import type { QueryEngine, Rows, Tables } from '../engine.ts';
import { type FlowFiles, orElsewhere } from '../flow-files.ts';
import { groupColumns } from '../group-columns.ts';
import type { Order } from '../orders.ts';
import type { Totals } from '../output/summary.ts';
import { engineJobs, type Job, type JobOf, type Plan, type Selection } from '../plan.ts';
import type { Schema } from '../sql/schema.ts';
import { absentCells, CellsChunk, cellsOf, chunksAfter, groupCells, statisticChunk, turnSides } from './chunks.ts';
import { ColumnList, LONGEST_SORTED, scanQuestion } from './question.ts';

/**
 * Answers plans by a scan of the addon, which has been made before the first table is asked for: all tables of a plan come
 * out of one pass over the files. Flows that are printed are fetched afterwards by their positions.
 */
export class NativeEngine implements QueryEngine {
  readonly schema: Schema;
  readonly unchecked = [];
  private readonly scan: FlowScan;
  private readonly question: ScanQuestion;
  private readonly answer: ScanAnswer;
  private readonly files: FlowFiles;
  private readonly selection: Selection;
  private readonly memoryOctets: number | undefined;
  private readonly tables: ReadonlyMap<Job, ScanTable[]>;
  private other: QueryEngine | undefined;

  private constructor(
    files: FlowFiles,
    schema: Schema,
    scan: FlowScan,
    plan: Plan,
    question: ScanQuestion,
    answer: ScanAnswer,
    memoryOctets: number | undefined,
  ) {
    this.files = files;
    this.memoryOctets = memoryOctets;
    this.schema = schema;
    this.scan = scan;
    this.question = question;
    this.answer = answer;
    this.selection = plan.selection;
    const grouping = engineJobs(plan.jobs).filter(({ kind }) => kind !== 'flows');
    this.tables = new Map(grouping.map((job, index) => [job, answer.tables[index]!]));
  }

  /**
   * The answers to a plan; undefined when the general engine has to give them.
   *
   * @throws UserError when a file cannot be read.
   */
  static async open(
    files: FlowFiles,
    plan: Plan,
    printsNothing: boolean,
    memoryOctets: number | undefined,
  ): Promise<NativeEngine | undefined> {
    const { scan, corrections } = files;
    // Rates by exporter and time are for SQL.
    if (scan === undefined || (corrections.length > 0 && plan.selection.counters !== 'stored')) return undefined;
    if (files.sampled && plan.selection.counters === 'scaledInFilter') return undefined;
    return orElsewhere(async () => {
      const names = new Set(scan.summary().columns);
      if (columns.some(({ core, sql }) => core && !names.has(sql))) return undefined;
      const schema: Schema = { columns: names, mixed: files.count > 1 };
      const question = scanQuestion(plan, printsNothing, memoryOctets, schema);
      if (question === undefined) return undefined;
      const answer = await scan.run(question);
      if (answer.positions.length / 2 > LONGEST_SORTED && question.list?.order !== undefined) return undefined;
      return new NativeEngine(files, schema, scan, plan, question, answer, memoryOctets);
    });
  }

  close(): void {
    this.other?.close();
  }

  progress(): number {
    return this.other?.progress() ?? this.scan.progress();
  }

  span(): Promise<{ first: number; last: number }> {
    const { firstMs, lastMs } = this.scan.summary();
    return Promise.resolve({ first: firstMs, last: lastMs });
  }

  totals(): Promise<Totals> {
    return Promise.resolve(this.sums());
  }

  private sums(): Totals {
    const { totals } = this.answer;
    const total = (index: number) => wide(totals, index);
    return {
      rows: total(0),
      flows: total(1),
      packets: total(2),
      octets: total(3),
      first: total(4),
      last: total(5),
    };
  }

  async *flows(job: JobOf<'flows'>, wanted: readonly ColumnName[]): AsyncGenerator<Chunk, void, undefined> {
    const most = this.selection.limit ?? Number.POSITIVE_INFINITY;
    let given = 0;
    let piece = this.piece(this.answer, wanted);
    while (given < most) {
      const ready = await piece;
      if (ready === undefined) {
        yield* chunksAfter(given, (await this.elsewhere()).flows(job, wanted));
        return;
      }
      const { rows, cells, next } = ready;
      // The next piece is made while the caller works on this one.
      if (next !== undefined && given + rows < most) piece = this.pieceFrom(next, wanted);
      if (rows > 0) yield new CellsChunk(Math.min(rows, most - given), cells);
      given += rows;
      if (next === undefined) return;
    }
  }

  private pieceFrom(from: number, wanted: readonly ColumnName[]): Promise<Piece | undefined> {
    const question = { ...this.question, list: { ...this.question.list!, from } };
    const piece = orElsewhere(() => this.scan.run(question)).then((answer) => answer && this.piece(answer, wanted));
    // Whoever waits for it meets its failure; until then it must not count as unhandled.
    piece.catch(() => undefined);
    return piece;
  }

  /** The listed flows of an answer; undefined when the general engine has to give them. */
  private async piece({ positions, next }: ScanAnswer, wanted: readonly ColumnName[]): Promise<Piece | undefined> {
    const cells = await orElsewhere(() => this.fetch(wanted, positions));
    return cells && { rows: positions.length / 2, cells, next };
  }

  async *chains(wanted: readonly ColumnName[]): AsyncGenerator<Chunk, void, undefined> {
    yield* (await this.elsewhere()).chains(wanted);
  }

  async groups(job: JobOf<'groups'>, wanted: readonly ColumnName[]): Promise<Tables> {
    const kept = groupColumns(wanted, job.grouping, this.schema);
    const chunks: Chunk[] = [];
    for (const table of this.tables.get(job)!) {
      const cells = groupCells(table, job.grouping.keys);
      const missing = wanted.filter((name) => !cells.has(name));
      const ofFirst = [...kept].filter((name) => !cells.has(name));
      const fetched = await orElsewhere(() => this.fetch(ofFirst, table.positions));
      if (fetched === undefined) return (await this.elsewhere()).groups(job, wanted);
      if (table.turned.includes(1)) turnSides(fetched, table.turned);
      for (const name of missing) cells.set(name, fetched.get(name) ?? absentCells(name, table.rows));
      chunks.push(new CellsChunk(table.rows, cells));
    }
    return { totals: this.sums(), rows: (order) => [chunks[place(job.orders, order)]!] };
  }

  statistic(job: JobOf<'statistic'>): Promise<Tables> {
    const tables = this.tables.get(job)!;
    const rows = (order: Order | undefined): Rows => [statisticChunk(tables[place(job.orders, order)]!)];
    return Promise.resolve({ totals: this.sums(), rows });
  }

  async report(job: JobOf<'report'>, baseline: readonly string[]): Promise<Rows> {
    return (await this.elsewhere()).report(job, baseline);
  }

  /** What is printed of flows may be in columns that only the general engine reads. */
  private async elsewhere(): Promise<QueryEngine> {
    const { DuckDbEngine } = await import('../duckdb-engine.ts');
    this.other ??= await DuckDbEngine.open(this.files, this.selection, { memoryOctets: this.memoryOctets });
    return this.other;
  }

  /** Cells of flows at some positions. */
  private async fetch(names: readonly ColumnName[], positions: Uint32Array): Promise<Map<string, Cells>> {
    if (names.length === 0 || positions.length === 0) return new Map();
    const list = new ColumnList(this.selection.counters === 'scaled');
    const places = names.map((name) => list.place(name));
    const fetched = await this.scan.fetch(list.columns, positions);
    return new Map(names.map((name, index) => [name, cellsOf(name, fetched[places[index]!]!)]));
  }
}

/** Flows of a list that is found piece by piece, and the row group where the next piece begins. */
interface Piece {
  readonly rows: number;
  readonly cells: ReadonlyMap<string, Cells>;
  readonly next: number | undefined;
}

function place(orders: readonly Order[], order: Order | undefined): number {
  return order === undefined ? 0 : orders.indexOf(order);
}
