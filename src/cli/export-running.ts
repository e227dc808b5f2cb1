import { flagOption, keyed, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import type { ExportOptions } from '../pipeline/export-options.ts';

/** How the program runs and what it tells. */
export const runningOptions: OptionTable = {
  'dry-run': { ...flagOption('print plan and templates, and end'), commandLineOnly: true },
  check: { ...flagOption('say whether the options are right, and end'), commandLineOnly: true },
  stats: valueOption('seconds between lines about each interface, 0 for none; SIGUSR1 prints them at once', '60'),
  u: keyed('user', valueOption('user to become once everything is open')),
  g: keyed('group', valueOption('group to become once everything is open')),
  q: keyed('quiet', flagOption('no progress, no statistics, no summary: only losses')),
};

type Running = Pick<ExportOptions, 'statsSec' | 'identity' | 'quiet' | 'preview'>;

export function parseRunning(values: OptionValues): Running {
  const user = values.text('u');
  const group = values.text('g');
  return {
    statsSec: values.whole('stats', 0, 86_400),
    identity: { ...(user === undefined ? {} : { user }), ...(group === undefined ? {} : { group }) },
    quiet: values.flag('q'),
    ...(values.flag('dry-run') ? { preview: 'plan' } : values.flag('check') ? { preview: 'check' } : {}),
  };
}
