/** Cells of one column: an array of its width; 64-bit columns as two 32-bit words a row, low word first. */
export type Cells = Uint8Array | Uint16Array | Uint32Array;

/** Some rows of an answer, column by column. */
export interface Chunk {
  readonly rows: number;
  /** Cells of a column of up to 32 bits. */
  narrow(name: string): Cells;
  /** Cells of a column of 64 bits: two words a row, low word first. */
  words(name: string): Uint32Array;
  /** The text (UTF-8) that a row has in a column of texts; empty where it has none. */
  text(name: string, row: number): Uint8Array;
}
