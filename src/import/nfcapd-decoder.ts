import type { FlowBatch } from '../flow/batch.ts';
import { type ColumnName, columnByName } from '../flow/fields.ts';
import { FlowFileError } from './flow-file-error.ts';
import { CellWriter } from './nfcapd-cells.ts';
import { NfcapdExporters, SFLOW_VERSION } from './nfcapd-exporters.ts';
import { EXTENSIONS, NAT_EVENT_WITH_VRF } from './nfcapd-extensions.ts';
import type { RecordBlock } from './nfcapd-file.ts';
import { OLD_LONG, OLD_SHORT, OldRecords } from './nfcapd-old-records.ts';

/** Types of records. */
const OLD_FLOW_SHORT = 1;
const OLD_MAP = 2;
const EXPORTER = 7;
const EXPORTER_COUNTERS = 8;
const OLD_SAMPLER = 9;
const OLD_FLOW = 10;
const FLOW = 11;
const SAMPLER = 15;

/** Blocks of records, as against arrays of one kind of them. */
const MIXED_BLOCKS = [2, 3];

const FLOW_HEADER_BYTES = 12;
const EXTENSION_HEADER_BYTES = 4;
const NAT_EVENT = 25;
/** Flag of a flow whose counters were multiplied by the sampling rate. */
const FLAG_SAMPLED = 2;
const OLD_FLAG_SAMPLED = 0x80;
const SCALED = 'counters multiplied by the sampling rate';

const indexOf = (name: ColumnName) => columnByName.get(name)!.index;
const RECEIVED = indexOf('receivedMs');
const FIRST = indexOf('firstMs');
const EVENT = indexOf('eventMs');
const SAMPLING = indexOf('sampling');
const DOMAIN = indexOf('domain');
const EXPORT_VERSION = indexOf('exportVersion');
const EXPORTER_HI = indexOf('exporterHi');
const EXPORTER_LO = indexOf('exporterLo');

/** Turns the records of one file's blocks into rows of batches, block after block. */
export class NfcapdDecoder {
  private readonly cells = new CellWriter();
  private readonly exporters = new NfcapdExporters();
  private readonly old = new OldRecords();
  private view: DataView = new DataView(new ArrayBuffer(0));
  private at = 0;
  private left = 0;
  /** Records that are no flows and say nothing that is kept, by type. */
  private readonly passed = new Map<number, number>();

  /** The next block. */
  begin(block: RecordBlock): void {
    this.view = block.view;
    this.at = 0;
    this.left = block.records;
    if (MIXED_BLOCKS.includes(block.type)) return;
    this.cells.lose(`block of type ${block.type}`);
    this.left = 0;
  }

  /**
   * Adds flows of the block to a batch until either ends; true when the block has.
   * @throws FlowFileError for a record that does not fit; the last row of the batch is then in pieces
   */
  decode(batch: FlowBatch): boolean {
    this.cells.begin(batch);
    const { view } = this;
    while (this.left > 0) {
      if (batch.isFull) return false;
      const { at } = this;
      if (at + 4 > view.byteLength) throw new FlowFileError('damaged: a block ends before its last record');
      const size = view.getUint16(at + 2, true);
      if (size < 4 || at + size > view.byteLength) throw new FlowFileError('damaged: a record is cut');
      this.decodeRecord(view.getUint16(at, true), at, size, batch);
      this.at = at + size;
      this.left--;
    }
    return true;
  }

  /** What was in the records and has no column, by name, and how often; what is no flow is by its type. */
  lost(): ReadonlyMap<string, number> {
    const lost = new Map(this.cells.lost);
    for (const [type, records] of this.passed) lost.set(`record of type ${type}`, records);
    return lost;
  }

