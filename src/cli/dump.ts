import { runDumpCommand } from '../pipeline/query/dump.ts';

/** `weir dump`: nfdump's command line, handed over untouched. */
export async function dumpCommand(argv: string[]): Promise<number> {
  // What installers and front ends ask first.
  if (argv.length === 1 && argv[0] === '-V') {
    const { version } = await import('./version.ts');
    process.stdout.write(`weir dump: Version: ${version()}\n`);
    return 0;
  }
  return runDumpCommand(argv);
}
