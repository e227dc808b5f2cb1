import type { RowLimit } from './row-limits.ts';

/**
 * What is to be done: answer (`dump`), look at the filter only (-Z), describe the plan (-X) or its SQL (--sql), print what
 * files say of themselves (-I, -g, -E, -v), change files (-J, -i without -w), print the usage (-h) or the version (-V).
 */
export type DumpAction =
  | 'dump'
  | 'check'
  | 'plan'
  | 'sql'
  | 'statistics'
  | 'gnuplot'
  | 'exporters'
  | 'verify'
  | 'rewrite'
  | 'help'
  | 'version';

export interface FileCompression {
  readonly codec: 'zstd' | 'lz4' | 'none';
  readonly level: number | undefined;
}

/** What `weir dump` was asked for: its command line, parsed but not yet understood. */
export interface DumpOptions {
  /** -r: a file, or a directory to be read with all below it. */
  readonly read: string | undefined;
  /** -R: a range of files. */
  readonly range: string | undefined;
  /** -M: several directories that -r or -R is read from. */
  readonly sources: string | undefined;
  /** Words of the command line, or the file of -f. */
  readonly filter: string;
  readonly filterFile: string | undefined;
  /** -P. */
  readonly resultFilter: string | undefined;
  /** -s, in the order given. */
  readonly statistics: readonly string[];
  /** -a. */
  readonly aggregate: boolean;
  /** -b, -B. */
  readonly bidirectional: 'merge' | 'guess' | undefined;
  /** -A. */
  readonly aggregateBy: string | undefined;
  /** -O. */
  readonly order: string | undefined;
  /** -n; undefined: 10 for statistics, else all. */
  readonly top: number | undefined;
  /** -c. */
  readonly limit: number | undefined;
  /** -t. */
  readonly window: string | undefined;
  /** -o. */
  readonly format: string | undefined;
  /** -6. */
  readonly longV6: boolean;
  /** -N. */
  readonly plainNumbers: boolean;
  /** -q. */
  readonly quiet: boolean;
  /** -T. */
  readonly markAddresses: boolean;
  /** --overlap: -t takes flows that touch the window. */
  readonly overlap: boolean;
  /** --unscaled: counters as exported, not multiplied by the sampling rate. */
  readonly unscaled: boolean;
  /** --resolve: names of addresses from reverse DNS. */
  readonly resolve: boolean;
  /** -G: files in the MaxMind format. */
  readonly places: readonly string[];
  /** --memory: of the engines, octets; undefined for what they take by themselves. */
  readonly memoryOctets: number | undefined;
  /** --baseline: a range of files, as -R, that `-s new` compares with. */
  readonly baseline: string | undefined;
  /** -w: a flow file, `-` for standard output. */
  readonly write: string | undefined;
  /** -z, -j, -y (of -w) or the value of -J: how flow files are compressed. */
  readonly compression: FileCompression | undefined;
  /** -i. */
  readonly ident: string | undefined;
  /** -C: a file with formats, `none` for no such file. */
  readonly configuration: string | undefined;
  readonly action: DumpAction;
  /** Lines about options that have no effect. */
  readonly notes: readonly string[];
  /** -L, -l. */
  readonly rowLimits: readonly RowLimit[];
}
