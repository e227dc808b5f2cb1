import { addon } from '../addon/addon.ts';
import type { SegmentInfo, SegmentOptions } from '../addon/segments.ts';
import { IDENT_KEY } from '../flow/ident.ts';
import { parseSlotStats, type SlotStatsJson } from './slot-stats.ts';
import { partTime } from './slots.ts';

/** Keys of a segment's key-value metadata, besides `IDENT_KEY`. */
export const SCHEMA_KEY = 'weir.schema';
export const SLOT_KEY = 'weir.slot';
export const INTERVAL_KEY = 'weir.interval';
export const STATS_KEY = 'weir.stats';
export const PARTS_KEY = 'weir.parts';

/** Grows when a column changes its meaning; new columns do not change it. */
export const SCHEMA_VERSION = 1;

/** What every segment of a store has in common. */
export interface SegmentStyle {
  readonly ident: string;
  readonly intervalSeconds: number;
  readonly compression: NonNullable<SegmentOptions['compression']>;
  readonly level: number;
  readonly bloom: readonly string[];
  /** Parts are whole slots, as a rule, and go to the index as they are. */
  readonly indexed: boolean;
}

export function segmentOptions(style: SegmentStyle, slot: string, more: Record<string, string> = {}): SegmentOptions {
  return {
    compression: style.compression,
    level: style.level,
    bloom: [...style.bloom],
    indexed: style.indexed,
    metadata: {
      [SCHEMA_KEY]: String(SCHEMA_VERSION),
      [IDENT_KEY]: style.ident,
      [SLOT_KEY]: slot,
      [INTERVAL_KEY]: String(style.intervalSeconds),
      ...more,
    },
  };
}

/**
 * Names of the parts whose rows a finished segment has. Whoever wrote the file chose them, and parts are deleted by them:
 * what is not the name of a part, such as a path to somewhere else, is passed over.
 */
export function mergedParts(info: SegmentInfo): string[] {
  try {
    const names: unknown = JSON.parse(info.metadata[PARTS_KEY] ?? '[]');
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string' && partTime(name) !== undefined) : [];
  } catch {
    return [];
  }
}

/** Statistics that a segment carries; undefined for files that other programs wrote. */
export function segmentStats(info: SegmentInfo): SlotStatsJson | undefined {
  return parseSlotStats(info.metadata[STATS_KEY]);
}

/** What a segment says about itself; rejects when it is missing or not whole. */
export function segmentInfo(path: string): Promise<SegmentInfo> {
  return addon().segmentInfo(path);
}
