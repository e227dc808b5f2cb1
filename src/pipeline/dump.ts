import { parseDumpArguments } from '../query/arguments.ts';
import { runDump } from '../query/dump.ts';
import { chooseSegments } from '../store/segment-files.ts';

/** Answers one `weir dump` command line on the streams of this process. Returns the exit status. */
export function runDumpCommand(argv: readonly string[]): Promise<number> {
  return runDump(parseDumpArguments(argv), {
    stdout: process.stdout,
    stderr: process.stderr,
    chooseFiles: async (selection) => (await chooseSegments(selection)).map(({ path }) => path),
  });
}
