import type { Sequence, Stage, VariableUse } from '../../../src/query/filter/sequence.ts';
import { addressTerms } from '../../../src/query/filter/terms.ts';
import type { TestFlow } from './generate.ts';
import { numbersOf, passes } from './interpret.ts';

type Values = ReadonlyMap<string, string | number>;

/** Chains of a sequence by plain loops, in the order of the starts; flows that start together in the order given. */
export function chainsOf({ every, stages, withinMs }: Sequence, flows: readonly TestFlow[]): TestFlow[][] {
  const found: number[][] = [];
  const start = (index: number) => flows[index]!.numbers.firstMs!;
  const extend = (chain: readonly number[], values: Values): void => {
    const stage = stages[chain.length];
    if (stage === undefined) {
      found.push([...chain]);
      return;
    }
    for (let index = 0; index < flows.length; index++) {
      const before = chain.at(-1);
      if (before !== undefined) {
        const since = start(index) - start(before);
        if (since < 0 || (since === 0 && index <= before)) continue;
        if (since > (stage.withinMs ?? Number.POSITIVE_INFINITY)) continue;
        if (start(index) - start(chain[0]!) > (withinMs ?? Number.POSITIVE_INFINITY)) continue;
      }
      const after = stageValues(stage, flows[index]!, values);
      if (after !== undefined) extend([...chain, index], after);
    }
  };
  extend([], new Map());
  const byStart = (a: number[], b: number[]) => {
    for (let i = 0; i < a.length; i++) {
      const order = start(a[i]!) - start(b[i]!) || a[i]! - b[i]!;
      if (order !== 0) return order;
    }
    return 0;
  };
  found.sort(byStart);
  const chosen = every ? found : found.filter((chain, place) => chain[0] !== found[place - 1]?.[0]);
  return chosen.map((chain) => chain.map((index) => flows[index]!));
}

/** The variables after a flow has been taken for a stage; undefined when it cannot be. */
function stageValues({ filter, uses }: Stage, flow: TestFlow, before: Values): Values | undefined {
  if (!passes(filter, flow)) return undefined;
  const values = new Map(before);
  for (const use of uses) {
    const held = valuesOf(use, flow);
    if (held.length === 0) return undefined;
    const known = values.get(use.variable);
    if (known === undefined) values.set(use.variable, held[0]!);
    else if (!held.some((value) => compare(value, use.comparator, known))) return undefined;
  }
  return values;
}

function valuesOf({ term }: VariableUse, flow: TestFlow): (string | number)[] {
  const address = addressTerms.get(term);
  if (address === undefined) return numbersOf(term, flow);
  const found = address.fields.map((field) => flow.addresses[field]?.join(' ') ?? '0 0 0 0');
  return found.filter((text) => text !== '0 0 0 0');
}

function compare(left: string | number, comparator: VariableUse['comparator'], right: string | number): boolean {
  switch (comparator) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '<=':
      return left <= right;
    case '>=':
      return left >= right;
  }
}
