import { type AddressBlock, type Filter, join, type NumberRange } from './tree.ts';

/** All addresses whose AS number `matches`. */
export type BlocksOfAs = (matches: (asNumber: number) => boolean) => readonly AddressBlock[];

/** A flow's AS numbers, and the addresses that they are of. */
const SIDES = [
  ['src as', 'src ip'],
  ['dst as', 'dst ip'],
] as const;

/**
 * The same filter with AS numbers read as -G has them printed: of a flow whose number is 0, that of its address. Lists, too,
 * which nfdump 1.7.8 compares with the flow's own number alone.
 */
export function withAsOfPlaces(filter: Filter, blocksOf: BlocksOfAs): Filter {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return { kind: filter.kind, parts: filter.parts.map((part) => withAsOfPlaces(part, blocksOf)) };
    case 'not':
      return { kind: 'not', part: withAsOfPlaces(filter.part, blocksOf) };
    case 'number':
    case 'ranges': {
      const sides = SIDES.filter(([term]) => filter.term === term || filter.term === 'as');
      return sides.length === 0 ? filter : asOfEither(filter, sides, blocksOf);
    }
    default:
      return filter;
  }
}

type NumberFilter = Extract<Filter, { kind: 'number' | 'ranges' }>;

function asOfEither(
  filter: NumberFilter,
  sides: readonly (readonly [term: string, address: string])[],
  blocksOf: BlocksOfAs,
): Filter {
  const isNegated = filter.kind === 'number' ? filter.comparator === '!=' : filter.negated;
  const positive: NumberFilter =
    filter.kind === 'number'
      ? { ...filter, comparator: isNegated ? '=' : filter.comparator }
      : { ...filter, negated: false };
  const matches = (value: number) => rangesOf(positive).some(([from, to]) => value >= from && value <= to);
  const parts = sides.flatMap(([term, address]): Filter[] => {
    const isZero: Filter = { kind: 'number', term, comparator: '=', value: 0 };
    const inside = addresses(address, blocksOf(matches));
    const known = addresses(
      address,
      blocksOf(() => true),
    );
    const found: Filter[] = [
      join('and', [
        { ...positive, term },
        { kind: 'not', part: isZero },
      ]),
    ];
    if (inside !== undefined) found.push(join('and', [isZero, inside]));
    if (matches(0)) found.push(known === undefined ? isZero : join('and', [isZero, { kind: 'not', part: known }]));
    return found;
  });
  // Every flow has AS numbers, 0 for none.
  return isNegated ? { kind: 'not', part: join('or', parts) } : join('or', parts);
}

function addresses(term: string, members: readonly AddressBlock[]): Filter | undefined {
  return members.length === 0 ? undefined : { kind: 'address', term, negated: false, members };
}

/** The numbers that a filter without a negation is true for. */
function rangesOf(filter: NumberFilter): readonly NumberRange[] {
  if (filter.kind === 'ranges') return filter.ranges;
  const { comparator, value } = filter;
  switch (comparator) {
    case '<':
      return [[0, value - 1]];
    case '<=':
      return [[0, value]];
    case '>':
      return [[value + 1, Number.POSITIVE_INFINITY]];
    case '>=':
      return [[value, Number.POSITIVE_INFINITY]];
    default:
      return [[value, value]];
  }
}
