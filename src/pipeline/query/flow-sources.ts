import { basename, dirname, join } from 'node:path';
import { UserError } from '../../flow/user-error.ts';
import { nfcapdNaming, nfcapdSlotMs } from '../../import/nfcapd-names.ts';
import { chooseFiles, chooseSegments, type FileSelection } from '../../store/segment-files.ts';
import { DEFAULT_INTERVAL_SECONDS, SEGMENT_SUFFIX, segmentName, slotTime } from '../../store/slots.ts';
import { MissingSources } from './missing-sources.ts';
import { TemporaryDirectory } from './temporary-directory.ts';

/** Whether a file is one of nfcapd; what reads these is only loaded for names that leave it open. */
export async function isOfNfcapd(path: string): Promise<boolean> {
  return (await import('../../import/nfcapd-file.ts')).isNfcapdFile(path);
}

/** From so many files of nfcapd on a store of their flows is worth a word. */
const MANY_FILES = 50;

/**
 * The files that a question names: segments; slots of a store under the names that nfcapd gives them (`nfcapd.TIME`, in
 * local time); files of nfcapd, whose flows are copied to segments in a temporary directory until `close`.
 */
export class FlowSources {
  private readonly log: (message: string) => void;
  private directory: TemporaryDirectory | undefined;
  private copies = 0;
  readonly missing: MissingSources;

  constructor(log: (message: string) => void) {
    this.log = log;
    this.missing = new MissingSources(log);
  }

  /** Paths of segments, in the order of their names. */
  async choose(selection: FileSelection): Promise<string[]> {
    return this.asSegments(await this.find(selection));
  }

  /** Paths of segments or files of nfcapd, as they are. */
  async find(asked: FileSelection): Promise<string[]> {
    const selection = { ...asked, missing: this.missing.tell };
    const found = await attempt(() => chooseSegments(selection));
    if (found.files.length > 0) return found.files;
    const bySlot = await attempt(() => chooseSegments(underSlotNames(selection)));
    if (bySlot.files.length > 0) return bySlot.files;
    const foreign = await attempt(() => chooseFiles(selection, nfcapdNaming));
    if (foreign.files.length === 0 && found.refusal !== undefined) throw found.refusal;
    return foreign.files;
  }

  private async asSegments(paths: readonly string[]): Promise<string[]> {
    if (paths.length >= MANY_FILES && !paths.some((path) => path.endsWith(SEGMENT_SUFFIX))) {
      this.log(`${paths.length} files of nfcapd are read one by one: weir import makes a store of them`);
    }
    const segments: string[] = [];
    for (const path of paths) {
      const isForeign = !path.endsWith(SEGMENT_SUFFIX) && (await isOfNfcapd(path));
      segments.push(isForeign ? await this.copyOf(path) : path);
    }
    return segments;
  }

  /** A segment with the flows of an nfcapd file. */
  async copyOf(file: string): Promise<string> {
    const { copyNfcapdFile } = await import('./nfcapd-copy.ts');
    return copyNfcapdFile(file, join(await this.temporary(), String(this.copies++)), this.log);
  }

  /** A directory that is gone after `close`. */
  async temporary(): Promise<string> {
    this.directory ??= await TemporaryDirectory.make('dump');
    return this.directory.path;
  }

  async close(): Promise<void> {
    await this.directory?.remove();
  }
}

/** Paths, or why there are none. */
async function attempt(
  choose: () => Promise<readonly { readonly path: string }[]>,
): Promise<{ files: string[]; refusal?: UserError }> {
  try {
    return { files: (await choose()).map(({ path }) => path) };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { files: [], refusal: error };
  }
}

/** Names of nfcapd as those of the slots that begin at the same time. */
function underSlotNames({ read, range, ...others }: FileSelection): FileSelection {
  return { ...others, read: read && slotName(read), range: range?.split(':').map(slotName).join(':') };
}

function slotName(path: string): string {
  const name = basename(path);
  const startMs = nfcapdSlotMs(name);
  if (startMs === undefined || name.endsWith(SEGMENT_SUFFIX)) return path;
  const isShort = nfcapdNaming.time(name)!.length > 12;
  const directory = dirname(path);
  const slot = segmentName(slotTime(startMs, isShort ? 1 : DEFAULT_INTERVAL_SECONDS));
  return directory === '.' && !path.startsWith('.') ? slot : join(directory, slot);
}
