import type { FlowBatch } from './batch.ts';

/**
 * Whatever takes flows: an exporter, a store, a counter.
 *
 * `write` may hold on to the batch until its promise resolves; the maker neither changes nor reuses it before. A
 * consumer that is done at once returns undefined. `close` flushes everything that was written.
 */
export interface FlowConsumer {
  write(batch: FlowBatch): Promise<void> | undefined;
  close(): Promise<void>;
}
