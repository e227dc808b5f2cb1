import { type ColumnName, columns } from '../flow/fields.ts';
import { wide } from '../flow/u64.ts';
import type { Chunk } from './chunk.ts';
import { checkPages, type FlowFiles } from './flow-files.ts';
import { streamStyle } from './flow-printer.ts';
import { identsByPath } from './ident-files.ts';
import { EngineOpener } from './open-engine.ts';
import type { Style } from './output/cells.ts';
import { type Format, printsIdent } from './output/format.ts';
import { type RowPrinter, rowPrinter } from './output/row-printer.ts';
import type { OutputSink } from './output/sink.ts';
import type { JobOf, Selection } from './plan.ts';
import { hasColumn } from './sql/schema.ts';

export interface FollowerOptions {
  readonly selection: Selection;
  readonly format: Format;
  readonly plainNumbers: boolean;
  /** No header. */
  readonly quiet: boolean;
}

const JOB: JobOf<'flows'> = { kind: 'flows', order: undefined, top: 0 };

/** Prints the flows of one file after the other as one list that never ends. */
export class FlowFollower {
  private readonly options: FollowerOptions;
  private readonly sink: OutputSink;
  private readonly engines = new EngineOpener(undefined);
  /** Made for the columns of the first file. */
  private printer: RowPrinter | undefined;
  private rows = 0;
  /** Of files that were printed to their end. */
  private rowsOfWhole = 0;

  constructor(options: FollowerOptions, sink: OutputSink) {
    this.options = options;
    this.sink = sink;
  }

  /**
   * Prints the flows of a file that were received at or after `sinceMs`; resolves to the time of receipt of the latest
   * flow that passed the filter, 0 for none.
   */
  async print(files: FlowFiles, sinceMs: number): Promise<number> {
    this.rows = this.rowsOfWhole;
    const { format } = this.options;
    // The files may be of several sources, one after another.
    const idents = printsIdent(format) ? { idents: await identsByPath(files.paths) } : {};
    const selection = { ...this.options.selection, ...idents };
    const engine = await this.engines.open(files, { selection, jobs: [JOB] }, false);
    try {
      await checkPages(engine.unchecked);
      this.printer ??= await this.start((name) => hasColumn(engine.schema, name));
      const { printer } = this;
      const wanted: readonly ColumnName[] = [...new Set<ColumnName>([...printer.needs, 'receivedMs'])];
      let latest = 0;
      for await (const chunk of engine.flows(JOB, wanted))
        latest = Math.max(latest, await this.printChunk(chunk, printer, sinceMs));
      await this.sink.end();
      this.rowsOfWhole = this.rows;
      return latest;
    } finally {
      engine.close();
    }
  }

  /** Forgets the rows of a file that could not be read to its end; false if some are out. */
  takeBack(): boolean {
    return this.sink.takeBack();
  }

  private async start(stored: (name: ColumnName) => boolean): Promise<RowPrinter> {
    const { format, plainNumbers, quiet } = this.options;
    const core = new Set(columns.filter((one) => one.core).map(({ name }) => name));
    const style: Style = { ...streamStyle(format, plainNumbers), ident: 'column' };
    const printer = await rowPrinter(format, style, (name) => core.has(name) || stored(name));
    printer.open(this.sink.block, quiet);
    // The header stays whatever becomes of the rows.
    await this.sink.end();
    return printer;
  }

  private async printChunk(chunk: Chunk, printer: RowPrinter, sinceMs: number): Promise<number> {
    const received = chunk.words('receivedMs');
    const write = printer.bind(chunk, this.rows);
    let latest = 0;
    for (let row = 0; row < chunk.rows; row++) {
      const receivedMs = wide(received, row);
      latest = Math.max(latest, receivedMs);
      if (receivedMs < sinceMs) continue;
      if (this.sink.block.isFull) await this.sink.flush();
      write(this.sink.block, row);
      this.rows++;
    }
    return latest;
  }
}
