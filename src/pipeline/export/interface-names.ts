import { addon } from '../../addon/addon.ts';
import type { CaptureInterface } from '../../capture/interface.ts';
import type { InterfaceName } from '../../export/options.ts';

/**
 * The interfaces that options data names: those captured from (all of the host for `any`) under the system's names and
 * numbers, unless they have been given others, and those that the user named by number, which come before.
 */
export function interfaceTable(
  captured: readonly CaptureInterface[],
  named: readonly InterfaceName[],
): InterfaceName[] {
  const table = new Map<number, InterfaceName>();
  if (captured.length > 0) {
    const all = captured.some(({ device }) => device === 'any');
    for (const entry of addon().interfaces()) {
      const settings = captured.find(({ device }) => device === entry.name);
      if (!all && settings === undefined) continue;
      const { index = entry.index, name = entry.name, description } = settings ?? {};
      table.set(index, { index, name, ...(description === undefined ? {} : { description }) });
    }
  }
  for (const entry of named) table.set(entry.index, entry);
  return [...table.values()].sort((a, b) => a.index - b.index);
}

/** The number that an interface of this host is exported under, by the system's name; 0 for none. */
export function exportedIndex(captured: readonly CaptureInterface[]): (device: string) => number {
  const indices = new Map(
    addon()
      .interfaces()
      .map(({ name, index }) => [name, index]),
  );
  for (const { device, index } of captured) if (index !== undefined) indices.set(device, index);
  return (device) => indices.get(device) ?? 0;
}
