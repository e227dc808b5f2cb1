import { type ColumnName, columns } from '../flow/fields.ts';
import { DuckDbEngine } from './duckdb-engine.ts';
import type { Rows } from './engine.ts';
import { type DamagedFiles, filesAsStored, lookAtFiles } from './flow-files.ts';
import { bindIdents } from './ident-files.ts';
import { planSelection, type SelectionOptions } from './planner.ts';

const EVERYTHING: SelectionOptions = {
  filter: '',
  filterFile: undefined,
  window: undefined,
  overlap: false,
  limit: undefined,
};

/** Reads whole flows back from segments, in the order of the files, with the counters that they have there. */
export class FlowReader {
  /** What the files have. */
  readonly columns: readonly ColumnName[];
  private readonly engine: DuckDbEngine;

  private constructor(engine: DuckDbEngine) {
    this.engine = engine;
    this.columns = columns.filter(({ sql }) => engine.schema.columns.has(sql)).map(({ name }) => name);
  }

  /**
   * With `leftOut` damaged files do not keep others from being read.
   *
   * @throws UserError for a filter that cannot be read, and for files that are not of flows
   */
  static async open(
    files: readonly string[],
    options: SelectionOptions = EVERYTHING,
    leftOut?: DamagedFiles,
  ): Promise<FlowReader> {
    const selection = await planSelection(options, 'scaledInFilter');
    const isFiltered = selection.filter.kind !== 'any';
    // Also when rates do not matter: it says in one line which file is none.
    const looked = await lookAtFiles(files, [], leftOut);
    const bound = await bindIdents(isFiltered ? looked : filesAsStored(looked.paths), selection);
    return new FlowReader(await DuckDbEngine.open(bound.files, bound.selection));
  }

  /** All columns of the flows that are selected. */
  flows(): Rows {
    return this.engine.flows({ kind: 'flows', order: undefined, top: 0 }, this.columns);
  }

  /** Earliest start and latest end in the files, selected or not; 0 without flows. */
  span(): Promise<{ first: number; last: number }> {
    return this.engine.span();
  }

  close(): void {
    this.engine.close();
  }
}
