/** A column handed to the segment writer; `data` has at least `rows` rows from its start. */
export interface SegmentColumn {
  /** Column name in the file. */
  name: string;
  type: 'u8' | 'u16' | 'u32' | 'u64' | 'timeMs' | 'text';
  /** Undefined writes `absent` in every row. */
  data?: Uint8Array | Uint16Array | Uint32Array | Float64Array;
  absent: number;
  /** The first row of `data` counts for every row; there need be no other. */
  isConstant?: boolean;
  /** What the numbers of a `text` column mean: text n ends in `bytes` at `ends[n - 1]`; 0 is the empty text. */
  texts?: { bytes: Uint8Array; ends: Uint32Array };
}

export interface SegmentOptions {
  compression?: 'zstd' | 'lz4' | 'none';
  /** zstd only: 1 (default) to 22. */
  level?: number;
  /** Key-value metadata of the file. */
  metadata?: Record<string, string>;
  /** Columns (by name in the file) that get a Bloom filter in every row group. */
  bloom?: string[];
  /**
   * Sums of each row group by the value of the u8 column `by`: its rows (256 numbers), each of `sums` (256 numbers
   * each), then least and greatest value of each of `spans` (columns of times) that is not 0, infinite when there is none.
   */
  totals?: { by: string; sums: string[]; spans: string[] };
  /** The file is going to an index as it is: what `indexFiles` asks of the rows is noted while they are at hand. */
  indexed?: boolean;
}

/** One Parquet file in the making: written under a temporary name, appears under its own when `finish` resolves. */
export interface NativeSegmentWriter {
  /**
   * Appends one row group; every call names the same columns in the same order. Runs off the main thread. Resolves to
   * what `SegmentOptions.totals` asked for, empty without.
   */
  append(columns: SegmentColumn[], rows: number): Promise<Float64Array>;
  /**
   * Footer (with `metadata` added to that of the options), fsync, rename, fsync of the directory. Resolves to the size
   * in bytes.
   */
  finish(metadata?: Record<string, string>): Promise<number>;
  /** Removes the temporary file. */
  abort(): void;
}

export interface SegmentInfo {
  rows: number;
  rowGroups: number;
  bytes: number;
  columns: string[];
  metadata: Record<string, string>;
}

/** Exclusive use of a directory through a lock on a file; the system drops it when the process ends, however it ends. */
export interface NativeDirectoryLock {
  /** False when somebody else has the directory. */
  held(): boolean;
  release(): void;
}
