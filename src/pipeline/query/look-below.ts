import { normalize } from 'node:path';
import { addon } from '../../addon/addon.ts';
import type { FlowScan } from '../../addon/scan.ts';
import { UserError } from '../../flow/user-error.ts';
import type { DumpSurroundings } from '../../query/dump.ts';
import { orElsewhere } from '../../query/flow-files.ts';

type LookBelow = DumpSurroundings['lookBelow'];
type Named = Parameters<LookBelow>[0];

export async function lookBelow({ read, range, sources }: Named, signal?: AbortSignal): Promise<FlowScan | undefined> {
  const directory = range ?? read;
  // A colon in -R stands between the ends of a range.
  if (directory === undefined || sources !== undefined || (range !== undefined && read !== undefined)) return undefined;
  if (range?.includes(':')) return undefined;
  const top = normalize(directory);
  try {
    return (await orElsewhere(() => addon().openScanBelow(top === '.' ? '' : top, signal))) ?? undefined;
  } catch (error) {
    // One that is damaged is sorted out where each is looked at by its name.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/**
 * Has the addon look at the files at once, while the code of the question is still being loaded. The first call, which has
 * to name the same files, gets what that finds; files may have changed for whoever asks again, so that is looked up anew.
 */
export function lookAhead(named: Named, signal: AbortSignal): LookBelow {
  let ahead: Promise<FlowScan | undefined> | undefined = lookBelow(named, signal);
  // Whoever waits for it meets its failure; a mistake in the filter may keep everybody from that.
  ahead.catch(() => undefined);
  return (asked) => {
    const look = ahead ?? lookBelow(asked);
    ahead = undefined;
    return look;
  };
}
