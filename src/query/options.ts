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
  /** -Z: only look at the filter; -h: only print the usage. */
  readonly action: 'dump' | 'check' | 'help';
}
