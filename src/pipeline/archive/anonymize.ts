import { resolve, sep } from 'node:path';
import type { NfanonMapping } from '../../anonymize/crypto-pan.ts';
import { FlowAnonymizer } from '../../anonymize/flow-anonymizer.ts';
import { FlowBatch } from '../../flow/batch.ts';
import { identOf } from '../../flow/ident.ts';
import { UserError } from '../../flow/user-error.ts';
import { ChunkCopier } from '../../query/chunk-batch.ts';
import { FlowReader } from '../../query/flow-reader.ts';
import { LeftOut } from '../../query/left-out.ts';
import { chooseSegments, type FileSelection } from '../../store/segment-files.ts';
import { INTERVAL_KEY, SLOT_KEY, segmentInfo } from '../../store/segment-metadata.ts';
import { SlotArchive } from '../../store/slot-archive.ts';
import { parseSlotTime } from '../../store/slots.ts';
import { type Log, plural, scaled } from '../daemon/log.ts';
import type { StopSignal } from '../daemon/stop-signal.ts';
import { sourcesOf } from './sources.ts';

export interface AnonymizeOptions extends FileSelection {
  /** Directory of the new store; with `sources` each has one below it. */
  directory: string;
  layout: number;
  /** 32 octets. */
  key: Uint8Array;
  mapping: NfanonMapping;
  /** Slots that are there already are made anew. */
  force: boolean;
}

/** A slot of the store that is read: one file, or the parts of one that is running. */
interface StoredSlot {
  readonly startMs: number;
  readonly intervalSeconds: number;
  readonly ident: string;
  readonly files: string[];
}

/**
 * Writes a store with the same slots and flows, whose addresses are anonymous. Returns the exit status: 0, or 1 when a
 * signal came first or a file is damaged.
 */
export async function runAnonymize(options: AnonymizeOptions, signal: StopSignal, log: Log): Promise<number> {
  const startedMs = performance.now();
  const anonymizer = new FlowAnonymizer(options.key, options.mapping);
  const counts = { flows: 0, slots: 0, slotsThere: 0 };
  const leftOut = new LeftOut(log);
  let stopped = false;
  signal.stops(() => {
    stopped = true;
  });
  for (const { files, directory } of await sourcesOf(options, chooseSegments, 'flow files')) {
    refuseInPlace(files, directory);
    const archive = await SlotArchive.open({ directory, layout: options.layout, indexed: true, log });
    try {
      for (const slot of await slotsOf(files, leftOut)) {
        if (stopped) break;
        if (!options.force && archive.has(slot.startMs, slot.intervalSeconds)) {
          counts.slotsThere++;
          continue;
        }
        const flows = await leftOut.askOfAny(
          () => rewrite(slot, archive, anonymizer, leftOut),
          () => true,
        );
        if (flows === undefined) continue;
        counts.flows += flows;
        counts.slots++;
      }
    } finally {
      await archive.close();
    }
  }
  const seconds = (performance.now() - startedMs) / 1000;
  const rate = scaled(counts.flows / Math.max(seconds, 1e-3));
  log(`${plural(counts.flows, 'flow')} in ${plural(counts.slots, 'slot')}, ${seconds.toFixed(2)} s (${rate} flows/s)`);
  if (counts.slotsThere > 0) {
    log(`  ${plural(counts.slotsThere, 'slot')} were there already: --force makes them anew`);
  }
  if (stopped) log('stopped by a signal: the same command goes on with the slots that are missing');
  return stopped || leftOut.count > 0 ? 1 : 0;
}

/** Whoever reads a store must not find flows of both kinds in it. */
function refuseInPlace(files: readonly string[], directory: string): void {
  const below = resolve(directory) + sep;
  const inside = files.find((file) => resolve(file).startsWith(below));
  if (inside !== undefined) throw new UserError(`-w ${directory} holds ${inside}: give a directory of its own`);
}

async function slotsOf(files: readonly string[], leftOut: LeftOut): Promise<StoredSlot[]> {
  const slots = new Map<string, StoredSlot>();
  for (const file of files) {
    const info = await segmentInfo(file).catch(({ message }: Error) => leftOut.add({ path: file, message }));
    if (info === undefined) continue;
    const { metadata } = info;
    const time = metadata[SLOT_KEY] ?? '';
    const startMs = parseSlotTime(time);
    const intervalSeconds = Number(metadata[INTERVAL_KEY]);
    if (startMs === undefined || !(intervalSeconds >= 1)) throw new UserError(`${file}: not a flow file of weir`);
    const slot = slots.get(time);
    if (slot === undefined) {
      slots.set(time, { startMs, intervalSeconds, ident: identOf(metadata), files: [file] });
    } else slot.files.push(file);
  }
  return [...slots.values()].sort((a, b) => a.startMs - b.startMs);
}

async function rewrite(
  stored: StoredSlot,
  archive: SlotArchive,
  anonymizer: FlowAnonymizer,
  leftOut: LeftOut,
): Promise<number> {
  const reader = await FlowReader.open(stored.files, undefined, leftOut);
  const slot = await archive.begin(stored);
  let written: Promise<void> = Promise.resolve();
  try {
    await reader.check();
    // Elements without a column may be addresses and names of people: they stay behind.
    const copier = new ChunkCopier(reader.columns.filter((name) => name !== 'extra'));
    let batch = new FlowBatch();
    let other = new FlowBatch();
    let flows = 0;
    const hand = async (): Promise<void> => {
      anonymizer.apply(batch);
      flows += batch.rows;
      await written;
      written = slot.append(batch);
      written.catch(() => undefined);
      [batch, other] = [other, batch];
    };
    for await (const chunk of reader.flows()) {
      for (let from = 0; from < chunk.rows; ) {
        const to = Math.min(chunk.rows, from + batch.capacity - batch.rows);
        copier.append(batch, chunk, from, to);
        from = to;
        if (!batch.isFull) continue;
        await hand();
        batch.reset();
      }
    }
    await hand();
    await written;
    await slot.seal();
    return flows;
  } catch (error) {
    await written.catch(() => undefined);
    await slot.discard();
    throw error;
  } finally {
    reader.close();
  }
}
