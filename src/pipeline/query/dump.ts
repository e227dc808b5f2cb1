import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, normalize } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { addon } from '../../addon/addon.ts';
import { FlowBatchPool } from '../../flow/batch.ts';
import { UserError } from '../../flow/user-error.ts';
import { FlowFileError } from '../../import/flow-file-error.ts';
import { isNfcapdFile, NfcapdFile } from '../../import/nfcapd-file.ts';
import { readNfcapd } from '../../import/nfcapd-flows.ts';
import { parseDumpArguments } from '../../query/arguments.ts';
import { type DumpSurroundings, runDump } from '../../query/dump.ts';
import { orElsewhere, type RateCorrection } from '../../query/flow-files.ts';
import { SPILL_DIRECTORY } from '../../query/spill.ts';
import { exporterWords, ratesOfFiles } from '../../store/sampling-rates.ts';
import { chooseSegments } from '../../store/segment-files.ts';
import { IDENT_KEY, segmentInfo, segmentStats } from '../../store/segment-metadata.ts';
import { SlotArchive } from '../../store/slot-archive.ts';
import { DEFAULT_INTERVAL_SECONDS, parseSlotTime, segmentTime } from '../../store/slots.ts';
import { namesBeside } from '../collect/names-file.ts';
import { describeShare, ProgressLine, SHORT_ANSWER_MS } from '../daemon/progress.ts';
import { endsWithout } from './ends-without.ts';
import { FlowFile, rewriteFlowFile, StreamedFlowFile } from './flow-file.ts';

const STANDARD_STREAM = '-';
/** What is asked of the files themselves, not of the flows in them. */
const ON_FILES = ['rewrite', 'verify', 'help', 'check', 'plan'];

/** Answers one `weir dump` command line on the streams of this process. Returns the exit status. */
export async function runDumpCommand(argv: readonly string[]): Promise<number> {
  const options = parseDumpArguments(argv);
  const needsFiles = !['help', 'check', 'plan'].includes(options.action);
  const named = options.range !== undefined || (options.read !== undefined && options.read !== STANDARD_STREAM);
  const { read, sources, action } = options;
  const isForeign =
    named && !ON_FILES.includes(action) && sources === undefined && read !== undefined && (await isNfcapdFile(read));
  if (!isForeign && (named || !needsFiles || process.stdin.isTTY)) {
    const release = endsWithout(SPILL_DIRECTORY);
    try {
      return await runDump(options, dumpSurroundings(process));
    } finally {
      release();
    }
  }
  const directory = await mkdtemp(join(tmpdir(), 'weir-dump-'));
  const release = endsWithout(SPILL_DIRECTORY, directory);
  try {
    // As nfdump: without -r and -R the flow file comes on standard input.
    const file = isForeign ? read : await spool(process.stdin, directory);
    const path = (await isNfcapdFile(file)) ? await segmentOf(file, directory) : file;
    return await runDump({ ...options, read: path }, dumpSurroundings(process));
  } finally {
    release();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Parquet is read from its end, so a stream has to become a file. */
async function spool(input: Readable, directory: string): Promise<string> {
  const path = join(directory, 'standard-input.parquet');
  await pipeline(input, createWriteStream(path));
  return path;
}

/** A segment below a directory with the flows of an nfcapd file. */
async function segmentOf(file: string, directory: string): Promise<string> {
  const log = (message: string) => process.stderr.write(`${message}\n`);
  const archive = await SlotArchive.open({ directory: join(directory, 'flows'), layout: 0, indexed: false, log });
  try {
    const opened = await NfcapdFile.open(file);
    await opened.close();
    const ident = opened.ident || 'none';
    const slot = await archive.begin({ startMs: 0, intervalSeconds: DEFAULT_INTERVAL_SECONDS, ident });
    await readNfcapd(file, new FlowBatchPool(), (batch) => slot.append(batch));
    return await slot.seal();
  } catch (error) {
    throw error instanceof FlowFileError ? new UserError(`${file}: ${error.message}`, { cause: error }) : error;
  } finally {
    await archive.close();
  }
}

/** Files as the store names them, on the given streams. */
export function dumpSurroundings(streams: Pick<DumpSurroundings, 'stdout' | 'stderr'>): DumpSurroundings {
  const { stdout, stderr } = streams;
  return {
    stdout,
    stderr,
    chooseFiles: async (selection) => (await chooseSegments(selection)).map(({ path }) => path),
    lookBelow: async ({ read, range, sources }) => {
      const directory = range ?? read;
      // A colon in -R stands between the ends of a range.
      if (directory === undefined || sources !== undefined || (range !== undefined && read !== undefined))
        return undefined;
      if (range?.includes(':')) return undefined;
      const top = normalize(directory);
      return (await orElsewhere(() => addon().openScanBelow(top === '.' ? '' : top))) ?? undefined;
    },
    identify: async (path) => {
      const digits = segmentTime(basename(path));
      const info = await segmentInfo(path);
      return {
        ident: info.metadata[IDENT_KEY] ?? 'none',
        startMs: digits === undefined ? undefined : parseSlotTime(digits),
        sequenceErrors: segmentStats(info)?.sequenceErrors ?? 0,
      };
    },
    corrections: rateCorrections,
    openPlaces: async (paths) => new (await import('../../enrich/place-database.ts')).PlaceDatabase(paths),
    watch: (share) => new ProgressLine(stderr, () => describeShare(share()), SHORT_ANSWER_MS),
    namesBeside,
    openFlowFile: async ({ write, compression, ident }) =>
      write === STANDARD_STREAM
        ? StreamedFlowFile.open(stdout, { compression, ident })
        : new FlowFile(write!, { compression, ident }),
    rewriteFlowFile,
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
