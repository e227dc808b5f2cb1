import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { addon } from '../../addon/addon.ts';
import type { NativeSegmentWriter, SegmentOptions } from '../../addon/segments.ts';
import type { FlowBatch } from '../../flow/batch.ts';
import { IDENT_KEY, NO_IDENT } from '../../flow/ident.ts';
import type { FlowFileWriter } from '../../query/dump.ts';
import { ColumnSet, columnsNamed, segmentColumns } from '../../store/segment-columns.ts';
import { SCHEMA_KEY, SCHEMA_VERSION, STATS_KEY, segmentInfo } from '../../store/segment-metadata.ts';
import { SlotStats, TOTALS } from '../../store/slot-stats.ts';
import { endsWithout } from './ends-without.ts';
import { TemporaryDirectory, writeFileTo } from './temporary-directory.ts';

/** How a flow file is written. */
export interface FlowFileStyle {
  readonly ident: string | undefined;
  readonly compression: Compression | undefined;
}

interface Compression {
  readonly codec: 'zstd' | 'lz4' | 'none';
  readonly level: number | undefined;
}

const DEFAULT_COMPRESSION: Compression = { codec: 'zstd', level: undefined };

/** Writes flows to one flow file, which appears under its name when it is whole. Batches all have the same columns. */
export class FlowFile implements FlowFileWriter {
  private readonly path: string;
  private readonly style: FlowFileStyle;
  private readonly columns = new ColumnSet();
  private readonly stats = new SlotStats();
  private writer: NativeSegmentWriter | undefined;
  private release: () => void = () => undefined;

  constructor(path: string, style: FlowFileStyle) {
    this.path = path;
    this.style = style;
  }

  async write(batch: FlowBatch): Promise<void> {
    if (this.writer === undefined) this.columns.add(batch);
    const cells = segmentColumns(batch, this.columns.columns);
    this.stats.addTotals(await this.open().append(cells, batch.rows));
  }

  async close(): Promise<void> {
    if (this.writer === undefined) {
      const none = this.columns.columns.map(({ sql: name, type, absent }) => ({ name, type, absent }));
      await this.open().append(none, 0);
    }
    await this.open().finish({ [STATS_KEY]: JSON.stringify(this.stats.toJson()) });
    this.release();
  }

  async abort(): Promise<void> {
    this.writer?.abort();
    this.release();
  }

  private open(): NativeSegmentWriter {
    const { ident = NO_IDENT, compression } = this.style;
    if (this.writer !== undefined) return this.writer;
    const writer = new (addon().SegmentWriter)(this.path, {
      ...packedBy(compression),
      metadata: { [SCHEMA_KEY]: String(SCHEMA_VERSION), [IDENT_KEY]: ident },
      totals: TOTALS,
    });
    this.writer = writer;
    this.release = endsWithout(() => writer.abort());
    return writer;
  }
}

/** Writes a flow file to a stream: made beside it first, for its directory of contents comes last. */
export class StreamedFlowFile implements FlowFileWriter {
  private readonly stream: Writable;
  private readonly directory: TemporaryDirectory;
  private readonly path: string;
  private readonly file: FlowFile;

  private constructor(stream: Writable, directory: TemporaryDirectory, style: FlowFileStyle) {
    this.stream = stream;
    this.directory = directory;
    this.path = join(directory.path, 'flows.parquet');
    this.file = new FlowFile(this.path, style);
  }

  static async open(stream: Writable, style: FlowFileStyle): Promise<StreamedFlowFile> {
    return new StreamedFlowFile(stream, await TemporaryDirectory.make('write'), style);
  }

  write(batch: FlowBatch): Promise<void> {
    return this.file.write(batch);
  }

  async close(): Promise<void> {
    await this.file.close();
    await writeFileTo(this.stream, this.path);
    await this.directory.remove();
  }

  async abort(): Promise<void> {
    await this.file.abort();
    await this.directory.remove();
  }
}

/** Writes a flow file anew with another ident or compression; its flows and everything else stay as they are. */
export async function rewriteFlowFile(path: string, { ident, compression }: FlowFileStyle): Promise<void> {
  const info = await segmentInfo(path);
  const metadata = Object.fromEntries(Object.entries(info.metadata).filter(([key]) => key.startsWith('weir.')));
  if (ident !== undefined) metadata[IDENT_KEY] = ident;
  await addon().mergeSegments([path], path, columnsNamed(new Set(info.columns)), {
    ...packedBy(compression),
    metadata,
  });
}

/** Only zstd has levels. */
function packedBy({ codec, level }: Compression = DEFAULT_COMPRESSION): Pick<SegmentOptions, 'compression' | 'level'> {
  return { compression: codec, ...(level === undefined || codec !== 'zstd' ? {} : { level }) };
}
