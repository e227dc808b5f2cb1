import { createReadStream, createWriteStream } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { finished, pipeline } from 'node:stream/promises';
import { UserError } from '../../flow/user-error.ts';
import { printAnswer, type SqlFormat, writeParquet } from '../../query/ask/answer.ts';
import { SqlSession } from '../../query/ask/session.ts';
import { join as joinFilters } from '../../query/filter/tree.ts';
import { lookAtFiles } from '../../query/flow-files.ts';
import { bindIdents } from '../../query/ident-files.ts';
import { LeftOut } from '../../query/left-out.ts';
import { filesLeft } from '../../query/native/files-left.ts';
import { isReaderGone, OutputSink, ReaderGone } from '../../query/output/sink.ts';
import { planSelection } from '../../query/planner.ts';
import { removeSpillDirectories } from '../../query/spill.ts';
import { chooseSegments, type FileSelection } from '../../store/segment-files.ts';
import { describeShare, ProgressLine, SHORT_ANSWER_MS } from '../daemon/progress.ts';
import { rateCorrections } from './dump.ts';
import { endsWithout } from './ends-without.ts';
import { collectorTables } from './sql-tables.ts';

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

/** `weir sql`: answers one statement about flow files. Returns the exit status. */
export async function runSql(options: SqlOptions, streams: Pick<NodeJS.Process, 'stdout' | 'stderr'>): Promise<number> {
  const { files: selected, filter, window, format, write, memoryOctets } = options;
  const chosen = (await chooseSegments(selected)).map(({ path }) => path);
  if (chosen.length === 0) throw new UserError(`no flow files in ${selected.read ?? selected.range}`);
  const leftOut = new LeftOut((message) => streams.stderr.write(`${message}\n`));
  const parts = { filter, filterFile: undefined, window, overlap: false, limit: undefined };
  const asked = await planSelection(parts, 'scaled');
  const toStream = format === 'parquet' && write === undefined;
  const directory = toStream ? await mkdtemp(join(tmpdir(), 'weir-sql-')) : undefined;
  const target = directory === undefined ? write && resolve(write) : join(directory, 'answer.parquet');
  // What is there already stays until the answer is whole.
  const part = target && `${target}.part`;
  const release = endsWithout(removeSpillDirectories, ...[directory, part].filter((path) => path !== undefined));
  try {
    const tables = await collectorTables(chosen);
    const output = format === 'parquet' ? part : undefined;
    let sink: OutputSink | undefined;
    const ask = async () => {
      const looked = await lookAtFiles(chosen, await rateCorrections(chosen), leftOut);
      const session = await SqlSession.open(memoryOctets);
      const progress = new ProgressLine(streams.stderr, () => describeShare(session.progress()), SHORT_ANSWER_MS);
      try {
        // Chains are made of flows that the statement does not ask for, too.
        const derived = asked.sequence === undefined ? await session.filterOf(options.statement) : undefined;
        const selection =
          derived === undefined ? asked : { ...asked, filter: joinFilters('and', [asked.filter, derived]) };
        const bound = await bindIdents(looked, selection);
        const left = await filesLeft(bound.files, bound.selection);
        await session.show({ files: left, selection: bound.selection, tables, output });
        const statement = await session.understand(options.statement);
        if (format === 'parquet') await writeParquet(session, statement, part!);
        else {
          const stream = part === undefined ? streams.stdout : createWriteStream(part);
          sink = new OutputSink(stream, () => progress.stop());
          try {
            await printAnswer(session, statement, format, sink);
            await sink.end();
            if (stream !== streams.stdout) await finished(stream.end());
          } catch (error) {
            // What is still being written must not get into a file that is begun anew.
            if (stream !== streams.stdout) await finished(stream.destroy()).catch(() => undefined);
            throw error;
          }
        }
      } finally {
        progress.stop();
        session.close();
      }
    };
    // A file is written anew.
    await leftOut.ask(ask, () => part !== undefined || sink === undefined || sink.takeBack());
    if (part !== undefined) await rename(part, target!);
    if (toStream) {
      await pipeline(createReadStream(target!), streams.stdout, { end: false }).catch((error: Error) => {
        throw isReaderGone(error) ? new ReaderGone() : error;
      });
    }
    return leftOut.count === 0 ? 0 : 1;
  } catch (error) {
    if (error instanceof ReaderGone) return 0;
    if (part !== undefined) await rm(part, { force: true });
    throw error;
  } finally {
    release();
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }
}
