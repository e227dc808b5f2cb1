import { UserError } from '../flow/user-error.ts';
import { runIndex } from '../pipeline/archive/index-stores.ts';
import { commandParser } from './parse.ts';

/** `weir index`: see `runIndex` for what it does. */
export async function indexCommand(argv: string[]): Promise<number> {
  const args = await commandParser(argv, 'index').usage('weir index DIR...').parse();
  if (args['help'] === true || args['version'] === true) return 0;
  const directories = args._.map(String);
  if (directories.length === 0) throw new UserError('which directory? give weir index DIR; see weir index --help');
  return runIndex(directories, (line) => process.stdout.write(`${line}\n`));
}
