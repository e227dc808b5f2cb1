import type { Database } from './database.ts';
import type { Sequence } from './filter/sequence.ts';
import { type Filter, join } from './filter/tree.ts';
import type { FlowFiles } from './flow-files.ts';
import { filesLeft } from './native/files-left.ts';
import type { Selection } from './plan.ts';
import { comparedSql, whereSql } from './sql/scan.ts';
import type { Schema } from './sql/schema.ts';

/**
 * The same chains, told to begin and end in the time that their first flows leave open: a stage that anything passes
 * (`then { src ip A }`) would have every file read. Only where the index of the directories tells that few files have first
 * flows; elsewhere looking for these costs as much as it can save.
 */
export async function narrowChains(
  database: Database,
  files: FlowFiles,
  selection: Selection,
  schemaOf: (paths: readonly string[]) => Promise<Schema>,
): Promise<Selection> {
  const { sequence, ...others } = selection;
  if (sequence === undefined || files.count === 1) return selection;
  const ofFirst = { ...others, limit: undefined, filter: sequence.stages[0]!.filter };
  const left = await filesLeft(files, ofFirst);
  if (left.paths.length * 2 > files.count) return selection;
  const schema = await schemaOf(left.paths);
  const { low, high } = await database.numbers(
    `SELECT coalesce(min(epoch_ms(first)), 0)::UBIGINT AS low, coalesce(max(epoch_ms(first)), 0)::UBIGINT AS high
      FROM ${comparedSql(left, others.counters, schema)}${whereSql(ofFirst, schema)}`,
    ['low', 'high'],
  );
  const span: Filter = {
    kind: 'ranges',
    term: 'first seen',
    negated: false,
    ranges: [[low, high + longest(sequence)]],
  };
  const stages = sequence.stages.map((stage) => ({
    ...stage,
    filter: stage.filter.kind === 'any' ? span : join('and', [span, stage.filter]),
  }));
  return { ...selection, sequence: { ...sequence, stages } };
}

/** Milliseconds from the start of the first flow to that of the last, at most; a number above all times where that is open. */
function longest({ stages, withinMs }: Sequence): number {
  const steps = stages.slice(1).reduce((sum, stage) => sum + (stage.withinMs ?? Number.POSITIVE_INFINITY), 0);
  return Math.min(steps, withinMs ?? Number.POSITIVE_INFINITY, Number.MAX_SAFE_INTEGER / 2);
}
