import { flagOption, keyed, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { parseDestination } from '../export/destination.ts';
import { UserError } from '../flow/user-error.ts';
import { logFormats } from '../pipeline/daemon/log-output.ts';
import type { ExportOptions } from '../pipeline/export/options.ts';

/** How the program runs and what it tells. */
export const runningOptions: OptionTable = {
  'dry-run': { ...flagOption('print plan and templates, and end'), commandLineOnly: true },
  check: { ...flagOption('say whether the options are right, and end'), commandLineOnly: true },
  stats: valueOption('seconds between lines about each interface, 0 for none; SIGUSR1 prints them at once', '60'),
  u: keyed('user', valueOption('user to become once everything is open')),
  g: keyed('group', valueOption('group to become once everything is open')),
  log: valueOption('append log lines to this file [default: standard error]'),
  'log-format': valueOption('log lines as text or json', 'text'),
  metrics: valueOption('HOST:PORT: serve /metrics, /livez and /readyz there by HTTP'),
  control: valueOption('make a socket for weir ctl at this path'),
  'control-group': valueOption('group that may use the socket, beside its owner'),
  q: keyed('quiet', flagOption('no progress, no statistics, no summary: only losses')),
};

/** Beside the port of `weir collect`. */
const DEFAULT_METRICS_PORT = 9997;

type Running = Pick<
  ExportOptions,
  | 'statsSec'
  | 'identity'
  | 'quiet'
  | 'preview'
  | 'logFile'
  | 'logFormat'
  | 'metrics'
  | 'control'
  | 'controlGroup'
  | 'configFile'
>;

export function parseRunning(values: OptionValues): Running {
  const [user, group, configFile] = ['u', 'g', 'config'].map((name) => values.text(name));
  const [logFile, metrics, control, controlGroup] = ['log', 'metrics', 'control', 'control-group'].map((name) =>
    values.text(name),
  );
  if (controlGroup !== undefined && control === undefined) {
    throw new UserError('--control-group is of the socket that --control makes');
  }
  return {
    statsSec: values.whole('stats', 0, 86_400),
    identity: { ...(user === undefined ? {} : { user }), ...(group === undefined ? {} : { group }) },
    quiet: values.flag('q'),
    ...(configFile === undefined ? {} : { configFile }),
    ...(logFile === undefined ? {} : { logFile }),
    logFormat: values.choice('log-format', logFormats),
    ...(metrics === undefined ? {} : { metrics: parseDestination(metrics, DEFAULT_METRICS_PORT, '--metrics') }),
    ...(control === undefined ? {} : { control }),
    ...(controlGroup === undefined ? {} : { controlGroup }),
    ...(values.flag('dry-run') ? { preview: 'plan' } : values.flag('check') ? { preview: 'check' } : {}),
  };
}
