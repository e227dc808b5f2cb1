import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { parseDumpArguments } from '../query/arguments.ts';
import { type DumpSurroundings, runDump } from '../query/dump.ts';
import { chooseSegments } from '../store/segment-files.ts';
import { IDENT_KEY, segmentInfo } from '../store/segment-metadata.ts';
import { parseSlotTime, segmentTime } from '../store/slots.ts';
import { FlowFile, rewriteFlowFile, StreamedFlowFile } from './flow-file.ts';

const STANDARD_STREAM = '-';

/** Answers one `weir dump` command line on the streams of this process. Returns the exit status. */
export async function runDumpCommand(argv: readonly string[]): Promise<number> {
  const options = parseDumpArguments(argv);
  const needsFiles = !['help', 'check', 'plan'].includes(options.action);
  const named = options.range !== undefined || (options.read !== undefined && options.read !== STANDARD_STREAM);
  if (named || !needsFiles || process.stdin.isTTY) return runDump(options, dumpSurroundings(process));
  // As nfdump: without -r and -R the flow file comes on standard input.
  const directory = await mkdtemp(join(tmpdir(), 'weir-dump-'));
  try {
    const path = await spool(process.stdin, directory);
    return await runDump({ ...options, read: path }, dumpSurroundings(process));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Parquet is read from its end, so a stream has to become a file. */
async function spool(input: Readable, directory: string): Promise<string> {
  const path = join(directory, 'standard-input.parquet');
  await pipeline(input, createWriteStream(path));
  return path;
}

/** Files as the store names them, on the given streams. */
export function dumpSurroundings(streams: Pick<DumpSurroundings, 'stdout' | 'stderr'>): DumpSurroundings {
  const { stdout, stderr } = streams;
  return {
    stdout,
    stderr,
    chooseFiles: async (selection) => (await chooseSegments(selection)).map(({ path }) => path),
    identify: async (path) => {
      const digits = segmentTime(basename(path));
      const { metadata } = await segmentInfo(path);
      return {
        ident: metadata[IDENT_KEY] ?? 'none',
        startMs: digits === undefined ? undefined : parseSlotTime(digits),
      };
    },
    openFlowFile: async ({ write, compression, ident }) =>
      write === STANDARD_STREAM
        ? StreamedFlowFile.open(stdout, { compression, ident })
        : new FlowFile(write!, { compression, ident }),
    rewriteFlowFile,
  };
}
