import { resolveHostNames } from './host-names.ts';
import { printFilter } from './print.ts';
import { addressTerms, numberTerms, type Operand } from './terms.ts';
import type { Comparator, Filter } from './tree.ts';

/** A comparison of a flow with a variable. The first one with a variable, in the order of the text, binds it. */
export interface VariableUse {
  /** Canonical name of a row in `terms.ts`. */
  readonly term: string;
  readonly comparator: Comparator;
  readonly variable: string;
}

/** One step of a chain: the flow passes the filter, and its comparisons with variables are true. */
export interface Stage {
  readonly filter: Filter;
  readonly uses: readonly VariableUse[];
  /** The flow begins at most so long after that of the step before. */
  readonly withinMs: number | undefined;
}

/**
 * A question for chains of flows, one for each stage. Each begins after the one before it began; of flows that begin in
 * the same millisecond the one that is stored later counts as later.
 */
export interface Sequence {
  /** All chains; else one for each first flow, with the earliest second flow, then the earliest third, and so on. */
  readonly every: boolean;
  readonly stages: readonly Stage[];
  /** The last flow begins at most so long after the first. */
  readonly withinMs: number | undefined;
}

export type VariableKind = 'address' | 'number' | 'mac';

/** What a variable in the place of a term's value holds; undefined where none can stand. */
export function variableKind(term: string): VariableKind | undefined {
  if (addressTerms.has(term)) return 'address';
  const { form, operands } = numberTerms.get(term)!;
  return form === 'time' || !operands.every(isStored) ? undefined : form;
}

/** How many fields are behind a term. */
export function sidesOf(term: string): number {
  return addressTerms.get(term)?.fields.length ?? numberTerms.get(term)!.operands.length;
}

export function isStored(operand: Operand): operand is Extract<Operand, { column: string }> {
  return 'column' in operand;
}

/** Variables in the order in which they are bound, with the stage and the use that binds them. */
export function bindings(sequence: Sequence): Map<string, { stage: number; use: number; kind: VariableKind }> {
  const bound = new Map<string, { stage: number; use: number; kind: VariableKind }>();
  for (const [stage, { uses }] of sequence.stages.entries()) {
    for (const [use, { variable, term }] of uses.entries()) {
      if (!bound.has(variable)) bound.set(variable, { stage, use, kind: variableKind(term)! });
    }
  }
  return bound;
}

/** The same sequence with every host name replaced by its addresses. */
export async function resolveSequence(sequence: Sequence): Promise<Sequence> {
  const stages = await Promise.all(
    sequence.stages.map(async (stage) => ({ ...stage, filter: await resolveHostNames(stage.filter) })),
  );
  return { ...sequence, stages };
}

/** Text that parses to the same sequence. */
export function printSequence({ every, stages, withinMs }: Sequence): string {
  const parts = stages.map(({ filter, uses, withinMs: step }, index) => {
    const terms = uses.map(({ term, comparator, variable }) => {
      return `${term} ${comparator === '=' ? '' : `${comparator} `}$${variable}`;
    });
    if (filter.kind === 'or') terms.push(`(${printFilter(filter)})`);
    else if (filter.kind !== 'any' || terms.length === 0) terms.push(printFilter(filter));
    return `${index === 0 ? 'first' : 'then'} { ${terms.join(' and ')} }${within(step)}`;
  });
  return `${every ? 'every ' : ''}${parts.join(' ')}${withinMs === undefined ? '' : ` all${within(withinMs)}`}`;
}

function within(ms: number | undefined): string {
  return ms === undefined ? '' : ` within ${ms}ms`;
}
