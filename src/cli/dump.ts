import { runDumpCommand } from '../pipeline/dump.ts';

/** `weir dump`: nfdump's command line, handed over untouched. */
export async function dumpCommand(argv: string[]): Promise<number> {
  return runDumpCommand(argv);
}
