import { Collector, type CollectorOptions } from '../collect/collector.ts';
import { FlowStore, type FlowStoreOptions } from '../store/flow-store.ts';
import { FlowOutput } from './flow-output.ts';

export interface FlowSourceOptions {
  readonly ident: string;
  readonly directory: string;
  readonly store: Omit<FlowStoreOptions, 'directory' | 'ident'>;
  readonly samplingOf?: CollectorOptions['samplingOf'];
  readonly limits?: CollectorOptions['limits'];
}

/** A collector with a store of its own: one for all exporters, or one for each source that the operator tells apart. */
export class FlowSource {
  readonly ident: string;
  readonly directory: string;
  readonly collector: Collector;
  readonly output: FlowOutput;
  readonly store: FlowStore;

  private constructor(options: FlowSourceOptions, store: FlowStore) {
    this.ident = options.ident;
    this.directory = options.directory;
    this.store = store;
    this.output = new FlowOutput({ consumers: [store], dropWhenFull: false });
    this.collector = new Collector({
      sink: this.output.write,
      acquire: this.output.acquire,
      ...(options.samplingOf === undefined ? {} : { samplingOf: options.samplingOf }),
      ...(options.limits === undefined ? {} : { limits: options.limits }),
    });
  }

  /** Takes the directory; throws UserError when it cannot be used. */
  static async open(options: FlowSourceOptions): Promise<FlowSource> {
    const { ident, directory } = options;
    return new FlowSource(options, await FlowStore.open({ ...options.store, ident, directory }));
  }

  /** Stores everything received so far, and lets go of the directory. */
  async close(): Promise<void> {
    this.collector.flush();
    await this.output.close();
  }
}
