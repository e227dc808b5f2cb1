import { type OptionTable, valueOption } from '../config/option.ts';
import { runTop, type TopOptions } from '../pipeline/query/top.ts';
import { commandParser } from './parse.ts';
import { readOptions } from './read-options.ts';
import { parseStores, storeOptions } from './stores.ts';

const tableOptions: OptionTable = {
  s: valueOption('statistic[/order] of weir dump -s', 'srcip/bytes'),
  n: valueOption('rows where the output is no terminal', '20'),
  w: valueOption('seconds back that flows count', '300'),
  d: valueOption('seconds from one look to the next', '2'),
};

/** `weir top`: see `runTop` for what it does. */
export async function topCommand(argv: string[]): Promise<number> {
  const options = await parseTopArguments(argv);
  return options === undefined ? 0 : runTop(options, process);
}

/** Options of a command line; undefined when it only asked for help or the version. */
export async function parseTopArguments(argv: string[]): Promise<TopOptions | undefined> {
  const parser = commandParser(argv, 'top')
    .usage('weir top (-r DIR | -M DIR/A:B) [options] [FILTER]')
    .epilogue('Keys: s next statistic, t type one, o next order, w window, f filter, space pause, q quit');
  const read = await readOptions(parser, { 'Running store': storeOptions, Table: tableOptions });
  if (read === undefined) return undefined;
  const { values, operands } = read;
  const [statistic = '', order = 'bytes'] = values.text('s')!.split('/');
  return {
    stores: await parseStores(values, 'top'),
    statistic,
    order,
    filter: operands.join(' '),
    windowSeconds: values.whole('w', 1, 86_400),
    everySeconds: values.whole('d', 1, 3600),
    rows: values.whole('n', 1, 10_000),
  };
}
