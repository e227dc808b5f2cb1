import type { ColumnName } from '../../flow/fields.ts';
import type { RateCorrection } from '../flow-files.ts';
import { highWord, lowWord } from './address.ts';
import { column, hasColumn, type Schema, text, timestampSql, u64 } from './schema.ts';

/** What a sampler counts one of so many of. */
const SCALED_COLUMNS: readonly ColumnName[] = ['packets', 'octets', 'outPackets', 'outOctets'];

export function isScaledColumn(name: ColumnName): boolean {
  return SCALED_COLUMNS.includes(name);
}

/** Counters up to here cannot leave 64 bits, whatever the rate. */
const SMALL = 0xffff_ffffn;
const LARGEST = (1n << 64n) - 1n;

/**
 * A table of flows whose counters are multiplied by their rate, 0 as 1, and the largest number where that is too large,
 * with the rate that counts for `sampling`; `restoredSql` finds the counters as they were.
 */
export function scaledSql(table: string, corrections: readonly RateCorrection[], schema: Schema): string {
  const names = scaledColumns(schema);
  const stored = names.map((name) => `${name} AS stored_${name}`);
  const corrected =
    corrections.length === 0
      ? table
      : `(SELECT * REPLACE (${correctedRateSql(corrections)} AS sampling), file_index, file_row_number FROM ${table})`;
  const products = names.map((name) => `${productSql(name)} AS ${name}`);
  return `(SELECT * REPLACE (${products.join(', ')}), ${stored.join(', ')}, file_index, file_row_number FROM ${corrected})`;
}

/** Rows of `scaledSql` with their counters as they stand in the files. */
export function restoredSql(rows: string, schema: Schema): string {
  const names = scaledColumns(schema);
  const kept = names.map((name) => `stored_${name} AS ${name}`);
  const excluded = names.map((name) => `stored_${name}`);
  return `(SELECT * EXCLUDE (${excluded.join(', ')}) REPLACE (${kept.join(', ')}), file_index, file_row_number FROM ${rows})`;
}

function scaledColumns(schema: Schema): string[] {
  return SCALED_COLUMNS.filter((name) => hasColumn(schema, name)).map((name) => column(name).sql);
}

function productSql(counter: string): string {
  const rate = 'greatest(sampling, 1)';
  // A flow without the counter falls to the product, which is NULL then; `least` would pass over it.
  return `CASE WHEN ${counter} > ${SMALL} THEN least(${counter}::HUGEINT * ${rate}, ${LARGEST}::HUGEINT)::UBIGINT ELSE ${counter} * ${rate}::UBIGINT END`;
}

/** The rate of a flow: of the last correction that is about it, else its own. */
function correctedRateSql(corrections: readonly RateCorrection[]): string {
  const cases = [...corrections].reverse().map(({ exporter, rate, fromMs, toMs, below }) => {
    const conditions = [
      `exporter_lo = ${u64(lowWord(exporter))}`,
      `exporter_hi = ${u64(highWord(exporter))}`,
      ...(fromMs === undefined ? [] : [`first >= ${timestampSql(fromMs)}`]),
      ...(toMs === undefined ? [] : [`first < ${timestampSql(toMs)}`]),
      ...(below === '' ? [] : [`starts_with(filename, ${text(below)})`]),
    ];
    return `WHEN ${conditions.join(' AND ')} THEN ${rate}::UINTEGER`;
  });
  return `CASE ${cases.join(' ')} ELSE sampling END`;
}
