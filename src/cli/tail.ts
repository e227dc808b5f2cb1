import { flagOption, type OptionTable, valueOption } from '../config/option.ts';
import { runTail, type TailOptions } from '../pipeline/query/tail.ts';
import { commandParser } from './parse.ts';
import { readOptions } from './read-options.ts';
import { parseStores, storeOptions } from './stores.ts';

const printOptions: OptionTable = {
  o: valueOption('format of weir dump -o', 'line'),
  q: flagOption('no header'),
  N: flagOption('plain numbers'),
  unscaled: flagOption('counters as exported, not multiplied by the sampling rate'),
  back: valueOption('flows of so many seconds before come first', '0'),
};

/** `weir tail`: see `runTail` for what it does. */
export async function tailCommand(argv: string[]): Promise<number> {
  const options = await parseTailArguments(argv);
  return options === undefined ? 0 : runTail(options, process.stdout);
}

/** Options of a command line; undefined when it only asked for help or the version. */
export async function parseTailArguments(argv: string[]): Promise<TailOptions | undefined> {
  const parser = commandParser(argv, 'tail').usage('weir tail (-r DIR | -M DIR/A:B) [options] [FILTER]');
  const read = await readOptions(parser, { 'Running store': storeOptions, Printing: printOptions });
  if (read === undefined) return undefined;
  const { values, operands } = read;
  return {
    stores: await parseStores(values, 'tail'),
    filter: operands.join(' '),
    format: values.text('o')!,
    quiet: values.flag('q'),
    plainNumbers: values.flag('N'),
    unscaled: values.flag('unscaled'),
    backSeconds: values.whole('back', 0, 86_400),
  };
}
