import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FlowBatchPool } from '../flow/batch.ts';
import { UserError } from '../flow/user-error.ts';
import { FlowFileError } from '../import/flow-file-error.ts';
import { isNfcapdFile } from '../import/nfcapd-file.ts';
import { readNfcapd } from '../import/nfcapd-flows.ts';
import { parseDumpArguments } from '../query/arguments.ts';
import { runDump } from '../query/dump.ts';
import { chooseSegments, type FileSelection } from '../store/segment-files.ts';
import { SlotArchive } from '../store/slot-archive.ts';
import { DEFAULT_INTERVAL_SECONDS } from '../store/slots.ts';

/** Answers one `weir dump` command line on the streams of this process. Returns the exit status. */
export async function runDumpCommand(argv: readonly string[]): Promise<number> {
  let temporary: string | undefined;
  const chooseFiles = async (selection: FileSelection): Promise<string[]> => {
    const paths = (await chooseSegments(selection)).map(({ path }) => path);
    const [first] = paths;
    if (selection.read === undefined || paths.length !== 1 || !(await isNfcapdFile(first!))) return paths;
    temporary = await mkdtemp(join(tmpdir(), 'weir-dump-'));
    return [await segmentOf(first!, temporary)];
  };
  try {
    return await runDump(parseDumpArguments(argv), { stdout: process.stdout, stderr: process.stderr, chooseFiles });
  } finally {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  }
}

/** A segment with the flows of an nfcapd file, in a directory that is empty. */
async function segmentOf(file: string, directory: string): Promise<string> {
  const log = (message: string) => process.stderr.write(`${message}\n`);
  const archive = await SlotArchive.open({ directory, layout: 0, log });
  try {
    const slot = await archive.begin({ startMs: 0, intervalSeconds: DEFAULT_INTERVAL_SECONDS, ident: 'none' });
    await readNfcapd(file, new FlowBatchPool(), (batch) => slot.append(batch));
    return await slot.seal();
  } catch (error) {
    throw error instanceof FlowFileError ? new UserError(`${file}: ${error.message}`, { cause: error }) : error;
  } finally {
    await archive.close();
  }
}
