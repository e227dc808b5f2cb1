import type { SavedSampling } from './sampling.ts';

/** What is known of a stream and outlives the collector. */
export interface SavedStream {
  readonly version: number;
  readonly domain: number;
  readonly lastSeenMs: number;
  /** What v9 uptimes count from, 0 unknown. */
  readonly uptimeFromMs: number;
  /** systemInitTimeMilliseconds out of options, 0 unknown. */
  readonly bootMs: number;
  readonly templates: readonly { readonly definition: Uint8Array; readonly isOptions: boolean }[];
  readonly sampling: SavedSampling;
}
