import { lookAhead } from '../pipeline/query/look-below.ts';
import { parseDumpArguments } from '../query/arguments.ts';

/** What installers and front ends compare is the version of nfdump whose command line and text this is. */
const LIKE_NFDUMP = '1.7.8';

/** `weir dump`: nfdump's command line, handed over untouched. */
export async function dumpCommand(argv: string[]): Promise<number> {
  const options = parseDumpArguments(argv);
  if (options.action === 'version') {
    const { version } = await import('./version.ts');
    process.stdout.write(`weir dump: Version: ${LIKE_NFDUMP} of nfdump's command line, by weir ${version()}\n`);
    return 0;
  }
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
