import { addon } from '../addon/addon.ts';
import { UserError } from '../flow/user-error.ts';

/** A BPF expression for all of those given; undefined for none. */
export function joinFilters(...filters: readonly (string | undefined)[]): string | undefined {
  const given = filters.filter((filter) => filter !== undefined);
  return given.length < 2 ? given[0] : given.map((filter) => `(${filter})`).join(' and ');
}

/**
 * Rejects with a `UserError` for an expression that libpcap can read on no kind of link, and where there is no libpcap.
 * @param whose what the error begins with
 */
export async function checkFilter(expression: string | undefined, whose = ''): Promise<void> {
  if (expression === undefined || expression.trim() === '') return;
  try {
    await addon().checkFilter(expression);
  } catch (cause) {
    throw new UserError(`${whose}${(cause as Error).message}`, { cause });
  }
}
