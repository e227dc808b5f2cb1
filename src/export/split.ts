/** Flows whose counters do not fit 32 bits, cut into several records that add up to exactly the same. */
import { FlowBatch } from '../flow/batch.ts';
import { columns } from '../flow/fields.ts';

const MAX_COUNT = 0xffff_ffffn;
const WORD = 32n;
/** Rows handed out at a time. */
const SCRATCH_ROWS = 64;
/** More pieces than this (140 TB) no meter makes within one flow record: a broken counter, which must not flood. */
const MAX_PIECES = 32_768;

export class FlowSplitter {
  /** Flows that were cut. */
  splitFlows = 0;
  /** Flows beyond `MAX_PIECES` pieces: exported with that many full ones. */
  clampedFlows = 0;
  /** Holds the pieces while `each` is called. */
  readonly pieces = new FlowBatch(SCRATCH_ROWS);

  /** Calls `each` with the number of rows in `pieces`, as often as it takes for all of the flow in `row`. */
  split(batch: FlowBatch, row: number, each: (rows: number) => void): void {
    let octets = readU64(batch.get('octets'), row);
    let packets = readU64(batch.get('packets'), row);
    let count = Math.max(piecesOf(octets), piecesOf(packets));
    this.splitFlows++;
    if (count > MAX_PIECES) {
      count = MAX_PIECES;
      const most = MAX_COUNT * BigInt(count);
      octets = octets > most ? most : octets;
      packets = packets > most ? most : packets;
      this.clampedFlows++;
    }
    this.pieces.reset();
    copyRow(batch, row, this.pieces);
    for (let done = 0; done < count; done += SCRATCH_ROWS) {
      const rows = Math.min(SCRATCH_ROWS, count - done);
      for (let i = 0; i < rows; i++) {
        writeShare(this.pieces.use('octets'), i, octets, done + i, count);
        writeShare(this.pieces.use('packets'), i, packets, done + i, count);
        if (done + i > 0) this.withoutReverse(i);
      }
      this.pieces.rows = rows;
      each(rows);
    }
  }

  /** What came the other way is told once. */
  private withoutReverse(piece: number): void {
    for (const column of [this.pieces.get('outOctets'), this.pieces.get('outPackets')]) {
      if (column === undefined) continue;
      column[piece * 2] = 0;
      column[piece * 2 + 1] = 0;
    }
  }
}

/** Piece `piece` of `count`: an even share, the remainder spread over the first pieces. */
function writeShare(column: Uint32Array, row: number, total: bigint, piece: number, count: number): void {
  const share = total / BigInt(count) + (BigInt(piece) < total % BigInt(count) ? 1n : 0n);
  column[row * 2] = Number(share);
  column[row * 2 + 1] = 0;
}

function copyRow(from: FlowBatch, row: number, to: FlowBatch): void {
  for (const { name, type } of columns) {
    const source = from.get(name);
    if (source === undefined) continue;
    const target = to.use(name);
    if (type === 'u64') {
      for (let i = 0; i < SCRATCH_ROWS; i++) {
        target[i * 2] = source[row * 2]!;
        target[i * 2 + 1] = source[row * 2 + 1]!;
      }
    } else {
      target.fill(source[row]!);
    }
  }
  to.rows = SCRATCH_ROWS;
}

function readU64(column: Uint32Array | undefined, row: number): bigint {
  return column === undefined ? 0n : (BigInt(column[row * 2 + 1]!) << WORD) | BigInt(column[row * 2]!);
}

function piecesOf(total: bigint): number {
  return Number((total + MAX_COUNT - 1n) / MAX_COUNT);
}
