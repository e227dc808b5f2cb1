import type { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import { checkCollectOptions } from '../pipeline/collect/check.ts';
import { runCollect } from '../pipeline/collect/collect.ts';
import type { CollectOptions } from '../pipeline/collect/options.ts';
import { startInBackground } from '../pipeline/daemon/background.ts';
import { PidFile } from '../pipeline/daemon/pid-file.ts';
import { parseSlots, slotOptions } from './collect-files.ts';
import { admissionOptions, parseAdmission, parseReceiving, receivingOptions } from './collect-receiving.ts';
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
  if (goesToBackground) {
    const { pidFile } = options;
    return startInBackground(['collect', '--in-background', ...argv], (pid) => {
      if (pidFile !== undefined) PidFile.clear(pidFile, pid);
    });
  }
  return runCollect(options, async () => (await parseCollectArguments(argv, true))?.options);
}

export interface ParsedCollect {
  options: CollectOptions;
  /** `-D`, and this is not yet the process in the background. */
  goesToBackground: boolean;
  /** Nothing is to be done but to say whether the options are right. */
  isCheck: boolean;
}

/**
 * Options of a command line and of its configuration file; undefined when it only asked for help or the version.
 * @param checks whether what can be found wrong without doing anything is looked for, as for --check
 */
export async function parseCollectArguments(
  argv: readonly string[],
  checks = false,
): Promise<ParsedCollect | undefined> {
  const { argv: spelled, notes } = readCollectArguments(argv);
  const parser = commandParser([...spelled], 'collect').usage(
    'weir collect (-w DIR | -n IDENT,IP,DIR ... | -M DIR) [-p PORT] [-b HOST] [options]\nweir collect -w DIR -f FILE [options]',
  );
  const read = await readOptions(parser, {
    'Whose flows go where': sourceOptions,
    Datagrams: receivingOptions,
    Exporters: admissionOptions,
    'Flow files': slotOptions,
    'To other collectors': repeatingOptions,
    Running: { ...configOptions, ...runningOptions },
  });
  return read?.judge(async () => {
    const parsed = await collectOptions(read.values, read.operands, notes);
    if (checks || parsed.isCheck) checkCollectOptions(parsed.options);
    return parsed;
  });
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
    ...parseAdmission(values),
    ...parseSlots(values),
    ...parseRepeating(values),
    ...parseRunning(values),
    notes,
  };
  return { options, isCheck: values.flag('check'), goesToBackground: values.flag('D') && !options.isBackground };
}
