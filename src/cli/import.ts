import { type OptionTable, valueOption } from '../config/option.ts';
import { type ImportOptions, runImport } from '../pipeline/archive/import.ts';
import { plainLog } from '../pipeline/daemon/log.ts';
import { StopSignal } from '../pipeline/daemon/stop-signal.ts';
import { commandParser } from './parse.ts';
import { readOptions } from './read-options.ts';
import { parseSelection, selectionOptions } from './selection.ts';
import { parseStoreOutput, storeOutputOptions } from './store-output.ts';

const storeOptions: OptionTable = {
  ...storeOutputOptions,
  t: valueOption('seconds a flow file covers [default: as most of the files are apart]'),
  I: valueOption('ident stored in flow files [default: the one in the file]'),
};

/** `weir import`: see `runImport` for what it does; exit status 0, 1 when a file was left out. */
export async function importCommand(argv: string[]): Promise<number> {
  const options = await parseImportArguments(argv);
  if (options === undefined) return 0;
  const signal = new StopSignal();
  try {
    return await runImport(options, signal, plainLog);
  } finally {
    signal.release();
  }
}

/** Options of a command line; undefined when it only asked for help or the version. */
async function parseImportArguments(argv: string[]): Promise<ImportOptions | undefined> {
  const parser = commandParser(argv, 'import').usage('weir import (-r FILE|DIR | -R RANGE) [-M DIRS] -w DIR [options]');
  const read = await readOptions(parser, {
    'Files of nfcapd': selectionOptions,
    'Flow files': storeOptions,
  });
  if (read === undefined) return undefined;
  const { values, operands } = read;
  const output = parseStoreOutput(values, operands, 'import');
  const [intervalSeconds, ident] = [values.wholeIfGiven('t', 1, 86_400), values.text('I')];
  return {
    ...parseSelection(values, 'import'),
    ...output,
    ...(intervalSeconds === undefined ? {} : { intervalSeconds }),
    ...(ident === undefined ? {} : { ident }),
  };
}
