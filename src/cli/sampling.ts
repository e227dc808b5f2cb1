import { wholeNumber } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import { exporterAddress, runSampling, type SamplingCommand } from '../pipeline/archive/sampling.ts';
import { parseWindow } from '../query/planner.ts';
import { commandParser, last } from './parse.ts';

const LARGEST_RATE = 0xffff_ffff;

/** `weir sampling`: see `runSampling` for what it does. */
export async function samplingCommand(argv: string[]): Promise<number> {
  const command = await parseSamplingArguments(argv);
  return command === undefined ? 0 : runSampling(command, (line) => process.stdout.write(`${line}\n`));
}

/** What a command line asks for; undefined when it only asked for help or the version. */
export async function parseSamplingArguments(argv: string[]): Promise<SamplingCommand | undefined> {
  const value = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const;
  const args = await commandParser(argv, 'sampling')
    .usage(
      'weir sampling set DIR --exporter ADDRESS --rate N [--from TIME] [--to TIME]\nweir sampling list DIR\nweir sampling remove DIR (NUMBER | --exporter ADDRESS)',
    )
    .option('exporter', value('address of the exporter whose flows are meant'))
    .option('rate', value('one of so many packets was counted, 1 for all; goes before the rate in the flows'))
    .option('from', value('flows that began at or after yyyy/MM/dd.hh:mm:ss'))
    .option('to', value('flows that began before yyyy/MM/dd.hh:mm:ss'))
    .parse();
  if (args['help'] === true || args['version'] === true) return undefined;
  const [action, directory, number, ...more] = args._.map(String);
  const [exporter, rate, from, to] = ['exporter', 'rate', 'from', 'to'].map((name) =>
    last(args[name] as string | string[] | undefined),
  );
  if (more.length > 0) throw new UserError(`weir sampling takes no "${more[0]}"; see weir sampling --help`);
  if (directory === undefined) throw new UserError('what, and in which store? see weir sampling --help');
  switch (action) {
    case 'list':
      return { action, directory };
    case 'remove':
      if ((number === undefined) === (exporter === undefined)) {
        throw new UserError('which rate? give its number in the list, or --exporter');
      }
      return {
        action,
        directory,
        rule: number === undefined ? exporterAddress(exporter!) : wholeNumber('NUMBER', number, 1, LARGEST_RATE),
      };
    case 'set': {
      if (exporter === undefined || rate === undefined)
        throw new UserError('weir sampling set needs --exporter and --rate');
      const [fromMs, toMs] = [timeOption('from', from), timeOption('to', to)];
      if (fromMs !== undefined && toMs !== undefined && toMs <= fromMs) throw new UserError('--to is not after --from');
      return {
        action,
        directory,
        rule: {
          exporter: exporterAddress(exporter),
          rate: wholeNumber('--rate', rate, 1, LARGEST_RATE),
          ...(fromMs === undefined ? {} : { fromMs }),
          ...(toMs === undefined ? {} : { toMs }),
        },
      };
    }
    default:
      throw new UserError(`weir sampling knows set, list and remove, not "${action}"`);
  }
}

function timeOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  try {
    if (!text.includes('-')) return parseWindow(text).afterMs;
  } catch {
    // Said below.
  }
  throw new UserError(`--${name}: "${text}" is no time such as 2026/11/20.13:00`);
}
