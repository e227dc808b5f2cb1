import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { finished } from 'node:stream/promises';
import { UserError } from '../../flow/user-error.ts';
import { printAnswer, type SqlFormat, writeParquet } from '../../query/ask/answer.ts';
import { SqlSession } from '../../query/ask/session.ts';
import type { SmallTable } from '../../query/ask/views.ts';
import { join as joinFilters } from '../../query/filter/tree.ts';
import { lookAtFiles } from '../../query/flow-files.ts';
import { bindIdents } from '../../query/ident-files.ts';
import { LeftOut } from '../../query/left-out.ts';
import { filesLeft } from '../../query/native/files-left.ts';
import { OutputSink, ReaderGone } from '../../query/output/sink.ts';
import type { Selection } from '../../query/plan.ts';
import { planSelection } from '../../query/planner.ts';
import { removeSpillDirectories } from '../../query/spill.ts';
import { chooseSegments, type FileSelection } from '../../store/segment-files.ts';
import { describeShare, ProgressLine, SHORT_ANSWER_MS } from '../daemon/progress.ts';
import { rateCorrections } from './dump.ts';
import { endsWithout } from './ends-without.ts';
import { MissingSources } from './missing-sources.ts';
import { collectorTables } from './sql-tables.ts';
import { TemporaryDirectory, writeFileTo } from './temporary-directory.ts';

export interface SqlOptions {
  readonly files: FileSelection;
  readonly statement: string;
  /** In nfdump's language: only these flows are in the view `flows`. */
  readonly filter: string;
  readonly window: string | undefined;
  readonly format: SqlFormat;
  /** A file; undefined for standard output. */
  readonly write: string | undefined;
  readonly memoryOctets: number | undefined;
}

type SqlStreams = Pick<NodeJS.Process, 'stdout' | 'stderr'>;

/** `weir sql`: answers one statement about flow files. Returns the exit status. */
export async function runSql(options: SqlOptions, streams: SqlStreams): Promise<number> {
  const { files, format, write } = options;
  const missing = new MissingSources((message) => streams.stderr.write(`${message}\n`));
  const paths = (await chooseSegments({ ...files, missing: missing.tell })).map(({ path }) => path);
  if (paths.length === 0) throw new UserError(`no flow files in ${files.read ?? files.range}`);
  const leftOut = new LeftOut((message) => streams.stderr.write(`${message}\n`));
  const asked = await planAsked(options);
  const toStream = format === 'parquet' && write === undefined;
  const directory = toStream ? await TemporaryDirectory.make('sql') : undefined;
  const target = directory === undefined ? write && resolve(write) : join(directory.path, 'answer.parquet');
  // What is there already stays until the answer is whole.
  const part = target && `${target}.part`;
  const release = endsWithout(removeSpillDirectories, ...(part === undefined ? [] : [part]));
  try {
    const tables = await collectorTables(paths);
    const question: SqlQuestion = { options, paths, asked, tables, part, streams, leftOut };
    let sink: OutputSink | undefined;
    const ask = () => answer(question, (opened) => (sink = opened));
    // A file is written anew.
    await leftOut.ask(ask, () => part !== undefined || sink === undefined || sink.takeBack());
    if (part !== undefined) await rename(part, target!);
    if (toStream) await writeFileTo(streams.stdout, target!);
    return leftOut.count === 0 ? missing.status : 1;
  } catch (error) {
    if (error instanceof ReaderGone) return 0;
    if (part !== undefined) await rm(part, { force: true });
    throw error;
  } finally {
    release();
    await directory?.remove();
  }
}

function planAsked({ filter, window }: SqlOptions): Promise<Selection> {
  return planSelection({ filter, filterFile: undefined, window, overlap: false, limit: undefined }, 'scaled');
}

/** A statement, and all that it takes to answer it; once more when a file turns out to be damaged. */
interface SqlQuestion {
  readonly options: SqlOptions;
  readonly paths: readonly string[];
  readonly asked: Selection;
  readonly tables: readonly SmallTable[];
  /** The file that the answer is written to; undefined for standard output. */
  readonly part: string | undefined;
  readonly streams: SqlStreams;
  readonly leftOut: LeftOut;
}

async function answer(question: SqlQuestion, opened: (sink: OutputSink) => void): Promise<void> {
  const { options, paths, asked, tables, part, streams, leftOut } = question;
  const { statement: text, format, memoryOctets } = options;
  const looked = await lookAtFiles(paths, await rateCorrections(paths), leftOut);
  const session = await SqlSession.open(memoryOctets);
  const progress = new ProgressLine(streams.stderr, () => describeShare(session.progress()), SHORT_ANSWER_MS);
  try {
    // Chains are made of flows that the statement does not ask for, too.
    const derived = asked.sequence === undefined ? await session.filterOf(text) : undefined;
    const selection = derived === undefined ? asked : { ...asked, filter: joinFilters('and', [asked.filter, derived]) };
    const bound = await bindIdents(looked, selection);
    const files = await filesLeft(bound.files, bound.selection);
    const output = format === 'parquet' ? part : undefined;
    await session.show({ files, selection: bound.selection, tables, output });
    const statement = await session.understand(text);
    if (format === 'parquet') {
      await writeParquet(session, statement, part!);
      return;
    }
    const stream = part === undefined ? streams.stdout : createWriteStream(part);
    const sink = new OutputSink(stream, () => progress.stop());
    opened(sink);
    try {
      await printAnswer(session, statement, format, sink);
      await sink.end();
      if (stream !== streams.stdout) await finished(stream.end());
    } catch (error) {
      // What is still being written must not get into a file that is begun anew.
      if (stream !== streams.stdout) await finished(stream.destroy()).catch(() => undefined);
      throw error;
    }
  } finally {
    progress.stop();
    session.close();
  }
}
