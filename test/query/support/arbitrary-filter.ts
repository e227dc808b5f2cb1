import fc from 'fast-check';
import type { AddressWords } from '../../../src/flow/address.ts';
import { addressTerms, numberTerms } from '../../../src/query/filter/terms.ts';
import {
  type AddressBlock,
  type Comparator,
  type Filter,
  join,
  type NumberRange,
  type Prefix,
} from '../../../src/query/filter/tree.ts';
import { makeAddressRange, makePrefix } from '../../../src/query/filter/values.ts';
import type { TestFlow } from './generate.ts';

const comparators: readonly Comparator[] = ['=', '!=', '<', '>', '<=', '>='];

/**
 * Filters of every kind; values are often those of one of the flows, so that both answers occur. Those of idents are of
 * these, and only where there are some.
 */
export function arbitraryFilter(flows: readonly TestFlow[], idents: readonly string[] = []): fc.Arbitrary<Filter> {
  const term = fc.constantFrom(...numberTerms.keys());
  const number = term.chain((name) =>
    fc
      .record({ value: value(name, flows), comparator: fc.constantFrom(...comparators) })
      .map(({ value, comparator }): Filter => ({ kind: 'number', term: name, comparator, value })),
  );
  const ranges = term.chain((name) =>
    fc
      .record({ ranges: fc.array(range(name, flows), { minLength: 1, maxLength: 4 }), negated: fc.boolean() })
      .map(({ ranges, negated }): Filter => {
        const [only] = ranges;
        return ranges.length === 1 && only![0] === only![1]
          ? { kind: 'number', term: name, comparator: negated ? '!=' : '=', value: only![0] }
          : { kind: 'ranges', term: name, negated, ranges };
      }),
  );
  const address = fc
    .record({
      term: fc.constantFrom(...addressTerms.keys()),
      negated: fc.boolean(),
      members: fc.array(fc.oneof(prefix(flows), addressRange(flows)), { minLength: 1, maxLength: 4 }),
    })
    .map((parts): Filter => ({ kind: 'address', ...parts }));
  const flags = fc
    .record({ exact: fc.boolean(), bits: fc.integer({ min: 1, max: 255 }) })
    .map((both): Filter => ({ kind: 'flags', ...both }));
  const simple = fc.constantFrom<Filter>(
    { kind: 'any' },
    { kind: 'family', version: 4 },
    { kind: 'family', version: 6 },
    { kind: 'ttlEqual' },
  );
  const ident = fc.nat().map((n): Filter => ({ kind: 'ident', name: idents[n % idents.length]! }));
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      number,
      address,
      ranges,
      flags,
      simple,
      ...(idents.length === 0 ? [] : [ident, ident]),
      fc
        .record({
          kind: fc.constantFrom('and' as const, 'or' as const),
          parts: fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
        })
        .map(({ kind, parts }) => join(kind, parts)),
      tie('filter').map((part): Filter => ({ kind: 'not', part })),
    ),
  })).filter;
}

function value(name: string, flows: readonly TestFlow[]): fc.Arbitrary<number> {
  const { operands, max, form } = numberTerms.get(name)!;
  const least = form === 'mac' ? 1 : 0;
  const any = fc.integer({ min: least, max: form === 'time' ? 4e12 : max });
  const seen = fc
    .record({ flow: fc.constantFrom(...flows), off: fc.integer({ min: -1, max: 1 }) })
    .map(({ flow, off }) => {
      const [operand] = operands;
      const cell = operand !== undefined && 'column' in operand ? (flow.numbers[operand.column] ?? 0) : 1000;
      const shift = operand !== undefined && 'column' in operand ? (operand.shift ?? 0) : 0;
      return Math.min(max, Math.max(least, Math.floor(cell / 2 ** shift) + off));
    });
  return fc.oneof(any, seen);
}

/** Ends in order; often one and the same. */
function range(name: string, flows: readonly TestFlow[]): fc.Arbitrary<NumberRange> {
  return fc
    .tuple(value(name, flows), value(name, flows), fc.boolean())
    .map(([a, b, single]): NumberRange => (single ? [a, a] : [Math.min(a, b), Math.max(a, b)]));
}

function addressRange(flows: readonly TestFlow[]): fc.Arbitrary<AddressBlock> {
  return fc
    .tuple(prefix(flows), prefix(flows))
    .map(([a, b]) => makeAddressRange(a.words, b.words) ?? makeAddressRange(b.words, a.words) ?? a);
}

function prefix(flows: readonly TestFlow[]): fc.Arbitrary<Prefix> {
  const fromFlow = fc
    .record({ flow: fc.constantFrom(...flows), source: fc.boolean() })
    .map(({ flow, source }) => flow.addresses[source ? 'srcAddr' : 'dstAddr']!);
  const word = fc.integer({ min: 0, max: 0xffff_ffff });
  const v6 = fc.tuple(word, word, word, word) as fc.Arbitrary<AddressWords>;
  return fc
    .record({ words: fc.oneof(fromFlow, v6), length: fc.integer({ min: 0, max: 128 }) })
    .map(({ words, length }) => {
      const v4 = makePrefix(words, undefined, false).version === 4;
      return makePrefix(words, v4 ? length % 33 : length, !v4);
    });
}
