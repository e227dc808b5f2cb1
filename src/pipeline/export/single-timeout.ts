import { idleNames, type NamedTimeouts, timeoutNames } from '../../cache/timeout-presets.ts';
import { wholeNumber } from '../../config/option-values.ts';
import { UserError } from '../../flow/user-error.ts';

/** A month: longer than anybody wants to wait, and far from the limits of the clock. */
export const MOST_SECONDS = 31 * 86_400;

/** Timeouts with one of them changed as `NAME=SECONDS` says. Throws UserError. */
export function withTimeout(timeouts: NamedTimeouts, text: string): NamedTimeouts {
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
  return { ...timeouts, [known]: wholeNumber(`--timeout ${known}`, value, least, MOST_SECONDS) };
}
