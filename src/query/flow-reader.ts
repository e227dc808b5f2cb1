import { type ColumnName, columns } from '../flow/fields.ts';
import { DuckDbEngine } from './duckdb-engine.ts';
import type { Rows } from './engine.ts';
import { checkPages, type DamagedFiles, type FlowFiles, filesAsStored, lookAtFiles, spanOf } from './flow-files.ts';
import { bindIdents } from './ident-files.ts';
import { EVERYTHING, type Selection } from './plan.ts';

/** Reads whole flows back from segments, in the order of the files, with the counters that they have there. */
export class FlowReader {
  /** What the files have. */
  readonly columns: readonly ColumnName[];
  private readonly engine: DuckDbEngine;
  private readonly looked: FlowFiles;

  private constructor(engine: DuckDbEngine, looked: FlowFiles) {
    this.engine = engine;
    this.looked = looked;
    this.columns = columns.filter(({ sql }) => engine.schema.columns.has(sql)).map(({ name }) => name);
  }

  /**
   * With `leftOut` damaged files do not keep others from being read.
   *
   * @throws UserError for files that are not of flows
   */
  static async open(
    files: readonly string[],
    selection: Selection = EVERYTHING,
    leftOut?: DamagedFiles,
  ): Promise<FlowReader> {
    const isFiltered = selection.filter.kind !== 'any';
    // Also when rates do not matter: it says in one line which file is none.
    const looked = await lookAtFiles(files, [], leftOut);
    const bound = await bindIdents(isFiltered ? looked : filesAsStored(looked.paths), selection);
    return new FlowReader(await DuckDbEngine.open(bound.files, bound.selection), looked);
  }

  /**
   * Meets wrong checksums before any of the flows is read; resolves to the files that lack some.
   *
   * @throws UserError for a file that is damaged.
   */
  check(): Promise<readonly string[]> {
    return checkPages(this.engine.unchecked);
  }

  /** These columns of the flows that are selected; all without. */
  flows(wanted: readonly ColumnName[] = this.columns): Rows {
    return this.engine.flows({ kind: 'flows', order: undefined, top: 0 }, wanted);
  }

  /** Earliest start and latest end in the files, selected or not; 0 without flows. */
  span(): Promise<{ first: number; last: number }> {
    return spanOf(this.looked, () => this.engine.span());
  }

  close(): void {
    this.engine.close();
  }
}
