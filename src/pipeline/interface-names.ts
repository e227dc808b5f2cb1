import { addon } from '../addon/addon.ts';
import type { InterfaceName } from '../export/options.ts';

/**
 * The interfaces that options data names: those captured from (all of the host for `any`) under the system's names and
 * numbers, and those that the user named, which come before the system's.
 */
export function interfaceTable(devices: readonly string[], named: readonly InterfaceName[]): InterfaceName[] {
  const table = new Map<number, InterfaceName>();
  if (devices.length > 0) {
    const all = devices.includes('any');
    for (const entry of addon().interfaces()) {
      if (all || devices.includes(entry.name)) table.set(entry.index, entry);
    }
  }
  for (const entry of named) table.set(entry.index, entry);
  return [...table.values()].sort((a, b) => a.index - b.index);
}
