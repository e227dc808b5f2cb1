/** Numbers messages, writes their headers and hands them on: one stream, whose readers see every message. */
import { v5Sampling, writeIpfixHeader, writeV5Header, writeV9Header } from '../wire/encode-header.ts';
import { VERSION_IPFIX, VERSION_V5, VERSION_V9 } from '../wire/protocol.ts';
import type { OpenDatagram } from './open-datagram.ts';
import type { ExportCounts, SamplingOptions } from './options.ts';
import type { Outbox } from './outbox.ts';

export class MessageStream implements ExportCounts {
  messages = 0;
  bytes = 0;
  /** Flow records. */
  records = 0;
  /** In units of the protocol: flows (v5), datagrams (v9), data records (IPFIX); taken modulo 2^32 in the header. */
  private sequence = 0;
  private readonly version: number;
  private readonly domain: number;
  private readonly sampling: number;
  private readonly outbox: Outbox;
  /** Those of which datagrams in the outbox have no records yet, whose uptimes count from `bootMs`. */
  private readonly incomplete = new Set<OpenDatagram>();
  private bootMs = 0;

  constructor(version: number, domain: number, sampling: SamplingOptions, outbox: Outbox) {
    this.version = version;
    this.domain = domain;
    this.sampling = v5Sampling(sampling.rate, sampling.random);
    this.outbox = outbox;
  }

  /** The next message is the first of a new transport session (RFC 7011 section 3.1). */
  restartSequence(): void {
    this.sequence = 0;
  }

  /** Ends a datagram and puts it into the outbox; its records may be written later (`complete`). */
  emit(datagram: OpenDatagram, exportMs: number, bootMs: number): void {
    const length = datagram.finish();
    const { view, flows, controlRecords, controlDataRecords } = datagram;
    switch (this.version) {
      case VERSION_V5:
        writeV5Header(view, flows, exportMs, bootMs, this.sequence, this.domain, this.sampling);
        this.sequence += flows;
        break;
      case VERSION_V9:
        writeV9Header(view, flows + controlRecords, exportMs, bootMs, this.sequence, this.domain);
        this.sequence += 1;
        break;
      case VERSION_IPFIX:
        writeIpfixHeader(view, length, exportMs, this.sequence, this.domain);
        this.sequence += flows + controlDataRecords;
        break;
    }
    this.sequence >>>= 0;
    this.messages++;
    this.bytes += length;
    this.records += flows;
    if (datagram.copyTo(this.outbox.bytes, this.outbox.claim(length))) this.incomplete.add(datagram);
    this.bootMs = bootMs;
  }

  /**
   * Writes the records that datagrams in the outbox lack: before these leave, the records' batch goes, or uptimes count from
   * another time.
   */
  complete(): void {
    for (const datagram of this.incomplete) datagram.writeRecords(this.outbox.bytes, this.bootMs);
    this.incomplete.clear();
  }
}
