import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { addon } from '../../addon/addon.ts';
import type { NativeSegmentWriter } from '../../addon/segments.ts';
import type { FlowBatch } from '../../flow/batch.ts';
import { IDENT_KEY, NO_IDENT } from '../../flow/ident.ts';
import type { FlowFileWriter } from '../../query/dump.ts';
import { ColumnSet, columnsNamed, segmentColumns } from '../../store/segment-columns.ts';
import { SCHEMA_KEY, SCHEMA_VERSION, STATS_KEY, segmentInfo } from '../../store/segment-metadata.ts';
import { SlotStats, TOTALS } from '../../store/slot-stats.ts';
import { endsWithout } from './ends-without.ts';

/** How a flow file is written. */
export interface FlowFileStyle {
  readonly ident: string | undefined;
  readonly compression: { readonly codec: 'zstd' | 'lz4' | 'none'; readonly level: number | undefined } | undefined;
}

const DEFAULT_CODEC = { codec: 'zstd', level: undefined } as const;

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
    const { ident = NO_IDENT, compression = DEFAULT_CODEC } = this.style;
    if (this.writer !== undefined) return this.writer;
    const writer = new (addon().SegmentWriter)(this.path, {
      compression: compression.codec,
      ...(compression.level === undefined || compression.codec !== 'zstd' ? {} : { level: compression.level }),
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
  private readonly directory: string;
  private readonly release: () => void;
  private readonly file: FlowFile;

  private constructor(stream: Writable, directory: string, style: FlowFileStyle) {
    this.stream = stream;
    this.directory = directory;
    this.release = endsWithout(directory);
    this.file = new FlowFile(join(directory, 'flows.parquet'), style);
  }

  static async open(stream: Writable, style: FlowFileStyle): Promise<StreamedFlowFile> {
    return new StreamedFlowFile(stream, await mkdtemp(join(tmpdir(), 'weir-write-')), style);
  }

  write(batch: FlowBatch): Promise<void> {
    return this.file.write(batch);
  }

  async close(): Promise<void> {
    await this.file.close();
    await pipeline(createReadStream(join(this.directory, 'flows.parquet')), this.stream, { end: false });
    await this.remove();
  }

  async abort(): Promise<void> {
    await this.file.abort();
    await this.remove();
  }

  private async remove(): Promise<void> {
    this.release();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Writes a flow file anew with another ident or compression; its flows and everything else stay as they are. */
export async function rewriteFlowFile(path: string, { ident, compression }: FlowFileStyle): Promise<void> {
  const info = await segmentInfo(path);
  const metadata = Object.fromEntries(Object.entries(info.metadata).filter(([key]) => key.startsWith('weir.')));
  if (ident !== undefined) metadata[IDENT_KEY] = ident;
  await addon().mergeSegments([path], path, columnsNamed(new Set(info.columns)), {
    compression: compression?.codec ?? 'zstd',
    ...(compression?.level === undefined || compression.codec !== 'zstd' ? {} : { level: compression.level }),
    metadata,
  });
}
