import type { FlowBatch } from '../flow/batch.ts';
import type { DatagramOrigin, DecodeCounters, KeptSet, StreamDirectory } from './decode-context.ts';
import { decodeIpfix } from './decode-ipfix.ts';
import { decodeRecords } from './decode-records.ts';
import { SflowDecoder } from './decode-sflow.ts';
import type { FrameDecoder } from './decode-sflow-headers.ts';
import { decodeV5, VERSION_V1 } from './decode-v5.ts';
import { decodeV9 } from './decode-v9.ts';
import { Decoding } from './decoding.ts';
import { VERSION_IPFIX, VERSION_V5, VERSION_V7, VERSION_V9 } from './protocol.ts';
import type { Transpose } from './transpose-queue.ts';

/** sFlow begins with a version of 32 bits: the first 16 are zero, which is no version of NetFlow. */
const SFLOW_VERSION_BYTES = 4;
const SFLOW_V5 = 5;

/**
 * Decodes NetFlow v1, v5, v7, v9, IPFIX and sFlow v5 datagrams into flow batches; the version is told by content, so one port
 * serves all. Anything that cannot be read is counted by reason and skipped; nothing throws.
 */
export class DatagramDecoder {
  readonly decoding: Decoding;
  private readonly sflow: SflowDecoder;

  /**
   * `exchange` takes a full batch and gives an empty one for it; `directory` finds what is known of a stream;
   * `openFrames` gives the decoder for sampled headers of a LINKTYPE_ number; `transpose` copies plain records, which are
   * copied here where it is left out.
   */
  constructor(
    first: FlowBatch,
    exchange: (full: FlowBatch) => FlowBatch,
    directory: StreamDirectory,
    openFrames: (linkType: number) => FrameDecoder,
    transpose?: Transpose,
  ) {
    this.decoding = new Decoding(first, exchange, directory, transpose);
    this.sflow = new SflowDecoder(this.decoding, openFrames);
  }

  get counters(): Readonly<DecodeCounters> {
    return this.decoding.counters;
  }

  /**
   * Decodes the datagram of `length` octets at `offset`; `bytes` and `view` are the same memory, which stays as it is
   * until `settle`.
   */
  decode(bytes: Uint8Array, view: DataView, offset: number, length: number, origin: DatagramOrigin): void {
    const { decoding } = this;
    const { counters } = decoding;
    counters.datagrams++;
    decoding.queue.from(bytes, view);
    if (length < 2) {
      counters.tooShort++;
      return;
    }
    const version = view.getUint16(offset);
    switch (version) {
      case VERSION_V5:
      case VERSION_V7:
      case VERSION_V1:
        decodeV5(decoding, view, offset, length, version, origin);
        break;
      case VERSION_V9:
        decodeV9(decoding, bytes, view, offset, length, origin);
        break;
      case VERSION_IPFIX:
        decodeIpfix(decoding, bytes, view, offset, length, origin);
        break;
      default:
        if (isSflow(view, offset, length)) this.sflow.decode(bytes, view, offset, length, origin);
        else counters.unknownVersion++;
    }
  }

  /**
   * Decodes a data set that was kept until its template came, as part of the datagram that it stood in. `set.bytes` is
   * the set without its header.
   */
  replay(set: KeptSet): void {
    const { context } = this.decoding;
    const template = set.stream.template(set.setId);
    if (template === undefined) return;
    context.version = set.version;
    context.domain = set.domain;
    context.exportMs = set.exportMs;
    context.uptimeMs = set.uptimeMs;
    context.hasUptime = set.hasUptime;
    context.headerRate = 0;
    context.stream = set.stream;
    const view = new DataView(set.bytes.buffer, set.bytes.byteOffset, set.bytes.byteLength);
    decodeRecords(this.decoding, template, view, 0, set.bytes.length, set.origin);
  }

  /** Finishes the rows that wait for the addon; to be called before the memory of the datagrams is used for others. */
  settle(): void {
    this.decoding.queue.settle();
    this.sflow.headers.settle();
  }

  /** Hands on the rows decoded so far. */
  flush(): void {
    this.decoding.target.handOn();
  }
}

function isSflow(view: DataView, offset: number, length: number): boolean {
  return length >= SFLOW_VERSION_BYTES && view.getUint32(offset) === SFLOW_V5;
}
