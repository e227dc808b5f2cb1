import type { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import { startInBackground } from '../pipeline/background.ts';
import { type CollectOptions, runCollect } from '../pipeline/collect.ts';
import { checkCollectOptions } from '../pipeline/collect-check.ts';
import { parseSlots, slotOptions } from './collect-files.ts';
import { parseReceiving, receivingOptions } from './collect-receiving.ts';
import { parseRepeating, parseRunning, repeatingOptions, runningOptions } from './collect-running.ts';
import { parseSources, sourceOptions } from './collect-sources.ts';
import { readCollectArguments } from './nfcapd-arguments.ts';
import { commandParser } from './parse.ts';
import { configOptions, readOptions } from './read-options.ts';

/** `weir collect`: see `runCollect` for what it does. */
export async function collectCommand(argv: string[]): Promise<number> {
  const parsed = await parseCollectArguments(argv);
  if (parsed === undefined) return 0;
  const { options, goesToBackground, isCheck } = parsed;
  if (isCheck) {
    process.stdout.write('weir collect: these options are right\n');
    return 0;
  }
  return goesToBackground ? startInBackground(['collect', '--in-background', ...argv]) : runCollect(options);
}

export interface ParsedCollect {
  options: CollectOptions;
  /** `-D`, and this is not yet the process in the background. */
  goesToBackground: boolean;
  /** Nothing is to be done but to say whether the options are right. */
  isCheck: boolean;
}

/** Options of a command line; undefined when it only asked for help or the version. */
export async function parseCollectArguments(argv: readonly string[]): Promise<ParsedCollect | undefined> {
  const { argv: spelled, notes } = readCollectArguments(argv);
  const parser = commandParser([...spelled], 'collect').usage(
    'weir collect (-w DIR | -n IDENT,IP,DIR ... | -M DIR) [-p PORT] [-b HOST] [options]\nweir collect -w DIR -f FILE [options]',
  );
  const read = await readOptions(parser, {
    'Whose flows go where': sourceOptions,
    Datagrams: receivingOptions,
    'Flow files': slotOptions,
    'To other collectors': repeatingOptions,
    Running: { ...configOptions, ...runningOptions },
  });
  return read?.judge(() => collectOptions(read.values, read.operands, notes));
}

async function collectOptions(
  values: OptionValues,
  [unexpected]: readonly string[],
  notes: readonly string[],
): Promise<ParsedCollect> {
  if (unexpected !== undefined) throw new UserError(`collect takes no "${unexpected}"; see weir collect --help`);
  const options: CollectOptions = {
    plan: parseSources(values),
    ...(await parseReceiving(values)),
    ...parseSlots(values),
    ...parseRepeating(values),
    ...parseRunning(values),
    notes,
  };
  const isCheck = values.flag('check');
  if (isCheck) checkCollectOptions(options);
  return { options, isCheck, goesToBackground: values.flag('D') && !options.isBackground };
}
