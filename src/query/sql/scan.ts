import type { FlowFiles } from '../flow-files.ts';
import type { CounterView, Selection } from '../plan.ts';
import { predicateSql } from './predicate.ts';
import { restoredSql, scaledSql } from './sampling.ts';
import { type Schema, text, timestampSql } from './schema.ts';

/** The files as a table. `union_by_name` only where they differ: it makes every scan look at every file's footer. */
export function filesSql(files: readonly string[], mixed: boolean): string {
  return `read_parquet([${files.map(text).join(', ')}]${mixed ? ', union_by_name = true' : ''})`;
}

/** Bits of a position that count the rows of a file; those above count the files. */
export const FILE_SHIFT = 40;

/** Position of a row in the files read one after another: breaks ties, and tells which record came first. */
export const POSITION_SQL = `(file_index::BIGINT << ${FILE_SHIFT} | file_row_number)`;

/** Conditions on single flows: the time window, then the filter. */
export function whereSql(selection: Selection, schema: Schema): string {
  const conditions: string[] = [];
  const { window, filter } = selection;
  if (window?.afterMs !== undefined) {
    conditions.push(`${window.overlaps ? 'last >=' : 'first >'} ${timestampSql(window.afterMs)}`);
  }
  if (window?.beforeMs !== undefined) {
    conditions.push(`${window.overlaps ? 'first <=' : 'last <'} ${timestampSql(window.beforeMs)}`);
  }
  if (filter.kind !== 'any') conditions.push(predicateSql(filter, schema));
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

function isScaled({ sampled, corrections }: FlowFiles): boolean {
  return sampled || corrections.length > 0;
}

/** The files as a table with the counters that filters compare. */
export function comparedSql(files: FlowFiles, counters: CounterView, schema: Schema): string {
  const stored = filesSql(files.paths, schema.mixed);
  return counters !== 'stored' && isScaled(files) ? scaledSql(stored, files.corrections, schema) : stored;
}

/** The files as a table with the counters that answers have. */
export function answeredSql(files: FlowFiles, counters: CounterView, schema: Schema): string {
  return comparedSql(files, counters === 'scaled' ? 'scaled' : 'stored', schema);
}

/**
 * The selected flows as a FROM clause with its WHERE. A limit needs a sub-select, since it counts before anything is
 * grouped or sorted.
 */
export function selectedSql(files: FlowFiles, selection: Selection, schema: Schema): string {
  const { counters, limit } = selection;
  const passed = `${comparedSql(files, counters, schema)}${whereSql(selection, schema)}`;
  const rows = counters === 'scaledInFilter' && isScaled(files) ? restoredSql(passed, schema) : passed;
  if (limit === undefined) return rows;
  return `(SELECT *, file_index, file_row_number FROM ${rows} LIMIT ${limit})`;
}
