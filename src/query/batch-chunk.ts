import type { FlowBatch } from '../flow/batch.ts';
import { type ColumnName, columnByName } from '../flow/fields.ts';
import { TWO_32 } from '../flow/u64.ts';
import type { Cells, Chunk } from './chunk.ts';

/** Flows of a batch as the output formats read the rows of an answer: times as whole milliseconds in two words. */
export class BatchChunk implements Chunk {
  private batch: FlowBatch | undefined;
  /** Memory for columns that the batch has in another form or not at all; kept from batch to batch. */
  private readonly made = new Map<string, Cells>();

  get rows(): number {
    return this.batch?.rows ?? 0;
  }

  /** What `narrow` and `words` gave for the batch before is no longer valid. */
  read(batch: FlowBatch): void {
    this.batch = batch;
  }

  narrow(name: string): Cells {
    const cells = this.batch!.get(name as ColumnName);
    if (cells !== undefined) return cells as Cells;
    const { type, absent } = columnByName.get(name as ColumnName)!;
    const Width = type === 'u8' ? Uint8Array : type === 'u16' ? Uint16Array : Uint32Array;
    return this.room(name, (rows) => new Width(rows)).fill(absent);
  }

  words(name: string): Uint32Array {
    const column = this.batch!.get(name as ColumnName);
    const isTime = columnByName.get(name as ColumnName)!.type === 'timeMs';
    if (column !== undefined && !isTime && name !== 'flows') return column as Uint32Array;
    const words = this.room(name, (rows) => new Uint32Array(rows * 2)) as Uint32Array;
    const { rows } = this;
    if (isTime) {
      for (let row = 0; row < rows; row++) {
        const ms = column === undefined ? 0 : column[row]!;
        words[row * 2] = ms;
        words[row * 2 + 1] = ms / TWO_32;
      }
      return words;
    }
    if (column === undefined) words.fill(0);
    else words.set(column);
    // A flow that does not say how many it stands for is one.
    if (name === 'flows') {
      for (let i = 0; i < rows * 2; i += 2) if ((words[i]! | words[i + 1]!) === 0) words[i] = 1;
    }
    return words;
  }

  text(name: string, row: number): Uint8Array {
    const ids = this.batch!.get(name as ColumnName);
    return this.batch!.texts.text(ids === undefined ? 0 : ids[row]!);
  }

  private room(name: string, make: (rows: number) => Cells): Cells {
    let cells = this.made.get(name);
    if (cells === undefined || cells.length < this.batch!.capacity) {
      cells = make(this.batch!.capacity);
      this.made.set(name, cells);
    }
    return cells;
  }
}
