import { UserError } from '../flow/user-error.ts';
import { runExporters } from '../pipeline/query/exporters.ts';
import { commandParser, last } from './parse.ts';

/** `weir exporters`: see `runExporters` for what it does. */
export async function exportersCommand(argv: string[]): Promise<number> {
  const args = await commandParser(argv, 'exporters')
    .usage('weir exporters -r DIR [-o table|json]')
    .option('r', { type: 'string', requiresArg: true, describe: 'directory that a weir collect writes to (-w or -M)' })
    .option('o', { type: 'string', requiresArg: true, default: 'table', describe: 'table or json' })
    .parse();
  if (args['help'] === true || args['version'] === true) return 0;
  const directory = last(args['r']) ?? (args._[0] === undefined ? undefined : String(args._[0]));
  if (directory === undefined) throw new UserError('whose exporters? give -r DIR; see weir exporters --help');
  const output = last(args['o']);
  if (output !== 'table' && output !== 'json') throw new UserError(`-o takes table or json, not "${output}"`);
  return runExporters({ directory, output }, (text) => process.stdout.write(text));
}
