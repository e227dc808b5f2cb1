import type { Argv } from 'yargs';
import type { ConfigEntry, ConfigFile } from '../config/config-file.ts';
import { keyOf, type OptionTable, valueOption } from '../config/option.ts';
import { OptionValues, type RawValues, spelled } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import { addOptions } from './parse.ts';

/** Options by the heading that they have in the help text. */
export type OptionGroups = Readonly<Record<string, OptionTable>>;

/** For commands that run on as daemons. */
export const configOptions: OptionTable = {
  config: {
    ...valueOption('read settings from this YAML file, named as the long options; the command line goes first'),
    commandLineOnly: true,
  },
};

/** What was asked for, on the command line and in the configuration file that it names. */
export interface ReadOptions {
  readonly values: OptionValues;
  readonly operands: readonly string[];
  /** Runs what reads the values; where it throws because of one from the file, the message says file, line and key. */
  judge<T>(read: () => T | Promise<T>): Promise<T>;
}

/** Reads a command line, and the configuration file that it names; undefined when it only asked for help or version. */
export async function readOptions(parser: Argv, groups: OptionGroups): Promise<ReadOptions | undefined> {
  for (const [heading, table] of Object.entries(groups)) addOptions(parser, `${heading}:`, table);
  const args = await parser.parse();
  if (args['help'] === true || args['version'] === true) return undefined;
  const table: OptionTable = Object.assign({}, ...Object.values(groups));
  const typed: Record<string, unknown> = {};
  const defaults: Record<string, unknown> = {};
  for (const [name, row] of Object.entries(table)) {
    if (args[name] !== undefined) typed[name] = args[name];
    if (row.default !== undefined) defaults[name] = row.default;
  }
  const path = new OptionValues(typed).text('config');
  const file = path === undefined ? undefined : (await import('../config/config-file.ts')).readConfigFile(path, table);
  const values = new OptionValues({ ...defaults, ...file?.values, ...typed });
  return {
    values,
    operands: args._.map(String),
    judge: async (read) => {
      try {
        return await read();
      } catch (error) {
        if (file === undefined || !(error instanceof UserError)) throw error;
        throw blame(error, file, typed, table) ?? error;
      }
    },
  };
}

/** Says of the values that a message is about where in the file they are, by the names that they have there. */
function blame({ message }: UserError, file: ConfigFile, typed: RawValues, table: OptionTable): UserError | undefined {
  const entries = file.entries.filter(({ name }) => !Object.hasOwn(typed, name));
  const quoted = entries.find(({ text }) => message.includes(`"${text}"`));
  let blamed: ConfigEntry | undefined;
  const renamed = message.replaceAll(/(?<![\w"-])--?([A-Za-z0-9][\w-]*)/g, (word, name: string) => {
    const entry = quoted?.name === name ? quoted : entries.find((one) => one.name === name);
    if (entry === undefined || word !== spelled(name)) return word;
    blamed ??= entry;
    return keyOf(name, table[name]!) ?? word;
  });
  if (blamed !== undefined) return new UserError(`${blamed.place}: ${renamed}`);
  return quoted && new UserError(`${quoted.place}: ${keyOf(quoted.name, table[quoted.name]!)}: ${message}`);
}
