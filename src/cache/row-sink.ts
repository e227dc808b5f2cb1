import type { Allocate, FlowTableOptions } from './flow-cache-options.ts';
import type { RowStore } from './row.ts';

/** Takes flows out of a cache. */
export interface RowSink {
  /** `count` flows that ended, in the order in which they leave. Their rows are used again afterwards. */
  write(rows: Int32Array, count: number): void;
  /** What has been taken so far goes on now. */
  handOver(): void;
}

/** Memory in which every row has its words. */
export interface RowPart {
  readonly words: Int32Array;
  /** Words of a row: a multiple of eight. */
  readonly rowWords: number;
}

/** Options of a cache whose flows leave as rows. */
export interface RowCacheOptions extends FlowTableOptions {
  allocate: Allocate;
  /** Called once more for each change of columns, when all flows of those before have been written. */
  rowSink: (store: RowStore, parts: readonly RowPart[]) => RowSink;
}
