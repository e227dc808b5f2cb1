import { isDeepStrictEqual } from 'node:util';
import { addon } from '../addon/addon.ts';
import { identOf, NO_IDENT } from '../flow/ident.ts';
import { UserError } from '../flow/user-error.ts';
import { asksIdent, forIdent, inFiles, isNone } from './filter/ident.ts';
import type { Filter, NumberRange } from './filter/tree.ts';
import { type FlowFiles, lookAtFiles } from './flow-files.ts';
import type { Style } from './output/cells.ts';
import { filtersOf, type Plan, type Selection } from './plan.ts';

/** A selection, and the files in which there may be flows of it. */
interface Bound {
  readonly files: FlowFiles;
  readonly selection: Selection;
}

/** Files whose metadata are read side by side. */
const READ_AT_ONCE = 512;

/**
 * Answers what a filter asks for idents, which are those of whole files: those in which no flow can pass are left out,
 * at least one stays. Where the filter then says the same of all others, nothing of idents is left in it; else they are
 * the numbers of files, for the general engine.
 *
 * @throws UserError when a file has gone.
 */
export async function bindIdents(files: FlowFiles, selection: Selection): Promise<Bound> {
  if (!filtersOf(selection).some(asksIdent)) return { files, selection };
  const idents = await identsOf(files.paths);
  const asked = new Map(
    [...new Set(idents)].map((ident) => [ident, mapFilters(selection, (one) => forIdent(one, ident))]),
  );
  const none = (ident: string) => filtersOf(asked.get(ident)!).every(isNone);
  const left = idents.flatMap((ident, index) => (none(ident) ? [] : [index]));
  if (left.length === 0) left.push(0);
  const those = left.map((index) => idents[index]!);
  const [first, ...others] = [...new Set(those)].map((ident) => asked.get(ident)!);
  const isSame = others.every((other) => isDeepStrictEqual(other, first));
  const numbers = (ident: string) => runs(those.flatMap((one, index) => (one === ident ? [index] : [])));
  return {
    files:
      left.length === files.count
        ? files
        : await lookAtFiles(
            left.map((index) => files.paths[index]!),
            files.corrections,
          ),
    selection: isSame ? first! : mapFilters(selection, (filter) => inFiles(filter, numbers)),
  };
}

function mapFilters(selection: Selection, map: (filter: Filter) => Filter): Selection {
  const { filter, sequence } = selection;
  if (sequence === undefined) return { ...selection, filter: map(filter) };
  const stages = sequence.stages.map((stage) => ({ ...stage, filter: map(stage.filter) }));
  return { ...selection, sequence: { ...sequence, stages } };
}

/**
 * The plan with what it takes to print the ident of each flow's file, and where a cell finds it. Rows that are of flows of
 * several files have none of their own.
 */
export async function tellIdents(
  all: FlowFiles,
  asked: Plan,
): Promise<{ files: FlowFiles; plan: Plan; ident: Style['ident'] }> {
  const { files, selection } = await bindIdents(all, asked.selection);
  const idents = await identsByPath(files.paths);
  const [ofAll = NO_IDENT, ...others] = new Set(idents.values());
  const plan = { ...asked, selection };
  if (others.length === 0) return { files, plan, ident: { ofAll } };
  if (asked.jobs.some(({ kind }) => kind !== 'flows')) return { files, plan, ident: undefined };
  return { files, plan: { ...plan, selection: { ...selection, idents } }, ident: 'column' };
}

/** The ident of each file, for `Selection.idents`. */
export async function identsByPath(paths: readonly string[]): Promise<Map<string, string>> {
  const idents = await identsOf(paths);
  return new Map(paths.map((path, index) => [path, idents[index]!]));
}

/** The ident of each file. */
async function identsOf(paths: readonly string[]): Promise<string[]> {
  const idents: string[] = [];
  for (let from = 0; from < paths.length; from += READ_AT_ONCE) {
    const some = paths.slice(from, from + READ_AT_ONCE);
    idents.push(...(await Promise.all(some.map(identOfFile))));
  }
  return idents;
}

async function identOfFile(path: string): Promise<string> {
  try {
    return identOf((await addon().segmentInfo(path)).metadata);
  } catch (cause) {
    throw new UserError(`cannot read the flows: ${(cause as Error).message}`, { cause });
  }
}

/** Ascending numbers as ranges. */
function runs(numbers: readonly number[]): NumberRange[] {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last?.[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges;
}
