import { basename } from 'node:path';
import { FlowBatchPool } from '../../flow/batch.ts';
import { YEAR_10000_MS } from '../../flow/time.ts';
import { FlowFileError } from '../../import/flow-file-error.ts';
import { NfcapdFile } from '../../import/nfcapd-file.ts';
import { firstFlowMs, readNfcapd } from '../../import/nfcapd-flows.ts';
import { nfcapdNaming, nfcapdSlotMs, usualInterval } from '../../import/nfcapd-names.ts';
import { chooseFiles, type FileSelection } from '../../store/segment-files.ts';
import { type ArchiveSlot, SlotArchive } from '../../store/slot-archive.ts';
import { DEFAULT_INTERVAL_SECONDS, slotStart } from '../../store/slots.ts';
import { type Log, plural, scaled } from '../daemon/log.ts';
import type { StopSignal } from '../daemon/stop-signal.ts';
import { sourcesOf } from './sources.ts';

export interface ImportOptions extends FileSelection {
  /** Directory of the store; with `sources` each has one below it. */
  directory: string;
  layout: number;
  /** Default: as most files are apart. */
  intervalSeconds?: number;
  /** Default: the one in the file. */
  ident?: string;
  /** Slots that are there already are made anew. */
  force: boolean;
}

/** What an import did. */
interface ImportCounts {
  flows: number;
  files: number;
  slots: number;
  /** Slots that were there already, and the files of these. */
  slotsThere: number;
  filesThere: number;
  filesBad: number;
  readonly lost: Map<string, number>;
}

/** So far may the times of a file's flows lie from its name before the name is not believed. */
const NAME_SLACK_MS = 900_000;

/**
 * Reads nfcapd files and writes them as slots of a store: those of one slot become one segment. A file that is damaged
 * is named and left out as a whole. Returns the exit status: 0, or 1 when a file was left out or a signal came.
 */
export async function runImport(options: ImportOptions, signal: StopSignal, log: Log): Promise<number> {
  const startedMs = performance.now();
  const counts: ImportCounts = {
    flows: 0,
    files: 0,
    slots: 0,
    slotsThere: 0,
    filesThere: 0,
    filesBad: 0,
    lost: new Map(),
  };
  let stopped = false;
  signal.stops(() => {
    stopped = true;
  });
  for (const { files, directory } of await sourcesOf(
    options,
    (selection) => chooseFiles(selection, nfcapdNaming),
    'files of nfcapd',
  )) {
    const importer = new Importer({ ...options, directory }, counts, log, () => stopped);
    await importer.run(files);
  }
  for (const line of describeImported(counts, (performance.now() - startedMs) / 1000)) log(line);
  if (stopped) log('stopped by a signal: the same command goes on with the slots that are missing');
  return counts.filesBad > 0 || stopped ? 1 : 0;
}

interface SlotFiles {
  readonly startMs: number;
  readonly files: string[];
}

class Importer {
  private readonly options: ImportOptions;
  private readonly counts: ImportCounts;
  private readonly log: Log;
  private readonly isStopped: () => boolean;
  private readonly pool = new FlowBatchPool();

  constructor(options: ImportOptions, counts: ImportCounts, log: Log, isStopped: () => boolean) {
    this.options = options;
    this.counts = counts;
    this.log = log;
    this.isStopped = isStopped;
  }

  async run(files: readonly string[]): Promise<void> {
    const { directory, layout, force, intervalSeconds = intervalOf(files) } = this.options;
    const archive = await SlotArchive.open({ directory, layout, indexed: true, log: this.log });
    try {
      for (const slot of await this.slots(files, intervalSeconds)) {
        if (this.isStopped()) return;
        if (!force && archive.has(slot.startMs, intervalSeconds)) {
          this.counts.slotsThere++;
          this.counts.filesThere += slot.files.length;
        } else {
          await this.importSlot(archive, slot, intervalSeconds);
        }
      }
    } finally {
      await archive.close();
    }
  }

  /** Files by the slot they belong to, in the order of time. */
  private async slots(files: readonly string[], intervalSeconds: number): Promise<SlotFiles[]> {
    const slots = new Map<number, SlotFiles>();
    for (const file of files) {
      const ms = nfcapdSlotMs(basename(file)) ?? (await this.orBad(file, () => this.timeOf(file)));
      if (ms === undefined) continue;
      const startMs = slotStart(ms, intervalSeconds);
      const slot = slots.get(startMs);
      if (slot === undefined) slots.set(startMs, { startMs, files: [file] });
      else slot.files.push(file);
    }
    return [...slots.values()].sort((a, b) => a.startMs - b.startMs);
  }

