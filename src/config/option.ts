/**
 * Options as data: one row each, from which the command line, its help and a configuration file are read alike.
 */
export interface OptionRow {
  readonly type: 'string' | 'boolean';
  /** One line for `--help`. */
  readonly describe: string;
  readonly default?: string | boolean;
  /** May be given several times, and then all count; of any other the last one does. */
  readonly repeatable?: true;
  readonly hidden?: true;
  /** Name in a configuration file, and with two dashes: of options that are one letter for a reason of history. */
  readonly key?: string;
  /** Means nothing in a configuration file. */
  readonly commandLineOnly?: true;
}

/** Rows by name as typed, without dashes. */
export type OptionTable = Readonly<Record<string, OptionRow>>;

/** An option with a value. */
export function valueOption(describe: string, fallback?: string): OptionRow {
  return fallback === undefined ? { type: 'string', describe } : { type: 'string', describe, default: fallback };
}

/** An option with a value that may be given several times. */
export function listOption(describe: string): OptionRow {
  return { type: 'string', describe, repeatable: true };
}

/** An option without a value whose default depends on others. */
export function openFlagOption(describe: string): OptionRow {
  return { type: 'boolean', describe };
}

/** An option without a value. */
export function flagOption(describe: string, fallback = false): OptionRow {
  return { type: 'boolean', describe, default: fallback };
}

/** A one-letter option and its long name. */
export function keyed(key: string, row: OptionRow): OptionRow {
  return { ...row, key };
}

/** The name that a configuration file has for an option; undefined when it has none. */
export function keyOf(name: string, row: OptionRow): string | undefined {
  if (row.hidden || row.commandLineOnly) return undefined;
  return row.key ?? (name.length > 1 ? name : undefined);
}
