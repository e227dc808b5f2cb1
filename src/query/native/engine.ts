import { addon, type FlowScan, type ScanAnswer, type ScanTable, SEND_ELSEWHERE } from '../../addon/addon.ts';
import { type ColumnName, columnByName, columns } from '../../flow/fields.ts';
import { UserError } from '../../flow/user-error.ts';
import type { GroupKey } from '../aggregation.ts';
import type { Cells, Chunk } from '../chunk.ts';
import type { QueryEngine, Rows, Tables } from '../engine.ts';
import type { Order } from '../orders.ts';
import type { Totals } from '../output/summary.ts';
import type { Job, JobOf, Plan } from '../plan.ts';
import { addressColumns } from '../sql/address.ts';
import type { Schema } from '../sql/schema.ts';
import { scanQuestion } from './question.ts';

const TWO_32 = 0x1_0000_0000;

/**
 * Answers plans by a scan of the addon, which has been made before the first table is asked for: all tables of a plan come
 * out of one pass over the files.
 */
export class NativeEngine implements QueryEngine {
  readonly schema: Schema;
  private readonly times: { first: number; last: number };
  private readonly sums: Totals;
  private readonly tables: ReadonlyMap<Job, ScanTable[]>;

  private constructor(schema: Schema, scan: FlowScan, jobs: readonly Job[], answer: ScanAnswer) {
    this.schema = schema;
    const { firstMs, lastMs } = scan.summary();
    this.times = { first: firstMs, last: lastMs };
    const total = (index: number) => answer.totals[index * 2]! + answer.totals[index * 2 + 1]! * TWO_32;
    this.sums = {
      rows: total(0),
      flows: total(1),
      packets: total(2),
      octets: total(3),
      first: total(4),
      last: total(5),
    };
    this.tables = new Map(
      jobs.filter(({ kind }) => kind !== 'flows').map((job, index) => [job, answer.tables[index]!]),
    );
  }

  /**
   * The answers to a plan; undefined when the general engine has to give them.
   *
   * @throws UserError when a file cannot be read.
   */
  static async open(files: readonly string[], plan: Plan, printsNothing: boolean): Promise<NativeEngine | undefined> {
    try {
      const scan = await addon().openScan([...files]);
      const names = new Set(scan.summary().columns);
      if (columns.some(({ core, sql }) => core && !names.has(sql))) return undefined;
      const schema: Schema = { columns: names, mixed: files.length > 1 };
      const question = scanQuestion(plan, printsNothing, schema);
      if (question === undefined) return undefined;
      return new NativeEngine(schema, scan, plan.jobs, await scan.run(question));
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error)) throw error;
      if (error.code === SEND_ELSEWHERE) return undefined;
      throw new UserError(`cannot read the flows: ${error.message}`, { cause: error });
    }
  }

  close(): void {}

  span(): Promise<{ first: number; last: number }> {
    return Promise.resolve(this.times);
  }

  totals(): Promise<Totals> {
    return Promise.resolve(this.sums);
  }

  flows(): Rows {
    throw new Error('a list of flows was not part of the scan');
  }

  groups(job: JobOf<'groups'>, wanted: readonly ColumnName[]): Promise<Tables> {
    return Promise.resolve({
      totals: this.sums,
      rows: (order) => [new GroupsChunk(this.table(job, job.orders, order), job.grouping.keys, wanted)],
    });
  }

  statistic(job: JobOf<'statistic'>): Promise<Tables> {
    return Promise.resolve({
      totals: this.sums,
      rows: (order) => [new StatisticChunk(this.table(job, job.orders, order))],
    });
  }

  private table(job: Job, orders: readonly Order[], order: Order | undefined): ScanTable {
    return this.tables.get(job)![order === undefined ? 0 : orders.indexOf(order)]!;
  }
}

/** Cells by name. */
class CellsChunk implements Chunk {
  readonly rows: number;
  protected readonly cells: Map<string, Cells>;

  constructor(rows: number, cells: Map<string, Cells>) {
    this.rows = rows;
    this.cells = cells;
  }

  narrow(name: string): Cells {
    return this.find(name);
  }

  words(name: string): Uint32Array {
    return this.find(name) as Uint32Array;
  }

  private find(name: string): Cells {
    const cells = this.cells.get(name);
    if (cells === undefined) throw new Error(`no column ${name} in the result`);
    return cells;
  }
}

class StatisticChunk extends CellsChunk {
  constructor(table: ScanTable) {
    const { rows, keys } = table;
    const [hi, lo, , proto] = keys;
    const cells = new Map<string, Cells>([
      ['hi', hi!],
      ['lo', lo!],
      ['proto', proto === undefined ? new Uint8Array(rows) : lowWords(proto, new Uint8Array(rows))],
      ['flows', table.flows],
      ['packets', table.packets],
      ['octets', table.octets],
      ['out_packets', table.outPackets],
      ['out_octets', table.outOctets],
      ['first', table.first],
      ['last', table.last],
    ]);
    super(rows, cells);
  }
}

class GroupsChunk extends CellsChunk {
  constructor(table: ScanTable, groupKeys: readonly GroupKey[], wanted: readonly ColumnName[]) {
    const { rows, keys } = table;
    const cells = new Map<string, Cells>([
      ['flows', table.flows],
      ['packets', table.packets],
      ['octets', table.octets],
      ['outPackets', table.outPackets],
      ['outOctets', table.outOctets],
      ['firstMs', table.first],
      ['lastMs', table.last],
      ['tcpFlags', table.tcpFlags],
    ]);
    groupKeys.forEach((key, index) => {
      const [high, low] = [keys[index * 2]!, keys[index * 2 + 1]!];
      if ('column' in key) cells.set(key.column, numberCells(key.column, low, rows));
      else {
        const { hi, lo } = addressColumns(key.address);
        cells.set(hi, high);
        cells.set(lo, low);
      }
    });
    for (const name of wanted) if (!cells.has(name)) cells.set(name, absentCells(name, rows));
    super(rows, cells);
  }
}

function isWide(name: ColumnName): boolean {
  const { type } = columnByName.get(name)!;
  return type === 'u64' || type === 'timeMs';
}

function emptyCells(name: ColumnName, rows: number): Uint8Array | Uint16Array | Uint32Array {
  const { type } = columnByName.get(name)!;
  return type === 'u8' ? new Uint8Array(rows) : type === 'u16' ? new Uint16Array(rows) : new Uint32Array(rows);
}

function numberCells(name: ColumnName, words: Uint32Array, rows: number): Cells {
  return isWide(name) ? words : lowWords(words, emptyCells(name, rows));
}

function absentCells(name: ColumnName, rows: number): Cells {
  // What can be absent from groups has no wide column with another absent value than 0.
  return isWide(name) ? new Uint32Array(rows * 2) : emptyCells(name, rows).fill(columnByName.get(name)!.absent);
}

function lowWords(words: Uint32Array, cells: Uint8Array | Uint16Array | Uint32Array): Cells {
  for (let row = 0; row < cells.length; row++) cells[row] = words[row * 2]!;
  return cells;
}