  private async timeOf(file: string): Promise<number> {
    const firstMs = await firstFlowMs(file, this.pool);
    if (firstMs === 0 || firstMs >= YEAR_10000_MS)
      throw new FlowFileError('neither its name nor its flows have a time');
    return firstMs;
  }

  /** Makes a slot of its files; when one is damaged, once more without it: none of its flows may stay behind. */
  private async importSlot(
    archive: SlotArchive,
    { startMs, files }: SlotFiles,
    intervalSeconds: number,
  ): Promise<void> {
    let good = files;
    while (good.length > 0) {
      const ident = this.options.ident ?? (await this.orBad(good[0]!, () => this.identOf(good[0]!)));
      if (ident === undefined) {
        good = good.slice(1);
        continue;
      }
      const slot = await archive.begin({ startMs, intervalSeconds, ident });
      const counts = { flows: 0, lost: new Map<string, number>() };
      let bad: string | undefined;
      for (const file of good) {
        const content = await this.orBad(file, () => this.copy(file, slot, startMs, intervalSeconds * 1000));
        if (content === undefined) {
          bad = file;
          break;
        }
        counts.flows += content.flows;
        addUp(counts.lost, content.lost);
      }
      if (bad === undefined) {
        await slot.seal();
        this.counts.slots++;
        this.counts.files += good.length;
        this.counts.flows += counts.flows;
        addUp(this.counts.lost, counts.lost);
        return;
      }
      await slot.discard();
      good = good.filter((file) => file !== bad);
    }
  }

  private async identOf(file: string): Promise<string> {
    const opened = await NfcapdFile.open(file);
    await opened.close();
    return opened.ident || 'none';
  }

  private copy(file: string, slot: ArchiveSlot, startMs: number, intervalMs: number) {
    let isFirst = true;
    return readNfcapd(file, this.pool, async (batch) => {
      const receivedMs = batch.get('receivedMs')?.[0] ?? 0;
      if (isFirst && receivedMs !== 0 && nfcapdSlotMs(basename(file)) !== undefined) {
        if (receivedMs < startMs - NAME_SLACK_MS || receivedMs >= startMs + intervalMs + NAME_SLACK_MS) {
          const [named, is] = [startMs, receivedMs].map((ms) => new Date(ms).toISOString());
          throw new FlowFileError(
            `its name says ${named}, its flows ${is}: set TZ to the zone its writer had, or -t to the seconds a file covers`,
          );
        }
      }
      isFirst = false;
      await slot.append(batch);
    });
  }

  /** What `work` gives; undefined, and a line for the user, when the file is at fault. */
  private async orBad<T>(file: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof FlowFileError)) throw error;
      this.counts.filesBad++;
      this.log(`${file}: ${error.message}; left out`);
      return undefined;
    }
  }
}

function intervalOf(files: readonly string[]): number {
  const named = files.map((file) => nfcapdSlotMs(basename(file))).filter((ms) => ms !== undefined);
  return usualInterval(named) ?? DEFAULT_INTERVAL_SECONDS;
}

function addUp(sums: Map<string, number>, more: ReadonlyMap<string, number>): void {
  for (const [name, count] of more) sums.set(name, (sums.get(name) ?? 0) + count);
}

function describeImported(counts: ImportCounts, seconds: number): string[] {
  const { flows, files, slots, slotsThere, filesThere, filesBad, lost } = counts;
  const rate = scaled(flows / Math.max(seconds, 1e-3));
  const lines = [
    `imported ${plural(flows, 'flow')} from ${plural(files, 'file')} into ${plural(slots, 'slot')} in ${seconds.toFixed(2)} s (${rate} flows/s)`,
  ];
  if (slotsThere > 0) {
    lines.push(
      `  ${plural(slotsThere, 'slot')} (${plural(filesThere, 'file')}) were there already: --force makes them anew`,
    );
  }
  if (filesBad > 0) lines.push(`  ${plural(filesBad, 'file')} left out`);
  for (const [name, count] of [...lost].sort(([, a], [, b]) => b - a)) lines.push(`  not kept: ${name} of ${count}`);
  return lines;
}
