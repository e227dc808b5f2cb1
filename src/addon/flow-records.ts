/** How a column is written: `native/src/flow_records.rs` says what each of them means. */
export type RecordKind =
  | 'u8'
  | 'u16'
  | 'u16as8'
  | 'u32'
  | 'u32as24'
  | 'u32as16'
  | 'as16'
  | 'u64'
  | 'u64as48'
  | 'u64as32'
  | 'addr4'
  | 'ms'
  | 'seconds'
  | 'uptime'
  | 'ntp'
  | 'icmp'
  | 'icmpType'
  | 'icmpCode';

/** What writes a field of each record. */
export interface RecordStep {
  readonly kind: RecordKind;
  /** Where the field begins in a record. */
  readonly offset: number;
  /** What its one byte is when the column is not there; 0: the field is zeros. */
  readonly absent: number;
  /** Of ICMP kinds: the protocol number whose flows have a type and code. */
  readonly proto: number;
}

/** Throws for rows, bytes and columns that are not there. */
export interface NativeRecordWriter {
  /** Takes the columns of a batch, two for each step. */
  bind(columns: readonly (Uint8Array | Uint16Array | Uint32Array | Float64Array | undefined)[]): void;
  /**
   * Writes the first `count` of `runs`, each a pair of the byte in `bytes` where it begins and the number of its records. Their
   * rows follow one another in `rows`, from place `first` on. Uptimes count from `bootMs`.
   */
  write(bytes: Uint8Array, rows: Uint32Array, first: number, runs: Uint32Array, count: number, bootMs: number): void;
}
