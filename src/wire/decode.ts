import type { FlowBatch } from '../flow/batch.ts';
import {
  type DatagramOrigin,
  type DecodeCounters,
  Decoding,
  type KeptSet,
  type StreamDirectory,
} from './decode-context.ts';
import { decodeIpfix } from './decode-ipfix.ts';
import { decodeRecords } from './decode-records.ts';
import { decodeV5, VERSION_V1 } from './decode-v5.ts';
import { decodeV9 } from './decode-v9.ts';
import { VERSION_IPFIX, VERSION_V5, VERSION_V7, VERSION_V9 } from './protocol.ts';

/** sFlow begins with a 32-bit version: 16 bits of zero, then 2, 4 or 5. */
const SFLOW_VERSION_BYTES = 4;
const SFLOW_LAST_VERSION = 5;

/**
 * Decodes NetFlow v1, v5, v7, v9 and IPFIX datagrams into flow batches; the version is told by content, so one port
 * serves all. Anything that cannot be read is counted by reason and skipped; nothing throws.
 */
export class DatagramDecoder {
  readonly decoding: Decoding;

  /**
   * `exchange` takes a full batch and gives an empty one for it; `directory` finds what is known of a stream.
   */
  constructor(first: FlowBatch, exchange: (full: FlowBatch) => FlowBatch, directory: StreamDirectory) {
    this.decoding = new Decoding(first, exchange, directory);
  }

  get counters(): Readonly<DecodeCounters> {
    return this.decoding.counters;
  }

  /** Decodes the datagram of `length` octets at `offset`; `bytes` and `view` are the same memory. */
  decode(bytes: Uint8Array, view: DataView, offset: number, length: number, origin: DatagramOrigin): void {
    const { decoding } = this;
    const { counters } = decoding;
    counters.datagrams++;
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
        if (isSflow(view, offset, length)) counters.sflow++;
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

  /** Hands on the rows decoded so far. */
  flush(): void {
    this.decoding.target.handOn();
  }
}

function isSflow(view: DataView, offset: number, length: number): boolean {
  if (length < SFLOW_VERSION_BYTES) return false;
  const version = view.getUint32(offset);
  return version > 0 && version <= SFLOW_LAST_VERSION;
}
