import { flagOption, keyed, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import type { CollectOptions } from '../pipeline/collect/options.ts';
import { layoutOf, subDirectoriesOption } from './sub-directories.ts';

/** How flow files are cut, and what is done after each. */
export const slotOptions: OptionTable = {
  t: keyed('interval', valueOption('seconds a flow file covers', '300')),
  S: keyed('sub-directories', subDirectoriesOption),
  flush: valueOption('milliseconds until a received flow is on disk', '2000'),
  x: keyed(
    'command',
    valueOption('command after each flow file, without shell: %f file below %d directory, %t slot, %u epoch, %i ident'),
  ),
  e: keyed('expire', flagOption('after each flow file delete old ones, by the limits that weir expire -u keeps')),
};

type Slots = Pick<CollectOptions, 'intervalSec' | 'layout' | 'flushMs' | 'command' | 'expires'>;

export function parseSlots(values: OptionValues): Slots {
  const command = values.text('x');
  if (command?.trim() === '') throw new UserError('-x takes a command');
  return {
    intervalSec: values.whole('t', 1, 86_400),
    layout: layoutOf(values),
    flushMs: values.whole('flush', 100, 60_000),
    ...(command === undefined ? {} : { command }),
    expires: values.flag('e'),
  };
}
