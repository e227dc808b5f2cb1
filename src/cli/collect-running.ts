import { flagOption, keyed, listOption, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import { type Destination, parseDestination } from '../export/destination.ts';
import { UserError } from '../flow/user-error.ts';
import type { CollectOptions } from '../pipeline/collect/options.ts';
import { logFormats } from '../pipeline/daemon/log-output.ts';

/** Who else gets the datagrams. */
export const repeatingOptions: OptionTable = {
  R: keyed('repeat', listOption('HOST[/PORT]: send every datagram on to this collector')),
  A: keyed(
    'repeat-with-source',
    flagOption('-R keeps address and port of the exporter as the source; needs root or CAP_NET_RAW'),
  ),
};

/** How the program runs and what it tells. */
export const runningOptions: OptionTable = {
  check: { ...flagOption('say whether the options are right, and end'), commandLineOnly: true },
  D: keyed('background', flagOption('run in the background; see --log')),
  P: keyed('pid-file', valueOption('write the process id to this file; refused while that process runs')),
  u: keyed('user', valueOption('user to become once the ports are bound')),
  g: keyed('group', valueOption('group to become once the ports are bound')),
  log: valueOption('append log lines to this file [default: standard error, with -D syslog]'),
  'log-format': valueOption('log lines as text or json', 'text'),
  metrics: valueOption('HOST:PORT: serve /metrics, /livez and /readyz there by HTTP'),
  q: keyed('quiet', flagOption('no log lines but warnings')),
  'in-background': { ...flagOption('this process is the one in the background'), hidden: true },
};

/** Beside the port of NetFlow. */
const DEFAULT_METRICS_PORT = 9996;
/** As many as nfcapd takes. */
const MAX_REPEATERS = 8;

export function parseRepeating(values: OptionValues): Pick<CollectOptions, 'repeatTo' | 'keepsSource'> {
  const texts = values.list('R');
  if (texts.length > MAX_REPEATERS) throw new UserError(`-R: at most ${MAX_REPEATERS} collectors can be repeated to`);
  const keepsSource = values.flag('A');
  if (keepsSource && texts.length === 0) throw new UserError('-A is about -R: name the collectors to repeat to');
  return { repeatTo: texts.map((text): Destination => parseDestination(text)), keepsSource };
}

type Running = Pick<
  CollectOptions,
  'metrics' | 'pidFile' | 'identity' | 'configFile' | 'logFile' | 'logFormat' | 'isBackground' | 'quiet'
>;

export function parseRunning(values: OptionValues): Running {
  const [user, group, pidFile, logFile, metrics] = ['u', 'g', 'P', 'log', 'metrics'].map((name) => values.text(name));
  const configFile = values.text('config');
  return {
    ...(metrics === undefined ? {} : { metrics: parseDestination(metrics, DEFAULT_METRICS_PORT, '--metrics') }),
    ...(pidFile === undefined ? {} : { pidFile }),
    identity: { ...(user === undefined ? {} : { user }), ...(group === undefined ? {} : { group }) },
    ...(logFile === undefined ? {} : { logFile }),
    logFormat: values.choice('log-format', logFormats),
    ...(configFile === undefined ? {} : { configFile }),
    isBackground: values.flag('in-background'),
    quiet: values.flag('q'),
  };
}
