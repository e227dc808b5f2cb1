import { NFANON_MAPPINGS, parseAnonymizerKey } from '../anonymize/crypto-pan.ts';
import { type OptionTable, valueOption } from '../config/option.ts';
import { UserError } from '../flow/user-error.ts';
import { type AnonymizeOptions, runAnonymize } from '../pipeline/archive/anonymize.ts';
import { plainLog } from '../pipeline/daemon/log.ts';
import { StopSignal } from '../pipeline/daemon/stop-signal.ts';
import { commandParser } from './parse.ts';
import { readOptions } from './read-options.ts';
import { parseSelection, selectionOptions } from './selection.ts';
import { parseStoreOutput, storeOutputOptions } from './store-output.ts';

const storeOptions: OptionTable = {
  K: valueOption('key of CryptoPAn, as nfanon has it: 32 characters, or 0x and 64 hexadecimal digits'),
  nfanon: valueOption('map IPv6 as nfanon does: 1.7.8 and all versions before, or later', '1.7.8'),
  ...storeOutputOptions,
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
  const output = parseStoreOutput(values, operands, 'anonymize');
  const key = values.text('K');
  if (key === undefined) throw new UserError('with which key? give -K KEY; see weir anonymize --help');
  return {
    ...parseSelection(values, 'anonymize'),
    ...output,
    key: parseAnonymizerKey(key),
    mapping: values.choice('nfanon', NFANON_MAPPINGS),
  };
}
