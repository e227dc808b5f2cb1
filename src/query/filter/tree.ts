import type { AddressWords } from '../../flow/address.ts';

/** How a number of the flow is compared with the number of the filter. */
export type Comparator = '=' | '!=' | '<' | '>' | '<=' | '>=';

/** An address block. `length` counts in the block's own family: 0..32 or 0..128; bits beyond it are zero. */
export interface Prefix {
  readonly words: AddressWords;
  readonly length: number;
  readonly version: 4 | 6;
}

/** What an address is compared with: a block, or a host name until `resolveHostNames` has replaced it. */
export type AddressMember = Prefix | { readonly hostName: string };

/**
 * A filter as a tree of plain values: two trees are the same filter if they are deeply equal.
 *
 * `term` of a leaf is the canonical name of a row in `terms.ts`. A leaf is true if any of the fields behind its term
 * satisfies it, and false for a flow that has none of them; so `not` of such a leaf is true.
 */
export type Filter =
  | { readonly kind: 'any' }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter }
  | { readonly kind: 'number'; readonly term: string; readonly comparator: Comparator; readonly value: number }
  | { readonly kind: 'list'; readonly term: string; readonly values: readonly number[] }
  | { readonly kind: 'address'; readonly term: string; readonly members: readonly AddressMember[] }
  | { readonly kind: 'flags'; readonly exact: boolean; readonly bits: number }
  | { readonly kind: 'family'; readonly version: 4 | 6 }
  | { readonly kind: 'ttlEqual' };

export function isPrefix(member: AddressMember): member is Prefix {
  return 'words' in member;
}

/** `and` or `or` of several filters without nesting one kind in itself; the part itself if it is one. */
export function join(kind: 'and' | 'or', parts: readonly Filter[]): Filter {
  const flat = parts.flatMap((part) => (part.kind === kind ? part.parts : [part]));
  return flat.length === 1 ? flat[0]! : { kind, parts: flat };
}
