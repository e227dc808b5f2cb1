import { UserError } from '../flow/user-error.ts';

/** What the sessions of both packages take when nobody says, and how often their packets are handed on. */
export const DEFAULT_KERNEL_BUFFER_BYTES = 64 << 20;
export const DEFAULT_FLUSH_MS = 100;

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

const sessions: object[] = [];

/**
 * Keeps a session of `pcap` or `cap` from ever being collected. Neither package takes the poll handle of a closed
 * session off the event loop, which then writes to freed memory; and `cap` stops a poll that never began when it
 * collects a session that could not be opened. Both crash the process some time later.
 */
export function keepAlive(session: object): void {
  sessions.push(session);
}
