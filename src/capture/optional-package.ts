import { UserError } from '../flow/user-error.ts';

/** The exports of an npm package that weir runs without, typed by the caller. */
export async function importOptional<T>(name: 'pcap' | 'cap'): Promise<T> {
  try {
    // A name in a variable: the compiler must not ask for a package that need not be there.
    const specifier: string = name;
    const loaded = (await import(specifier)) as { default: T };
    return loaded.default;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new UserError(
      `the npm package ${name} does not load (${reason}): run \`npm install ${name}\`, or use --source native`,
      { cause },
    );
  }
}
