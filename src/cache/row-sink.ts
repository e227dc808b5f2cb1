import type { ExtensionRows } from './extension-rows.ts';
import type { Allocate, FlowTableOptions } from './flow-cache-options.ts';
import type { RowStore } from './row.ts';

/** Takes flows out of a cache. */
export interface RowSink {
  /** `count` flows that ended, in the order in which they leave. Their rows are used again afterwards. */
  write(rows: Int32Array, count: number): void;
  /** What has been taken so far goes on now. */
  handOver(): void;
}

/** Options of a cache whose flows leave as rows. */
export interface RowCacheOptions extends FlowTableOptions {
  allocate: Allocate;
  rowSink: (store: RowStore, extras: ExtensionRows | undefined) => RowSink;
}
