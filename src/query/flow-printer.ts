import type { Writable } from 'node:stream';
import type { FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { type ColumnName, columnByName } from '../flow/fields.ts';
import { BatchChunk } from './batch-chunk.ts';
import type { Style } from './output/cells.ts';
import { Clock } from './output/clock.ts';
import { type Format, parseFormat } from './output/format.ts';
import { type RowPrinter, rowPrinter } from './output/row-printer.ts';
import { OutputSink, ReaderGone } from './output/sink.ts';

/** Names that mean something else where flows never end: one object a line, and lines for people. */
const STREAMED: Readonly<Record<string, string>> = { json: 'ndjson', text: 'line' };

/** The format of a stream of flows. Throws a `UserError` when there is none of this name. */
export function parseStreamFormat(format: string): Format {
  return parseFormat(STREAMED[format.toLowerCase()] ?? format);
}

/** How cells of flows print that come one after another; `plain` numbers are not scaled. */
export function streamStyle({ kind, longV6 }: Format, plain: boolean): Style {
  return { csv: kind === 'csv', plain, longV6, marker: '', clock: new Clock() };
}

/** Prints flows as they end, in any format that `weir dump -o` has; `json` is one object a line. */
export class FlowPrinter implements FlowConsumer {
  private readonly format: Format;
  private printer: RowPrinter;
  private readonly sink: OutputSink;
  private readonly chunk = new BatchChunk();
  private readonly onReaderGone: () => void;
  private rows = 0;
  private gone = false;

  private constructor(format: Format, printer: RowPrinter, stream: Writable, onReaderGone: () => void) {
    this.format = format;
    this.printer = printer;
    this.sink = new OutputSink(stream);
    this.onReaderGone = onReaderGone;
    this.printer.open(this.sink.block, false);
  }

  /**
   * Throws a `UserError` for a format that there is not. Flows have the core columns, and `further` ones. `onReaderGone`
   * is called once when nobody reads `stream` any more; flows are passed over from then on.
   */
  static async open(
    format: string,
    stream: Writable,
    further: readonly ColumnName[],
    onReaderGone: () => void,
  ): Promise<FlowPrinter> {
    const parsed = parseStreamFormat(format);
    return new FlowPrinter(parsed, await printerOf(parsed, further), stream, onReaderGone);
  }

  /** Gives what makes flows from then on be printed as having other `further` columns: formats that name them print those. */
  async withColumns(further: readonly ColumnName[]): Promise<() => void> {
    const printer = await printerOf(this.format, further);
    return () => {
      this.printer = printer;
    };
  }

  async write(batch: FlowBatch): Promise<void> {
    if (this.gone) return;
    this.chunk.read(batch);
    const writeRow = this.printer.bind(this.chunk, this.rows);
    await this.untilGone(async () => {
      let out = this.sink.block;
      for (let row = 0; row < batch.rows; row++) {
        if (out.isFull) {
          await this.sink.flush();
          out = this.sink.block;
        }
        writeRow(out, row);
      }
      this.rows += batch.rows;
      await this.sink.flush();
    });
  }

  async close(): Promise<void> {
    if (this.gone) return;
    this.printer.close(this.sink.block);
    await this.untilGone(() => this.sink.end());
  }

  private async untilGone(print: () => Promise<void>): Promise<void> {
    try {
      await print();
    } catch (error) {
      if (!(error instanceof ReaderGone)) throw error;
      if (!this.gone) this.onReaderGone();
      this.gone = true;
    }
  }
}

function printerOf(format: Format, further: readonly ColumnName[]): Promise<RowPrinter> {
  return rowPrinter(format, streamStyle(format, false), (name) => {
    const column = columnByName.get(name)!;
    return column.core || further.includes(column.name);
  });
}
