import { runDumpCommand } from '../pipeline/query/dump.ts';

/** `weir dump`: nfdump's command line, handed over untouched. */
export async function dumpCommand(argv: string[]): Promise<number> {
  return runDumpCommand(argv, async () => (await import('./version.ts')).version());
}
