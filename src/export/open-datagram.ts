/** A datagram in the making: announcements first, then one data set. */
import type { FlowBatch } from '../flow/batch.ts';
import type { RecordEncoder } from '../wire/encode-record.ts';
import { SET_HEADER_BYTES } from '../wire/protocol.ts';

/** A whole set, ready to be sent, and what it counts for. */
export interface ControlSet {
  readonly bytes: Uint8Array;
  /** Templates or options records in it: v9 counts all of them. */
  readonly records: number;
  /** Options records in it: IPFIX counts only data. */
  readonly dataRecords: number;
}

/**
 * Rows are noted one by one (`push`) and written together, column by column, when the datagram is full or the batch
 * they stand in is about to go (`encodePending`).
 */
export class OpenDatagram {
  readonly bytes: Uint8Array<ArrayBuffer>;
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
  private readonly encoder: RecordEncoder;
  private readonly headerBytes: number;
  private readonly setId: number;
  private readonly maxBytes: number;
  private readonly maxRecords: number;
  private readonly rows: Uint32Array<ArrayBuffer>;
  private pending = 0;
  private capacity = 0;
  private setStart = 0;
  private end = 0;

  /**
   * @param maxBytes longest datagram, a multiple of 4
   * @param maxRecords most flow records in one (NetFlow v5: 30)
   * @param setId id of the data set, 0 for a format without sets
   */
  constructor(encoder: RecordEncoder, headerBytes: number, maxBytes: number, maxRecords: number, setId: number) {
    this.encoder = encoder;
    this.narrowCounters = encoder.narrowCounters;
    this.headerBytes = headerBytes;
    this.maxBytes = maxBytes;
    this.maxRecords = maxRecords;
    this.setId = setId;
    this.bytes = new Uint8Array(maxBytes);
    this.view = new DataView(this.bytes.buffer);
    this.rows = new Uint32Array(Math.max(1, this.roomFrom(headerBytes)));
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
    this.rows[this.pending++] = row;
    if (exportMs > this.latestMs) this.latestMs = exportMs;
    return ++this.flows === this.capacity;
  }

  bind(batch: FlowBatch): void {
    this.encoder.bind(batch);
  }

  /** Writes the rows noted, whose batch must still be bound. */
  encodePending(bootMs: number): void {
    if (this.pending === 0) return;
    if (this.setId !== 0 && this.setStart === 0) {
      this.setStart = this.end;
      this.end += SET_HEADER_BYTES;
    }
    this.end = this.encoder.encode(this.bytes, this.view, this.end, this.rows, this.pending, bootMs);
    this.pending = 0;
  }

  /**
   * Ends the data set (padded with zeros to 4 bytes, RFC 3954 section 5.3), so that other sets may follow it; returns the
   * datagram's length so far.
   */
  endSet(): number {
    if (this.setStart !== 0) {
      while (this.end % 4 !== 0) this.bytes[this.end++] = 0;
      this.view.setUint16(this.setStart, this.setId);
      this.view.setUint16(this.setStart + 2, this.end - this.setStart);
      this.setStart = 0;
    }
    return this.end;
  }

  /** Ends the datagram; returns its length. */
  finish(): number {
    this.isOpen = false;
    return this.endSet();
  }

  private roomFrom(end: number): number {
    const setHeader = this.setId === 0 ? 0 : SET_HEADER_BYTES;
    const room = Math.floor((this.maxBytes - end - setHeader) / this.encoder.recordBytes);
    return Math.max(0, Math.min(room, this.maxRecords));
  }
}
