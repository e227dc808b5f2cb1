import {
  idleNames,
  type NamedTimeouts,
  type TimeoutName,
  timeoutNames,
  timeoutPresetNames,
  timeoutPresets,
} from '../cache/timeout-presets.ts';
import { listOption, type OptionTable, valueOption } from '../config/option.ts';
import { type OptionValues, wholeNumber } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';

/** A month: longer than anybody wants to wait, and far from the limits of the clock. */
const MOST_SECONDS = 31 * 86_400;

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
  for (const text of values.list('timeout')) {
    const [name, seconds] = singleTimeout(text);
    timeouts[name] = seconds;
  }
  return timeouts;
}

function singleTimeout(text: string): [TimeoutName, number] {
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
  if (name === 'expint') {
    throw new UserError('--timeout expint: there is no interval to set, flows end exactly when they are due');
  }
  const known = timeoutNames.find((one) => one === name);
  if (known === undefined) {
    throw new UserError(`--timeout takes NAME=SECONDS with NAME one of ${timeoutNames.join(', ')}, not "${text}"`);
  }
  // Idle flows must end some time; with the others 0 has a meaning.
  const least = idleNames.some((one) => one === known) ? 1 : 0;
  return [known, wholeNumber(`--timeout ${known}`, value, least, MOST_SECONDS)];
}
