import yargs, { type Argv } from 'yargs';
import { UserError } from '../flow/user-error.ts';
import { version } from './version.ts';

/** A yargs parser set up alike for every command: unknown options are refused, errors are one line. */
export function commandParser(argv: string[], command: string): Argv {
  return yargs(argv)
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
      throw error instanceof UserError ? error : new UserError(`${message}; see weir ${command} --help`);
    })
    .exitProcess(false);
}

/** The value of an option that makes sense only once: the last one given, as usual on a command line. */
export function last<T>(value: T | T[] | undefined): T | undefined {
  return Array.isArray(value) ? value[value.length - 1] : value;
}

export function list<T>(value: T | T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** A whole number between `min` and `max`, or a message that names the option. */
export function wholeNumber(option: string, value: unknown, min: number, max: number): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new UserError(`${option} takes a whole number from ${min} to ${max}, not "${String(value)}"`);
  }
  return number;
}
