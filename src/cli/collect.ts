import { OptionValues } from '../config/option-values.ts';
import { UserError } from '../flow/user-error.ts';
import { startInBackground } from '../pipeline/background.ts';
import { type CollectOptions, runCollect } from '../pipeline/collect.ts';
import { parseSlots, slotOptions } from './collect-files.ts';
import { admissionOptions, parseAdmission, parseReceiving, receivingOptions } from './collect-receiving.ts';
import { parseRepeating, parseRunning, repeatingOptions, runningOptions } from './collect-running.ts';
import { parseSources, sourceOptions } from './collect-sources.ts';
import { readCollectArguments } from './nfcapd-arguments.ts';
import { addOptions, commandParser } from './parse.ts';

/** `weir collect`: see `runCollect` for what it does. */
export async function collectCommand(argv: string[]): Promise<number> {
  const parsed = await parseCollectArguments(argv);
  if (parsed === undefined) return 0;
  const { options, goesToBackground } = parsed;
  return goesToBackground ? startInBackground(['collect', '--in-background', ...argv]) : runCollect(options);
}

export interface ParsedCollect {
  options: CollectOptions;
  /** `-D`, and this is not yet the process in the background. */
  goesToBackground: boolean;
}

/** Options of a command line; undefined when it only asked for help or the version. */
export async function parseCollectArguments(argv: readonly string[]): Promise<ParsedCollect | undefined> {
  const { argv: spelled, notes } = readCollectArguments(argv);
  const parser = commandParser([...spelled], 'collect').usage(
    'weir collect (-w DIR | -n IDENT,IP,DIR ... | -M DIR) [-p PORT] [-b HOST] [options]\nweir collect -w DIR -f FILE [options]',
  );
  addOptions(parser, 'Whose flows go where:', sourceOptions);
  addOptions(parser, 'Datagrams:', receivingOptions);
  addOptions(parser, 'Exporters:', admissionOptions);
  addOptions(parser, 'Flow files:', slotOptions);
  addOptions(parser, 'To other collectors:', repeatingOptions);
  addOptions(parser, 'Running:', runningOptions);
  const args = await parser.parse();
  if (args['help'] === true || args['version'] === true) return undefined;
  const unexpected = args._[0];
  if (unexpected !== undefined) throw new UserError(`collect takes no "${unexpected}"; see weir collect --help`);
  const values = new OptionValues(args);
  const options: CollectOptions = {
    plan: parseSources(values),
    ...(await parseReceiving(values)),
    ...parseAdmission(values),
    ...parseSlots(values),
    ...parseRepeating(values),
    ...parseRunning(values),
    notes,
  };
  return { options, goesToBackground: values.flag('D') && !options.isBackground };
}
