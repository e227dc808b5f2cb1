import type { Prefix } from '../../flow/prefix.ts';

/** A source of flows by the addresses of its exporters. */
export interface ListedSource {
  readonly ident: string;
  readonly prefixes: readonly Prefix[];
  readonly directory: string;
}

/**
 * Whose flows go where. `one`: all into one directory. `listed`: by the exporter's address, the longest prefix counts,
 * and exporters that are not listed are ignored. `dynamic`: a sub-directory for each exporter.
 */
export type SourcePlan =
  | { readonly kind: 'one'; readonly directory: string; readonly ident: string }
  | { readonly kind: 'listed'; readonly sources: readonly ListedSource[] }
  | { readonly kind: 'dynamic'; readonly directory: string };
