import {
  idleNames,
  type NamedTimeouts,
  type TimeoutName,
  timeoutNames,
  timeoutPresetNames,
  timeoutPresets,
} from '../cache/timeout-presets.ts';
import { listOption, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { MOST_SECONDS, withTimeout } from '../pipeline/export/single-timeout.ts';

/** When flows end by themselves. */
export const timeoutTable: OptionTable = {
  timeouts: valueOption(`timeouts as of ${timeoutPresetNames.join(', ')}`, 'default'),
  active: valueOption('active timeout in seconds: no record spans longer [default: 300]'),
  inactive: valueOption('inactive timeout in seconds, of all protocols [default: 60]'),
  timeout: listOption(`NAME=SECONDS, a single timeout: ${timeoutNames.join(', ')}`),
};

/** The preset, changed by --active and --inactive, changed by each --timeout. */
export function parseTimeouts(values: OptionValues): NamedTimeouts {
  const timeouts: Record<TimeoutName, number> = { ...timeoutPresets[values.choice('timeouts', timeoutPresetNames)] };
  timeouts.maxlife = values.wholeIfGiven('active', 1, MOST_SECONDS) ?? timeouts.maxlife;
  const inactive = values.wholeIfGiven('inactive', 1, MOST_SECONDS);
  if (inactive !== undefined) for (const name of idleNames) timeouts[name] = inactive;
  return values.list('timeout').reduce(withTimeout, timeouts);
}
