import yargs, { type Argv } from 'yargs';
import type { OptionTable } from '../config/option.ts';
import { spelled } from '../config/option-values.ts';
import { nearest } from '../flow/suggest.ts';
import { UserError } from '../flow/user-error.ts';
import { version } from './version.ts';

/** A yargs parser set up alike for every command: unknown options are refused, errors are one line. */
export function commandParser(argv: string[], command: string): Argv {
  const parser = yargs(argv);
  return parser
    .scriptName(`weir ${command}`)
    .usage('')
    .version(version())
    .help('help')
    .alias('help', 'h')
    .strictOptions()
    .wrap(Math.min(110, process.stdout.columns ?? 110))
    .parserConfiguration({
      'camel-case-expansion': false,
      'duplicate-arguments-array': true,
      'parse-positional-numbers': false,
      'boolean-negation': true,
    })
    .fail((message, error) => {
      throw error instanceof UserError
        ? error
        : new UserError(`${explained(message, parser)}; see weir ${command} --help`);
    })
    .exitProcess(false);
}

/** Names of the options in the tables of a parser. */
const optionNames = new WeakMap<Argv, string[]>();

/** What the parser says in weir's words: of options without their value, and of unknown ones with a guess at what was meant. */
function explained(message: string, parser: Argv): string {
  const [, bare] = /^Not enough arguments following: (.+)$/.exec(message) ?? [];
  if (bare !== undefined) return `${spelled(bare)} needs a value`;
  const [, names] = /^Unknown arguments?: (.+)$/.exec(message) ?? [];
  if (names === undefined) return message;
  const first = names.split(', ')[0]!;
  const meant = first.length > 1 ? nearest(first, optionNames.get(parser) ?? []) : undefined;
  return `unknown option ${spelled(first)}${meant === undefined ? '' : `: did you mean "${spelled(meant)}"?`}`;
}

/** Adds the options of a table, in its order, below a heading of the help text; without their defaults. */
export function addOptions(parser: Argv, heading: string, table: OptionTable): Argv {
  for (const [name, { type, describe, default: fallback, repeatable, hidden, key }] of Object.entries(table)) {
    optionNames.set(parser, [...(optionNames.get(parser) ?? []), name, ...(key === undefined ? [] : [key])]);
    parser.option(name, {
      group: heading,
      type,
      describe: repeatable ? `${describe} (repeatable)` : describe,
      ...(type === 'string' ? { requiresArg: true } : {}),
      ...(key === undefined ? {} : { alias: key }),
      // Told here and put in later: what was typed must be told from what was not.
      ...(fallback === undefined || fallback === false ? {} : { defaultDescription: String(fallback) }),
      ...(hidden ? { hidden } : {}),
    });
  }
  return parser;
}

/** The value of an option that makes sense only once: the last one given, as usual on a command line. */
export function last<T>(value: T | T[] | undefined): T | undefined {
  return Array.isArray(value) ? value[value.length - 1] : value;
}
