import { P_META_DIRECTION_KNOWN, P_META_EGRESS } from '../addon/packet-layout.ts';
import type { FlowBatch } from '../flow/batch.ts';
import type { BiflowRows } from './biflow-rows.ts';
import type { ExtensionWriter } from './extension-writer.ts';
import { flowWriter } from './flow-columns.ts';
import { R_STATE, R_STATE_LIVE, ROW_WORD_SHIFT, type RowStore } from './row.ts';
import type { RowSink } from './row-sink.ts';

/** Turns rows into flows of a FlowBatch and hands each batch on as it is full. */
export class RowWriter implements RowSink {
  /** Records whose octets or packets passed 2^53 and were cut down to it. */
  saturated = 0;
  private readonly store: RowStore;
  private readonly acquire: () => FlowBatch;
  private readonly sink: (batch: FlowBatch) => void;
  /** Writes the columns beyond those that are here. */
  extras: ExtensionWriter | undefined;
  private readonly biflows: BiflowRows | undefined;
  private batch: FlowBatch | undefined;

  /** `biflows` writes what the ways of a flow have of it. */
  constructor(
    store: RowStore,
    acquire: () => FlowBatch,
    sink: (batch: FlowBatch) => void,
    biflows: BiflowRows | undefined,
  ) {
    this.biflows = biflows;
    this.store = store;
    this.acquire = acquire;
    this.sink = sink;
  }

  /** Writes `count` rows in the order given. */
  write(rows: Int32Array, count: number): void {
    for (let start = 0; start < count; ) {
      this.batch ??= this.acquire();
      const room = this.batch.capacity - this.batch.rows;
      const end = Math.min(count, start + room);
      this.fill(this.batch, rows, start, end);
      start = end;
      if (this.batch.isFull) this.handOver();
    }
  }

  /** Hands on what has been written so far. */
  handOver(): void {
    const batch = this.batch;
    if (batch === undefined || batch.rows === 0) return;
    this.batch = undefined;
    this.sink(batch);
  }

  /** Adds flows that have not ended, in the rows from `from` on, until `batch` is full; see `FlowCache.snapshot`. */
  copy(batch: FlowBatch, from: number, nowMs: number): number {
    const { saturated } = this;
    const { words, highest } = this.store;
    const rows = new Int32Array(batch.capacity - batch.rows);
    let count = 0;
    let row = from;
    for (; row <= highest && count < rows.length; row++) {
      if ((words[(row << ROW_WORD_SHIFT) + R_STATE]! & R_STATE_LIVE) !== 0) rows[count++] = row;
    }
    const first = batch.rows;
    this.fill(batch, rows, 0, count);
    // They are counted when they leave, and have no time of end yet.
    this.saturated = saturated;
    batch.use('receivedMs').fill(nowMs, first, batch.rows);
    batch.use('exportMs').fill(nowMs, first, batch.rows);
    return row <= highest ? row : 0;
  }

  private fill(batch: FlowBatch, rows: Int32Array, start: number, end: number): void {
    const at = batch.rows;
    const { saturated, directed } = flowWriter(batch).write(this.store.words, rows, start, end, at);
    this.saturated += saturated;
    if (directed > 0) this.fillDirections(batch, rows, start, end);
    this.extras?.fill(batch, rows, start, end, at);
    this.biflows?.fill(batch, rows, start, end, at);
    batch.rows = at + end - start;
  }

  private fillDirections(batch: FlowBatch, rows: Int32Array, start: number, end: number): void {
    const { words } = this.store;
    const inIf = batch.use('inIf');
    const direction = batch.use('direction');
    let outIf: Uint32Array | undefined = batch.get('outIf');
    for (let i = start, at = batch.rows; i < end; i++, at++) {
      const state = words[(rows[i]! << ROW_WORD_SHIFT) + R_STATE]!;
      if ((state & P_META_DIRECTION_KNOWN) === 0) continue;
      const isEgress = (state & P_META_EGRESS) !== 0;
      direction[at] = isEgress ? 1 : 0;
      // A packet on its way out was seen on its output interface; where it came in is not known.
      if (isEgress) {
        outIf ??= batch.use('outIf');
        outIf[at] = inIf[at]!;
        inIf[at] = 0;
      }
    }
  }
}
