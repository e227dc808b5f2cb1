import { parseDumpArguments } from '../query/arguments.ts';
import { runDump } from '../query/dump.ts';

/** `weir dump`: nfdump's command line, see `parseDumpArguments`. */
export async function dumpCommand(argv: string[]): Promise<number> {
  return runDump(parseDumpArguments(argv), { stdout: process.stdout, stderr: process.stderr });
}
