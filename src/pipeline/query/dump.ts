import { createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { identOf } from '../../flow/ident.ts';
import { UserError } from '../../flow/user-error.ts';
import { type DumpSurroundings, runDump } from '../../query/dump.ts';
import type { RateCorrection } from '../../query/flow-files.ts';
import type { DumpOptions } from '../../query/options.ts';
import { removeSpillDirectories } from '../../query/spill.ts';
import { exporterWords, ratesOfFiles } from '../../store/sampling-rates.ts';
import { chooseSegments } from '../../store/segment-files.ts';
import { segmentInfo, segmentStats } from '../../store/segment-metadata.ts';
import { parseSlotTime, segmentTime } from '../../store/slots.ts';
import { namesBeside } from '../collect/names-file.ts';
import { describeShare, ProgressLine, SHORT_ANSWER_MS } from '../daemon/progress.ts';
import { endsWithout } from './ends-without.ts';
import { FlowSources, isOfNfcapd } from './flow-sources.ts';
import { lookBelow } from './look-below.ts';

const STANDARD_STREAM = '-';
/** What is asked of the files themselves, not of the flows in them. */
const ON_FILES = ['rewrite', 'verify', 'help', 'check', 'plan'];

/** Answers one `weir dump` command line on the streams of this process. Returns the exit status. `ahead`: see `lookAhead`. */
export async function runDumpCommand(options: DumpOptions, ahead = lookBelow): Promise<number> {
  const needsFiles = !['help', 'check', 'plan'].includes(options.action);
  const named = options.range !== undefined || (options.read !== undefined && options.read !== STANDARD_STREAM);
  const sources = new FlowSources((message) => process.stderr.write(`${message}\n`));
  const release = endsWithout(removeSpillDirectories);
  try {
    const surroundings = dumpSurroundings(process);
    if (named || !needsFiles || process.stdin.isTTY) {
      if (ON_FILES.includes(options.action)) {
        const chooseFiles: DumpSurroundings['chooseFiles'] = async (selection) =>
          ownFiles(await sources.find(selection));
        return (await runDump(options, { ...surroundings, chooseFiles })) || sources.missing.status;
      }
      const chooseFiles: DumpSurroundings['chooseFiles'] = (selection) => sources.choose(selection);
      return (await runDump(options, { ...surroundings, chooseFiles, lookBelow: ahead })) || sources.missing.status;
    }
    // As nfdump: without -r and -R the flow file comes on standard input.
    const file = await spool(process.stdin, await sources.temporary());
    const path = (await isOfNfcapd(file)) ? await sources.copyOf(file) : await ofParquet(file);
    return await runDump({ ...options, read: path }, surroundings);
  } finally {
    release();
    await sources.close();
  }
}

/** Files are changed and verified as they are, so those of nfcapd cannot be. */
async function ownFiles(paths: readonly string[]): Promise<readonly string[]> {
  for (const path of paths) {
    if (!(await isOfNfcapd(path))) continue;
    throw new UserError(`${path} is a file of nfcapd: weir reads it, but only weir import verifies and converts it`);
  }
  return paths;
}

/** Parquet is read from its end, so a stream has to become a file. */
async function spool(input: Readable, directory: string): Promise<string> {
  const path = join(directory, 'standard-input.parquet');
  await pipeline(input, createWriteStream(path));
  return path;
}

/** Says what standard input is not, instead of naming the file that it became. */
async function ofParquet(file: string): Promise<string> {
  try {
    await segmentInfo(file);
    return file;
  } catch (cause) {
    const what = (await stat(file)).size === 0 ? 'nothing' : 'no flow file';
    throw new UserError(`there is ${what} on standard input: give -r FILE or -R DIR; see weir dump --help`, { cause });
  }
}

/** Files as the store names them, on the given streams. */
export function dumpSurroundings(streams: Pick<DumpSurroundings, 'stdout' | 'stderr'>): DumpSurroundings {
  const { stdout, stderr } = streams;
  return {
    stdout,
    stderr,
    chooseFiles: async (selection) => (await chooseSegments(selection)).map(({ path }) => path),
    lookBelow,
    identify: async (path) => {
      const digits = segmentTime(basename(path));
      const info = await segmentInfo(path);
      return {
        ident: identOf(info.metadata),
        // Copies of files whose names have no time are of 1970.
        startMs: digits === undefined ? undefined : parseSlotTime(digits) || undefined,
        sequenceErrors: segmentStats(info)?.sequenceErrors ?? 0,
      };
    },
    corrections: rateCorrections,
    openPlaces: async (paths) => new (await import('../../enrich/place-database.ts')).PlaceDatabase(paths),
    openHostNames: async () => new (await import('../../enrich/reverse-names.ts')).ReverseNames(),
    watch: (share) => new ProgressLine(stderr, () => describeShare(share()), SHORT_ANSWER_MS),
    namesBeside,
    openFlowFile: async ({ write, compression, ident }) => {
      const { FlowFile, StreamedFlowFile } = await import('./flow-file.ts');
      return write === STANDARD_STREAM
        ? StreamedFlowFile.open(stdout, { compression, ident })
        : new FlowFile(write!, { compression, ident });
    },
    rewriteFlowFile: async (path, how) => (await import('./flow-file.ts')).rewriteFlowFile(path, how),
  };
}

/** Rates that operators have corrected in the stores of these files. */
export async function rateCorrections(paths: readonly string[]): Promise<readonly RateCorrection[]> {
  const stores = await ratesOfFiles(paths);
  return stores.flatMap(({ below, rules }) =>
    rules.map((rule) => ({
      exporter: exporterWords(rule),
      rate: rule.rate,
      fromMs: rule.fromMs,
      toMs: rule.toMs,
      below,
    })),
  );
}
