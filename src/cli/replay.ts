import { type OptionTable, valueOption } from '../config/option.ts';
import { UserError } from '../flow/user-error.ts';
import { type ReplayOptions, runReplay } from '../pipeline/archive/replay.ts';
import { plainLog } from '../pipeline/daemon/log.ts';
import { StopSignal } from '../pipeline/daemon/stop-signal.ts';
import { parseSending, sendingOptions } from './export-sending.ts';
import { commandParser } from './parse.ts';
import { readOptions } from './read-options.ts';
import { parseSelection, selectionOptions } from './selection.ts';
import { parseSpeed } from './speed.ts';

const flowOptions: OptionTable = {
  f: valueOption('read the filter from a file'),
  t: valueOption('time window yyyy/MM/dd.hh:mm:ss[-yyyy/MM/dd.hh:mm:ss]'),
};

const paceOptions: OptionTable = {
  rate: valueOption('flows sent a second, 0: as fast as they are taken', '0'),
  speed: valueOption('times the speed at which flows were received, 0: as fast as they are taken', '0'),
};

/** `weir replay`: see `runReplay` for what it does; exit status 0, 1 on anything that did not go out. */
export async function replayCommand(argv: string[]): Promise<number> {
  const options = await parseReplayArguments(argv);
  if (options === undefined) return 0;
  const signal = new StopSignal();
  try {
    return await runReplay(options, signal, plainLog);
  } finally {
    signal.release();
  }
}

/** Options of a command line; undefined when it only asked for help or the version. */
export async function parseReplayArguments(argv: string[]): Promise<ReplayOptions | undefined> {
  const { rate: _, ...sending } = sendingOptions;
  const parser = commandParser(argv, 'replay').usage(
    'weir replay (-r FILE|DIR | -R RANGE) -n HOST:PORT [options] [filter ...]',
  );
  const read = await readOptions(parser, {
    'Flow files': selectionOptions,
    Flows: flowOptions,
    'To collectors': sending,
    Pace: paceOptions,
  });
  if (read === undefined) return undefined;
  const { values, operands } = read;
  const selection = parseSelection(values, 'replay');
  const flowsPerSecond = values.whole('rate', 0, 100_000_000);
  const sent = await parseSending(values);
  if (sent.destinations.length === 0) throw new UserError('where to? give -n HOST:PORT; see weir replay --help');
  const speed = parseSpeed(values.text('speed'));
  if (speed > 0 && flowsPerSecond > 0) throw new UserError('--rate and --speed exclude each other; give one of them');
  return {
    ...selection,
    ...sent,
    datagramsPerSecond: 0,
    sampling: { rate: 1, random: false },
    interfaces: [],
    selection: {
      filter: operands.join(' '),
      filterFile: values.text('f'),
      window: values.text('t'),
      overlap: false,
      limit: undefined,
    },
    flowsPerSecond,
    speed,
  };
}
