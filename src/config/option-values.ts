import { UserError } from '../flow/user-error.ts';

/** What was given for each option, by name; several values where an option was given several times. */
export type RawValues = Readonly<Record<string, unknown>>;

/** Reads option values, whose types their rows guarantee. */
export class OptionValues {
  private readonly raw: RawValues;

  constructor(raw: RawValues) {
    this.raw = raw;
  }

  /** The value given last, as usual on a command line; undefined without one and without a default. */
  text(name: string): string | undefined {
    return this.list(name).at(-1);
  }

  flag(name: string): boolean {
    const value = this.raw[name];
    return (Array.isArray(value) ? value.at(-1) : value) === true;
  }

  /** Undefined when the option was not given and has no default. */
  flagIfGiven(name: string): boolean | undefined {
    return this.raw[name] === undefined ? undefined : this.flag(name);
  }

  list(name: string): string[] {
    const value = this.raw[name];
    if (value === undefined) return [];
    return Array.isArray(value) ? value : [value as string];
  }

  /** A whole number from `min` to `max` of an option that has a default; throws UserError. */
  whole(name: string, min: number, max: number): number {
    return wholeNumber(spelled(name), this.text(name), min, max);
  }

  /** The same of an option without a default. */
  wholeIfGiven(name: string, min: number, max: number): number | undefined {
    return this.text(name) === undefined ? undefined : this.whole(name, min, max);
  }

  /** One of `choices`; throws UserError. */
  choice<T extends string>(name: string, choices: readonly T[]): T {
    const text = this.text(name);
    const choice = choices.find((one) => one === text);
    if (choice !== undefined) return choice;
    const all = `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
    throw new UserError(`${spelled(name)} takes ${all}, not "${text}"`);
  }
}

/** As a user types it. */
export function spelled(name: string): string {
  return name.length === 1 ? `-${name}` : `--${name}`;
}

/** A whole number between `min` and `max`, or a message that names the option. */
export function wholeNumber(option: string, value: unknown, min: number, max: number): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : Number.NaN;
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new UserError(`${option} takes a whole number from ${min} to ${max}, not "${String(value)}"`);
  }
  return number;
}
