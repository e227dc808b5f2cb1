import { lookAhead } from '../pipeline/query/look-below.ts';
import { parseDumpArguments } from '../query/arguments.ts';

/** `weir dump`: nfdump's command line, handed over untouched. */
export async function dumpCommand(argv: string[]): Promise<number> {
  // What installers and front ends ask first.
  if (argv.length === 1 && argv[0] === '-V') {
    const { version } = await import('./version.ts');
    process.stdout.write(`weir dump: Version: ${version()}\n`);
    return 0;
  }
  const options = parseDumpArguments(argv);
  // Its files are read while the addon is being loaded.
  const code = import('../pipeline/query/dump.ts');
  const done = new AbortController();
  const ahead = options.action === 'dump' ? lookAhead(options, done.signal) : undefined;
  try {
    return await (await code).runDumpCommand(options, ahead);
  } finally {
    done.abort();
  }
}
