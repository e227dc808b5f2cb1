import { P_META_DIRECTION_KNOWN, P_META_EGRESS } from '../addon/packet-layout.ts';
import type { FlowBatch } from '../flow/batch.ts';
import type { BiflowRows } from './biflow-rows.ts';
import type { ExtensionWriter } from './extension-writer.ts';
import {
  D_END,
  D_FIRST,
  D_LAST,
  D_OCTETS,
  D_PACKETS,
  R_DST,
  R_INPUT,
  R_PORTS,
  R_PROTO_TOS_FLAGS,
  R_SRC,
  R_STATE,
  R_STATE_LIVE,
  R_STATE_REASON_SHIFT,
  ROW_DOUBLE_SHIFT,
  ROW_WORD_SHIFT,
  type RowStore,
} from './row.ts';
import type { RowSink } from './row-sink.ts';

const TWO_32 = 4_294_967_296;
/** Rows read ahead, so that their cache misses overlap. */
const GROUP = 32;

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
    const { words, doubles } = this.store;
    const srcHi = batch.use('srcAddrHi');
    const srcLo = batch.use('srcAddrLo');
    const dstHi = batch.use('dstAddrHi');
    const dstLo = batch.use('dstAddrLo');
    const srcPort = batch.use('srcPort');
    const dstPort = batch.use('dstPort');
    const proto = batch.use('proto');
    const tos = batch.use('tos');
    const tcpFlags = batch.use('tcpFlags');
    const inIf = batch.use('inIf');
    const packets = batch.use('packets');
    const octets = batch.use('octets');
    const firstMs = batch.use('firstMs');
    const lastMs = batch.use('lastMs');
    const receivedMs = batch.use('receivedMs');
    const exportMs = batch.use('exportMs');
    const endReason = batch.use('endReason');
    let direction: Uint8Array | undefined = batch.get('direction');
    let outIf: Uint32Array | undefined = batch.get('outIf');
    let at = batch.rows;
    let touched = 0;
    for (let group = start; group < end; group += GROUP) {
      const groupEnd = Math.min(end, group + GROUP);
      for (let i = group; i < groupEnd; i++) {
        const base = rows[i]! << ROW_WORD_SHIFT;
        touched ^= words[base]! ^ words[base + 16]!;
      }
      for (let i = group; i < groupEnd; i++, at++) {
        const base = rows[i]! << ROW_WORD_SHIFT;
        const wide = rows[i]! << ROW_DOUBLE_SHIFT;
        const pair = at << 1;
        srcHi[pair + 1] = swap(words[base + R_SRC]!);
        srcHi[pair] = swap(words[base + R_SRC + 1]!);
        srcLo[pair + 1] = swap(words[base + R_SRC + 2]!);
        srcLo[pair] = swap(words[base + R_SRC + 3]!);
        dstHi[pair + 1] = swap(words[base + R_DST]!);
        dstHi[pair] = swap(words[base + R_DST + 1]!);
        dstLo[pair + 1] = swap(words[base + R_DST + 2]!);
        dstLo[pair] = swap(words[base + R_DST + 3]!);
        const ports = words[base + R_PORTS]!;
        srcPort[at] = ports;
        dstPort[at] = ports >>> 16;
        const protoTosFlags = words[base + R_PROTO_TOS_FLAGS]!;
        proto[at] = protoTosFlags;
        tos[at] = protoTosFlags >>> 8;
        tcpFlags[at] = protoTosFlags >>> 16;
        inIf[at] = words[base + R_INPUT]!;
        let rowPackets = doubles[wide + D_PACKETS]!;
        let rowOctets = doubles[wide + D_OCTETS]!;
        if (rowOctets > Number.MAX_SAFE_INTEGER || rowPackets > Number.MAX_SAFE_INTEGER) {
          this.saturated++;
          rowPackets = Math.min(rowPackets, Number.MAX_SAFE_INTEGER);
          rowOctets = Math.min(rowOctets, Number.MAX_SAFE_INTEGER);
        }
        packets[pair] = rowPackets;
        packets[pair + 1] = rowPackets / TWO_32;
        octets[pair] = rowOctets;
        octets[pair + 1] = rowOctets / TWO_32;
        firstMs[at] = Math.floor(doubles[wide + D_FIRST]! / 1000);
        lastMs[at] = Math.floor(doubles[wide + D_LAST]! / 1000);
        const endMs = Math.floor(doubles[wide + D_END]! / 1000);
        receivedMs[at] = endMs;
        exportMs[at] = endMs;
        const state = words[base + R_STATE]!;
        endReason[at] = state >>> R_STATE_REASON_SHIFT;
        if ((state & P_META_DIRECTION_KNOWN) !== 0) {
          direction ??= batch.use('direction');
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
    this.store.touched[0] = touched;
    this.extras?.fill(batch, rows, start, end, batch.rows);
    this.biflows?.fill(batch, rows, start, end, batch.rows);
    batch.rows = at;
  }
}

/** Bytes of a word in reverse order. */
function swap(word: number): number {
  return (word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24);
}
