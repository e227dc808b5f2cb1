import { NFANON_MAPPINGS, parseAnonymizerKey } from '../anonymize/crypto-pan.ts';
import { flagOption, type OptionTable, valueOption } from '../config/option.ts';
import { UserError } from '../flow/user-error.ts';
import { type AnonymizeOptions, runAnonymize } from '../pipeline/archive/anonymize.ts';
import { plainLog } from '../pipeline/daemon/log.ts';
import { StopSignal } from '../pipeline/daemon/stop-signal.ts';
import { commandParser } from './parse.ts';
import { readOptions } from './read-options.ts';
import { parseSelection, selectionOptions } from './selection.ts';

const storeOptions: OptionTable = {
  K: valueOption('key of CryptoPAn, as nfanon has it: 32 characters, or 0x and 64 hexadecimal digits'),
  nfanon: valueOption('map IPv6 as nfanon does: 1.7.8 and all versions before, or later', '1.7.8'),
  w: valueOption('write flow files below this directory; with -M below one of the name of each source'),
  S: valueOption('sub-directories for flow files, 0 to 8 as in nfcapd', '1'),
  force: flagOption('make slots anew that are there already'),
};

/** `weir anonymize`: see `runAnonymize` for what it does. */
export async function anonymizeCommand(argv: string[]): Promise<number> {
  const options = await parseAnonymizeArguments(argv);
  if (options === undefined) return 0;
  const signal = new StopSignal();
  try {
    return await runAnonymize(options, signal, plainLog);
  } finally {
    signal.release();
  }
}

/** Options of a command line; undefined when it only asked for help or the version. */
async function parseAnonymizeArguments(argv: string[]): Promise<AnonymizeOptions | undefined> {
  const parser = commandParser(argv, 'anonymize').usage(
    'weir anonymize (-r FILE|DIR | -R RANGE) [-M DIRS] -w DIR -K KEY [options]',
  );
  const read = await readOptions(parser, {
    'Flow files that are read': selectionOptions,
    'Flow files that are written': storeOptions,
  });
  if (read === undefined) return undefined;
  const { values, operands } = read;
  if (operands.length > 0) throw new UserError(`weir anonymize takes no "${operands[0]}"; see weir anonymize --help`);
  const [directory, key] = [values.text('w'), values.text('K')];
  if (directory === undefined) throw new UserError('where to? give -w DIR; see weir anonymize --help');
  if (key === undefined) throw new UserError('with which key? give -K KEY; see weir anonymize --help');
  return {
    ...parseSelection(values, 'anonymize'),
    directory,
    layout: values.whole('S', 0, 8),
    key: parseAnonymizerKey(key),
    mapping: values.choice('nfanon', NFANON_MAPPINGS),
    force: values.flag('force'),
  };
}
