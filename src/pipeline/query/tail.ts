import { basename } from 'node:path';
import { UserError } from '../../flow/user-error.ts';
import { lookAtFiles } from '../../query/flow-files.ts';
import { parseStreamFormat } from '../../query/flow-printer.ts';
import { FlowFollower } from '../../query/follow.ts';
import { LeftOut } from '../../query/left-out.ts';
import { OutputSink, ReaderGone } from '../../query/output/sink.ts';
import { planSelection } from '../../query/planner.ts';
import { segmentTime } from '../../store/slots.ts';
import { rateCorrections } from './dump.ts';
import { NewFiles } from './new-files.ts';

export interface TailOptions {
  readonly stores: readonly string[];
  readonly filter: string;
  readonly format: string;
  readonly quiet: boolean;
  readonly plainNumbers: boolean;
  readonly unscaled: boolean;
  /** Flows from this long ago are printed first. */
  readonly backSeconds: number;
}

/** `weir tail`: prints flows of running stores as they become readable, until a signal ends it or its reader goes. */
export async function runTail(options: TailOptions, stdout: NodeJS.WritableStream): Promise<number> {
  const selection = await planSelection(
    { filter: options.filter, filterFile: undefined, window: undefined, overlap: false, limit: undefined },
    options.unscaled ? 'stored' : 'scaled',
  );
  const { quiet, plainNumbers } = options;
  const sink = new OutputSink(stdout as NodeJS.WriteStream);
  const follower = new FlowFollower(
    { selection, format: parseStreamFormat(options.format), plainNumbers, quiet },
    sink,
  );
  const leftOut = new LeftOut((message) => process.stderr.write(`${message}\n`));
  const files = new NewFiles(options.stores, Date.now() - options.backSeconds * 1000);
  try {
    await files.start(options.backSeconds > 0);
    for (;;) {
      for (const path of await files.next()) {
        const sinceMs = files.sinceMs(path);
        const latestMs = await readNew(follower, path, sinceMs, leftOut);
        if (latestMs !== undefined) files.done(path, latestMs);
      }
    }
  } catch (error) {
    if (error instanceof ReaderGone) return 0;
    throw error;
  } finally {
    files.close();
  }
}

/** Undefined for a damaged file, and for a part that has gone: its flows are in the file of its slot by now. */
async function readNew(
  follower: FlowFollower,
  path: string,
  sinceMs: number,
  leftOut: LeftOut,
): Promise<number | undefined> {
  const print = async () => follower.print(await lookAtFiles([path], await rateCorrections([path]), leftOut), sinceMs);
  try {
    return await leftOut.askOfAny(print, () => follower.takeBack());
  } catch (error) {
    if (error instanceof UserError && segmentTime(basename(path)) === undefined) return undefined;
    throw error;
  }
}
