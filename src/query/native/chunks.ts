import type { ScanTable } from '../../addon/scan.ts';
import { type ColumnName, columnByName } from '../../flow/fields.ts';
import { type GroupKey, SIDES } from '../aggregation.ts';
import type { Cells, Chunk } from '../chunk.ts';
import { addressColumns } from '../sql/address.ts';

const NO_TEXT = new Uint8Array(0);

/** Cells by the name of their column. */
export class CellsChunk implements Chunk {
  readonly rows: number;
  private readonly cells: ReadonlyMap<string, Cells>;

  constructor(rows: number, cells: ReadonlyMap<string, Cells>) {
    this.rows = rows;
    this.cells = cells;
  }

  narrow(name: string): Cells {
    const cells = this.cells.get(name);
    if (cells === undefined) throw new Error(`no column ${name} in the result`);
    return cells;
  }

  words(name: string): Uint32Array {
    return this.narrow(name) as Uint32Array;
  }

  /** Scans do not read texts; what is asked for here is missing in the files. */
  text(): Uint8Array {
    return NO_TEXT;
  }
}

/** Rows of chunks without the first `skipped` of them all. */
export async function* chunksAfter(
  skipped: number,
  chunks: AsyncIterable<Chunk> | Iterable<Chunk>,
): AsyncGenerator<Chunk, void, undefined> {
  let left = skipped;
  for await (const chunk of chunks) {
    const from = Math.min(left, chunk.rows);
    left -= from;
    if (from === 0) yield chunk;
    else if (from < chunk.rows) {
      yield {
        rows: chunk.rows - from,
        narrow: (name) => chunk.narrow(name).subarray(from),
        words: (name) => chunk.words(name).subarray(from * 2),
        text: (name, row) => chunk.text(name, from + row),
      };
    }
  }
}

/** A table of an element statistic, whose key may have the protocol as its second part. */
export function statisticChunk(table: ScanTable): Chunk {
  const { rows, keys } = table;
  const [hi, lo, , proto] = keys;
  return new CellsChunk(
    rows,
    new Map<string, Cells>([
      ['hi', hi!],
      ['lo', lo!],
      ['proto', proto === undefined ? new Uint8Array(rows) : lowWords(proto, new Uint8Array(rows))],
      ['flows', table.flows],
      ['packets', table.packets],
      ['octets', table.octets],
      ['out_packets', table.outPackets],
      ['out_octets', table.outOctets],
      ['first', table.first],
      ['last', table.last],
    ]),
  );
}

/** What the table itself has of groups that look like flows. */
export function groupCells(table: ScanTable, groupKeys: readonly GroupKey[]): Map<string, Cells> {
  const { keys } = table;
  const cells = new Map<string, Cells>([
    ['flows', table.flows],
    ['packets', table.packets],
    ['octets', table.octets],
    ['outPackets', table.outPackets],
    ['outOctets', table.outOctets],
    ['firstMs', table.first],
    ['lastMs', table.last],
    ['tcpFlags', table.tcpFlags],
  ]);
  groupKeys.forEach((key, index) => {
    const [high, low] = [keys[index * 2]!, keys[index * 2 + 1]!];
    if ('column' in key) cells.set(key.column, cellsOf(key.column, low));
    else {
      const { hi, lo } = addressColumns(key.address);
      cells.set(hi, high);
      cells.set(lo, low);
    }
  });
  return cells;
}

/** Exchanges what belongs to source and destination in the rows that are `turned`. */
export function turnSides(cells: ReadonlyMap<string, Cells>, turned: Uint8Array): void {
  for (const [a, b] of SIDES) {
    const [one, other] = [cells.get(a), cells.get(b)];
    if (one === undefined || other === undefined) continue;
    for (let row = 0; row < turned.length; row++) {
      if (turned[row] === 1) [one[row], other[row]] = [other[row]!, one[row]!];
    }
  }
}

/** Cells of a column's own width from the two words that a flow has in the files. */
export function cellsOf(name: ColumnName, words: Uint32Array): Cells {
  if (name === 'flows') {
    // The stored 0 means 1.
    for (let at = 0; at < words.length; at += 2) if ((words[at]! | words[at + 1]!) === 0) words[at] = 1;
  }
  return isWide(name) ? words : lowWords(words, emptyCells(name, words.length / 2));
}

/** Cells of a column that the groups do not have. */
export function absentCells(name: ColumnName, rows: number): Cells {
  // No wide column has another absent value than 0.
  return isWide(name) ? new Uint32Array(rows * 2) : emptyCells(name, rows).fill(columnByName.get(name)!.absent);
}

function isWide(name: ColumnName): boolean {
  const { type } = columnByName.get(name)!;
  return type === 'u64' || type === 'timeMs';
}

function emptyCells(name: ColumnName, rows: number): Cells {
  const { type } = columnByName.get(name)!;
  return type === 'u8' ? new Uint8Array(rows) : type === 'u16' ? new Uint16Array(rows) : new Uint32Array(rows);
}

function lowWords(words: Uint32Array, cells: Cells): Cells {
  for (let row = 0; row < cells.length; row++) cells[row] = words[row * 2]!;
  return cells;
}