  private decodeRecord(type: number, at: number, size: number, batch: FlowBatch): void {
    switch (type) {
      case FLOW:
        this.decodeFlow(at, size, batch.rows++);
        return;
      case OLD_FLOW:
      case OLD_FLOW_SHORT: {
        const row = batch.rows++;
        const form = type === OLD_FLOW ? OLD_LONG : OLD_SHORT;
        this.old.decode(this.view, at, size, form, this.cells, row);
        this.finish(row, this.view.getUint8(at + 4) & OLD_FLAG_SAMPLED, form.exporter(this.view, at), 0);
        return;
      }
      case OLD_MAP:
        this.old.addMap(this.view, at, size);
        return;
      case EXPORTER:
        this.exporters.add(this.view, at, size);
        return;
      // Counters and rates of exporters: of the collector's time, not of a flow.
      case EXPORTER_COUNTERS:
      case OLD_SAMPLER:
      case SAMPLER:
        return;
      default:
        this.passed.set(type, (this.passed.get(type) ?? 0) + 1);
    }
  }

  private decodeFlow(start: number, size: number, row: number): void {
    const { view } = this;
    if (size < FLOW_HEADER_BYTES) throw new FlowFileError('damaged: a flow record is too short');
    const end = start + size;
    let at = start + FLOW_HEADER_BYTES;
    for (let left = view.getUint16(start + 4, true); left > 0; left--) {
      if (at + EXTENSION_HEADER_BYTES > end) throw new FlowFileError('damaged: a flow record ends too early');
      const type = view.getUint16(at, true);
      const length = view.getUint16(at + 2, true);
      if (length < EXTENSION_HEADER_BYTES || at + length > end) {
        throw new FlowFileError('damaged: an extension of a flow record is cut');
      }
      this.decodeExtension(type, at + EXTENSION_HEADER_BYTES, length - EXTENSION_HEADER_BYTES, row);
      at += length;
    }
    this.finish(
      row,
      view.getUint8(start + 10) & FLAG_SAMPLED,
      view.getUint16(start + 8, true),
      view.getUint8(start + 11),
    );
  }

  private decodeExtension(type: number, at: number, bytes: number, row: number): void {
    let known = EXTENSIONS[type];
    if (type === NAT_EVENT && bytes === NAT_EVENT_WITH_VRF.bytes) known = NAT_EVENT_WITH_VRF;
    if (known === undefined) {
      this.cells.lose(`extension ${type}`);
      return;
    }
    if (bytes < known.bytes) throw new FlowFileError(`damaged: extension ${type} has ${bytes} octets`);
    this.cells.write(this.view, at, known, row);
  }

  /** What does not stand in extensions. `version` is that of the flow's own header, 0 when it has none. */
  private finish(row: number, sampled: number, exporterNumber: number, version: number): void {
    const { cells } = this;
    if (sampled !== 0) {
      // The counters already stand for every packet: whoever reads them must not multiply once more.
      cells.array(SAMPLING)[row] = 1;
      cells.lose(SCALED);
    }
    const first = cells.array(FIRST);
    if (first[row] === 0 && cells.has(EVENT)) first[row] = cells.array(EVENT)[row]!;
    cells.array(RECEIVED);
    const exporter = this.exporters.get(exporterNumber);
    const exportVersion = exporter?.version === SFLOW_VERSION ? SFLOW_VERSION : version || (exporter?.version ?? 0);
    if (exportVersion !== 0) cells.array(EXPORT_VERSION)[row] = exportVersion;
    if (exporter === undefined) return;
    cells.array(DOMAIN)[row] = exporter.domain;
    const hi = cells.array(EXPORTER_HI);
    const lo = cells.array(EXPORTER_LO);
    const i = row * 2;
    // What the flow itself says of its exporter counts more.
    if ((hi[i]! | hi[i + 1]! | lo[i]! | lo[i + 1]!) !== 0) return;
    const [w0, w1, w2, w3] = exporter.address;
    hi[i + 1] = w0;
    hi[i] = w1;
    lo[i + 1] = w2;
    lo[i] = w3;
  }
}
