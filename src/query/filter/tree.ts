import type { AddressWords } from '../../flow/address.ts';

/** How a number of the flow is compared with the number of the filter. */
export type Comparator = '=' | '!=' | '<' | '>' | '<=' | '>=';

/** Numbers from one to another, both included. */
export type NumberRange = readonly [from: number, to: number];

/** An address block. `length` counts in the block's own family: 0..32 or 0..128; bits beyond it are zero. */
export interface Prefix {
  readonly words: AddressWords;
  readonly length: number;
  readonly version: 4 | 6;
}

/** Addresses of one family from one to another, both included. */
export interface AddressRange {
  readonly from: AddressWords;
  readonly to: AddressWords;
  readonly version: 4 | 6;
}

export type AddressBlock = Prefix | AddressRange;

/** What an address is compared with: a block, or a host name or a country until `resolveHostNames` has replaced it. */
export type AddressMember = AddressBlock | { readonly hostName: string } | { readonly country: string };

/**
 * A filter as a tree of plain values: two trees are the same filter if they are deeply equal.
 *
 * `term` of a leaf is the canonical name of a row in `terms.ts`. A leaf is true if any of the fields behind its term
 * satisfies it, and false for a flow that has none of them; so `not` of such a leaf is true. `!=` and `negated` mean
 * that the flow has at least one of the fields, and that none of them is (one of) the given.
 */
export type Filter =
  | { readonly kind: 'any' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }
  | { readonly kind: 'number'; readonly term: string; readonly comparator: Comparator; readonly value: number }
  | {
      readonly kind: 'ranges';
      readonly term: string;
      readonly negated: boolean;
      readonly ranges: readonly NumberRange[];
    }
  | {
      readonly kind: 'address';
      readonly term: string;
      readonly negated: boolean;
      readonly members: readonly AddressMember[];
    }
  | { readonly kind: 'flags'; readonly exact: boolean; readonly bits: number }
  | { readonly kind: 'family'; readonly version: 4 | 6 }
  | { readonly kind: 'ttlEqual' }
  | IdentFilter
  /** A port is in the block of ports that the same flow tells of. */
  | { readonly kind: 'portBlock'; readonly term: string }
  | ElementFilter;

/**
 * An information element that has no column: `name` is its key in the column `extra`. Numbers compare as numbers with
 * values that are numbers, with each of the three numbers of an access list, strings as text. Several values stand only with `=` and `!=`.
 */
export interface ElementFilter {
  readonly kind: 'element';
  readonly name: string;
  readonly comparator: Comparator;
  readonly values: readonly (string | number)[];
}

/**
 * The ident of the file that a flow is in. `files`: the numbers of the files that have it among those asked, once they
 * are known (`bindIdents`).
 */
export interface IdentFilter {
  readonly kind: 'ident';
  readonly name: string;
  readonly files?: readonly NumberRange[];
}

export function isPrefix(member: AddressMember): member is Prefix {
  return 'words' in member;
}

export function isBlock(member: AddressMember): member is AddressBlock {
  return !('hostName' in member || 'country' in member);
}

/** `and` or `or` of several filters without nesting one kind in itself; the part itself if it is one. */
export function join(kind: 'and' | 'or', parts: readonly Filter[]): Filter {
  const flat = parts.flatMap((part) => (part.kind === kind ? part.parts : [part]));
  return flat.length === 1 ? flat[0]! : { kind, parts: flat };
}

/** Whether one of the terms that a filter is made of is such. */
export function hasTerm(filter: Filter, isSuch: (term: Filter) => boolean): boolean {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return filter.parts.some((part) => hasTerm(part, isSuch));
    case 'not':
      return hasTerm(filter.part, isSuch);
    default:
      return isSuch(filter);
  }
}

/** Whether a filter asks for more than columns of its own: elements that have none, and files. */
export function asksMoreThanColumns(filter: Filter): boolean {
  return hasTerm(filter, ({ kind }) => kind === 'element' || kind === 'ident' || kind === 'portBlock');
}
