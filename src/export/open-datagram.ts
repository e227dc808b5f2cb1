/** A datagram in the making: announcements first, then one data set. */
import type { FlowBatch } from '../flow/batch.ts';
import type { RecordLayout, RecordWriter } from '../wire/encode-record.ts';
import { SET_HEADER_BYTES } from '../wire/protocol.ts';
import { OUTBOX_BYTES, OUTBOX_DATAGRAMS } from './outbox.ts';

/** A whole set, ready to be sent, and what it counts for. */
export interface ControlSet {
  readonly bytes: Uint8Array;
  /** Templates or options records in it: v9 counts all of them. */
  readonly records: number;
  /** Options records in it: IPFIX counts only data. */
  readonly dataRecords: number;
}

/**
 * Rows are noted one by one (`push`). Those of datagrams that have left for the outbox are written there, many datagrams at a
 * time (`writeRecords`); those of one that stays open when their batch goes are written to its own bytes
 * (`encodePending`).
 */
export class OpenDatagram {
  readonly view: DataView<ArrayBuffer>;
  /** Flows whose counters pass 32 bits must be split. */
  readonly narrowCounters: boolean;
  /** Export time of the flow that opened it, and the latest of all in it; ms. */
  openedMs = 0;
  latestMs = 0;
  isOpen = false;
  /** It has templates that datagrams behind it rely on. */
  announces = false;
  /** Flow records written and noted. */
  flows = 0;
  controlRecords = 0;
  controlDataRecords = 0;
  private readonly writer: RecordWriter;
  private readonly recordBytes: number;
  private readonly headerBytes: number;
  private readonly setId: number;
  private readonly maxBytes: number;
  private readonly maxRecords: number;
  /** All but the records whose rows are noted. */
  private readonly bytes: Uint8Array<ArrayBuffer>;
  /** Rows noted: of datagrams in the outbox, then `pending` ones of this. */
  private readonly rows: Uint32Array<ArrayBuffer>;
  private noted = 0;
  private pending = 0;
  /** Where records are missing in the outbox; see `RecordWriter.write`. */
  private readonly runs = new Uint32Array(OUTBOX_DATAGRAMS * 2);
  private runCount = 0;
  private capacity = 0;
  private setStart = 0;
  private end = 0;
  private length = 0;

  /**
   * @param maxBytes longest datagram, a multiple of 4
   * @param maxRecords most flow records in one (NetFlow v5: 30)
   * @param setId id of the data set, 0 for a format without sets
   */
  constructor(layout: RecordLayout, headerBytes: number, maxBytes: number, maxRecords: number, setId: number) {
    this.recordBytes = layout.recordBytes;
    this.narrowCounters = layout.narrowCounters;
    this.headerBytes = headerBytes;
    this.maxBytes = maxBytes;
    this.maxRecords = maxRecords;
    this.setId = setId;
    this.bytes = new Uint8Array(maxBytes);
    this.view = new DataView(this.bytes.buffer);
    this.rows = new Uint32Array(Math.ceil(OUTBOX_BYTES / layout.recordBytes) + this.roomFrom(headerBytes));
    this.writer = layout.writer();
  }

  /** Starts a datagram; nothing of the one before is left. */
  open(exportMs: number): void {
    this.isOpen = true;
    this.announces = false;
    this.openedMs = exportMs;
    this.latestMs = exportMs;
    this.flows = 0;
    this.pending = 0;
    this.controlRecords = 0;
    this.controlDataRecords = 0;
    this.end = this.headerBytes;
    this.setStart = 0;
    this.capacity = this.roomFrom(this.end);
  }

  /** Adds a set before the data; false when it and `leaveRecords` flows do not fit together. */
  addControl(set: ControlSet, leaveRecords: number): boolean {
    const end = this.end + set.bytes.length;
    if (end > this.maxBytes || this.roomFrom(end) < leaveRecords) return false;
    this.bytes.set(set.bytes, this.end);
    this.end = end;
    this.controlRecords += set.records;
    this.controlDataRecords += set.dataRecords;
    this.capacity = this.roomFrom(end);
    return true;
  }

  /** Notes a row of the bound batch; true when the datagram is full with it. */
  push(row: number, exportMs: number): boolean {
    this.rows[this.noted++] = row;
    this.pending++;
    if (exportMs > this.latestMs) this.latestMs = exportMs;
    return ++this.flows === this.capacity;
  }

  bind(batch: FlowBatch): void {
    this.writer.bind(batch);
  }

  /** Writes the records of rows noted since it was opened, whose batch must still be bound. */
  encodePending(bootMs: number): void {
    const { pending } = this;
    if (pending === 0) return;
    this.beginSet();
    this.noted -= pending;
    this.pending = 0;
    this.writer.write(this.bytes, this.rows, this.noted, Uint32Array.of(this.end, pending), 1, bootMs);
    this.end += pending * this.recordBytes;
  }

  /** Ends the data set, of which no row is pending, so that other sets may follow it; returns the datagram's length so far. */
  endSet(): number {
    const { end } = this;
    this.end = this.closeSet(end);
    this.bytes.fill(0, end, this.end);
    return this.end;
  }

  /** Ends the datagram; returns its length. */
  finish(): number {
    this.isOpen = false;
    if (this.pending > 0) this.beginSet();
    this.length = this.closeSet(this.end + this.pending * this.recordBytes);
    return this.length;
  }

  /** Copies the datagram, which is finished, to byte `at`; true if records are still to be written there. */
  copyTo(bytes: Uint8Array, at: number): boolean {
    const { end, pending, length } = this;
    // Mostly a few bytes, for which `set` and `fill` take longer.
    for (let i = 0; i < end; i++) bytes[at + i] = this.bytes[i]!;
    for (let i = end + pending * this.recordBytes; i < length; i++) bytes[at + i] = 0;
    if (pending === 0) return false;
    this.runs[this.runCount * 2] = at + end;
    this.runs[this.runCount * 2 + 1] = pending;
    this.runCount++;
    this.pending = 0;
    return true;
  }

  /** Writes the records that are missing where it was copied to; their batch must still be bound. */
  writeRecords(bytes: Uint8Array, bootMs: number): void {
    const written = this.noted - this.pending;
    this.writer.write(bytes, this.rows, 0, this.runs, this.runCount, bootMs);
    this.runCount = 0;
    this.rows.copyWithin(0, written, this.noted);
    this.noted = this.pending;
  }

  private beginSet(): void {
    if (this.setId === 0 || this.setStart !== 0) return;
    this.setStart = this.end;
    this.end += SET_HEADER_BYTES;
  }

  /** Writes the header of the set that ends at `end`; returns where it ends padded to 4 bytes (RFC 3954 section 5.3). */
  private closeSet(end: number): number {
    if (this.setStart === 0) return end;
    const padded = (end + 3) & ~3;
    this.view.setUint16(this.setStart, this.setId);
    this.view.setUint16(this.setStart + 2, padded - this.setStart);
    this.setStart = 0;
    return padded;
  }

  private roomFrom(end: number): number {
    const setHeader = this.setId === 0 ? 0 : SET_HEADER_BYTES;
    const room = Math.floor((this.maxBytes - end - setHeader) / this.recordBytes);
    return Math.max(0, Math.min(room, this.maxRecords));
  }
}
