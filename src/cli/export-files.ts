import { keyed, type OptionTable, valueOption } from '../config/option.ts';
import type { OptionValues } from '../config/option-values.ts';
import type { ExportOptions } from '../pipeline/export/options.ts';
import { layoutOf, subDirectoriesOption } from './sub-directories.ts';

/** Flows to files and to standard output. */
export const fileOptions: OptionTable = {
  w: keyed('directory', valueOption('write flow files below this directory')),
  t: keyed('interval', valueOption('seconds a flow file covers', '300')),
  S: keyed('sub-directories', subDirectoriesOption),
  I: keyed('ident', valueOption('ident stored in flow files', 'none')),
  o: keyed(
    'print',
    valueOption('print flows as they end: json (one object a line), csv, text, or any format of weir dump -o'),
  ),
};

type Files = Pick<ExportOptions, 'directory' | 'intervalSec' | 'layout' | 'ident' | 'print'>;

export function parseFiles(values: OptionValues): Files {
  const directory = values.text('w');
  const print = values.text('o');
  return {
    ...(directory === undefined ? {} : { directory }),
    intervalSec: values.whole('t', 1, 86_400),
    layout: layoutOf(values),
    ident: values.text('I') ?? 'none',
    ...(print === undefined ? {} : { print }),
  };
}
