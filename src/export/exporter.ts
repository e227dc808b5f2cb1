/** Flows to NetFlow v5, NetFlow v9 or IPFIX datagrams. */
import type { FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { wide } from '../flow/u64.ts';
import { UPTIME_WRAP_MS, VERSION_IPFIX, VERSION_V5 } from '../wire/protocol.ts';
import { Announcer } from './announcer.ts';
import { bootBefore, type CompleteOptions, completeOptions, type FlowExporterOptions } from './exporter-options.ts';
import { sendFinalCounts } from './final-counts.ts';
import { MessageStream } from './message-stream.ts';
import type { OpenDatagram } from './open-datagram.ts';
import { Outbox } from './outbox.ts';
import { isV6, RowClasses } from './row-classes.ts';
import { FlowSplitter } from './split.ts';
import { hasDirection, separatesIcmp, type TemplateSelection } from './templates.ts';
import { DatagramsUnderWay } from './under-way.ts';

/** Rows that are taken together. */
const GROUP = 256;

export interface ExporterStats {
  /** Flows taken in, and records sent for them: more when flows were split, less when IPv6 was skipped. */
  flows: number;
  records: number;
  datagrams: number;
  bytes: number;
  /** v5 knows no IPv6: flows, and what they carried, that were not exported. */
  skippedIpv6Flows: number;
  skippedIpv6Octets: number;
  /** Flows sent as several records because a counter passed 32 bits, and those too big even so. */
  splitFlows: number;
  clampedFlows: number;
  /** Times that the boot time was moved: the uptime passed 2^32 ms, or export times went back behind it. */
  epochs: number;
}

/** What several exporters did together; undefined of none. */
export function sumOfStats(all: readonly ExporterStats[]): ExporterStats | undefined {
  const [first, ...others] = all;
  if (first === undefined) return undefined;
  const sum = { ...first };
  for (const stats of others) for (const key of Object.keys(sum) as (keyof ExporterStats)[]) sum[key] += stats[key];
  return sum;
}

/**
 * Each kind of flow (family, direction known or not) has a datagram of its own under way, so datagrams are full
 * however the kinds are mixed. What comes out depends on the flows and their order alone, not on how they were cut
 * into batches (clock `flows`).
 */
export class FlowExporter implements FlowConsumer {
  private readonly options: CompleteOptions;
  private readonly outbox: Outbox;
  private readonly stream: MessageStream;
  private readonly announcer: Announcer | undefined;
  private classes: RowClasses;
  private readonly splitter = new FlowSplitter();
  private readonly underWay: DatagramsUnderWay;
  private batch: FlowBatch | undefined;
  private flows = 0;
  private skippedIpv6Flows = 0;
  private skippedIpv6Octets = 0;
  private epochs = 0;

  constructor(options: FlowExporterOptions) {
    this.options = completeOptions(options);
    const { version, template, domain, sampling, refreshSeconds } = this.options;
    this.outbox = new Outbox(this.options.transports, () => this.stream.complete());
    this.stream = new MessageStream(version, domain, sampling, this.outbox);
    if (version === VERSION_V5) {
      this.classes = new RowClasses(false, false, false);
    } else {
      this.classes = this.classesOf(template);
      this.announcer = new Announcer({ ...this.options, refreshMs: refreshSeconds * 1000 });
    }
    this.underWay = new DatagramsUnderWay(this.options, this.stream, this.announcer);
  }

  /**
   * Takes the flows of a batch, in their order, or only those of the rows `start` (inclusive) to `end` (exclusive). It is
   * done with the batch when it returns; a promise, if any, resolves once the transports have room for more.
   */
  write(batch: FlowBatch, start = 0, end = batch.rows): Promise<void> | undefined {
    const { underWay } = this;
    const isWall = this.options.clock === 'wall';
    const nowMs = isWall ? this.options.now() : 0;
    if (start >= end) return undefined;
    this.batch = batch;
    this.classes.bind(batch);
    for (const datagram of underWay.byClass) datagram?.bind(batch);
    this.startClock();
    if (isWall) underWay.sendOverdue(nowMs);
    for (let row = start; row < end; row += GROUP) this.writeGroup(batch, row, Math.min(row + GROUP, end), nowMs);
    for (const datagram of underWay.byClass) datagram?.encodePending(underWay.bootMs);
    this.flows += end - start;
    this.batch = undefined;
    this.outbox.flush();
    return this.outbox.room();
  }

  /**
   * Takes a group of rows. A function of its own, so that what V8 has compiled in the meantime is taken up with the next group, and
   * is not given up as the rows of a batch end.
   */
  private readonly writeGroup = (batch: FlowBatch, start: number, end: number, nowMs: number): void => {
    const { classes, underWay } = this;
    const datagrams = underWay.byClass;
    const isWall = this.options.clock === 'wall';
    const times = batch.get('exportMs');
    const octets = batch.get('octets');
    const packets = batch.get('packets');
    for (let row = start; row < end; row++) {
      const rowClass = classes.classOf(row);
      if (this.announcer === undefined && isV6(rowClass)) {
        this.skipIpv6(row, octets);
        continue;
      }
      let exportMs = nowMs;
      if (!isWall) {
        exportMs = times === undefined ? 0 : times[row]!;
        if (exportMs === 0) exportMs = this.timeOf(row);
        if (exportMs >= underWay.nextDueMs) underWay.sendOverdue(exportMs);
      }
      const uptimeMs = exportMs - underWay.bootMs;
      if (uptimeMs < 0 || uptimeMs >= UPTIME_WRAP_MS) this.restartEpoch(exportMs, row);
      const datagram = datagrams[rowClass] ?? this.addDatagram(rowClass);
      if (datagram.narrowCounters && (isWide(octets, row) || isWide(packets, row)))
        this.splitFlow(datagram, row, exportMs);
      else this.push(datagram, row, exportMs);
    }
  };

  /**
   * Sends what has waited for a second, and templates when they are due though no flow comes. Call it several times a
   * second with the wall clock; in replay with the clock of the packets, or not at all: flows bring the time with them.
   */
  tick(nowMs: number): void {
    this.underWay.sendOverdue(nowMs);
    if (this.options.clock === 'wall') this.underWay.announceIdle(nowMs);
    this.outbox.flush();
  }

  /**
   * Sends templates and options before the flows to come: for a collector that has just come up, and where options are others. Flows under
   * way leave first, else some of those to come would go with them.
   */
  announce(): void {
    if (this.announcer === undefined) return;
    this.underWay.sendAll();
    this.announcer.ask();
    this.outbox.flush();
  }

  /**
   * Flows written from now on have other fields. What is under way leaves as it is; then templates no longer used are
   * withdrawn where that is due (RFC 7011 section 8.1). The new ones have numbers of their own. Not for NetFlow v5.
   */
  changeTemplate(template: TemplateSelection): void {
    const { announcer } = this;
    if (announcer === undefined) throw new Error('NetFlow v5 has no templates');
    this.underWay.changeTemplate(announcer, template);
    this.classes = this.classesOf(template);
    this.outbox.flush();
  }

  /**
   * A new transport session (a TCP connection made anew) begins: sequence from 0, and templates before everything else,
   * datagrams that are under way included.
   */
  restartSession(): void {
    this.stream.restartSequence();
    this.announceFirst();
  }

  /** Sends templates before everything else: for a collector that is reached in a new way. */
  announceFirst(): void {
    const { announcer } = this;
    if (announcer === undefined || !announcer.hasTemplates) return;
    this.underWay.announceFirst(announcer);
    this.outbox.flush();
  }

  stats(): ExporterStats {
    return {
      flows: this.flows,
      records: this.stream.records,
      datagrams: this.stream.messages,
      bytes: this.stream.bytes,
      skippedIpv6Flows: this.skippedIpv6Flows,
      skippedIpv6Octets: this.skippedIpv6Octets,
      splitFlows: this.splitter.splitFlows,
      clampedFlows: this.splitter.clampedFlows,
      epochs: this.epochs,
    };
  }

  /** Sends everything, waits until it has left, closes the transports. */
  async close(): Promise<void> {
    const { announcer, underWay, stream } = this;
    const { processCounts } = this.options;
    if (announcer !== undefined && processCounts !== undefined)
      sendFinalCounts(underWay, stream, announcer, processCounts);
    underWay.sendAll();
    await this.outbox.close();
  }

  private classesOf(template: TemplateSelection): RowClasses {
    return new RowClasses(hasDirection(template), separatesIcmp(template), this.options.version === VERSION_IPFIX);
  }

  private push(datagram: OpenDatagram, row: number, exportMs: number): void {
    if (!datagram.isOpen) this.underWay.open(datagram, exportMs);
    if (datagram.push(row, exportMs)) this.underWay.send(datagram);
  }

  private addDatagram(rowClass: number): OpenDatagram {
    const datagram = this.underWay.add(rowClass);
    datagram.bind(this.batch!);
    return datagram;
  }

  private splitFlow(datagram: OpenDatagram, row: number, exportMs: number): void {
    this.encodePending(datagram);
    this.splitter.split(this.batch!, row, (rows) => {
      datagram.bind(this.splitter.pieces);
      for (let piece = 0; piece < rows; piece++) this.push(datagram, piece, exportMs);
      this.encodePending(datagram);
    });
    datagram.bind(this.batch!);
  }

  /** Writes all records of a datagram and those before it, whose batch is about to go. */
  private encodePending(datagram: OpenDatagram): void {
    this.stream.complete();
    datagram.encodePending(this.underWay.bootMs);
  }

  /** Export time of a flow that has none: its end, or what little is known. */
  private timeOf(row: number): number {
    return this.batch!.get('lastMs')?.[row] || this.batch!.get('firstMs')?.[row] || this.underWay.bootMs;
  }

  private skipIpv6(row: number, octets: Uint32Array | undefined): void {
    this.skippedIpv6Flows++;
    if (octets !== undefined) this.skippedIpv6Octets += wide(octets, row);
  }

  private startClock(): void {
    if (Number.isNaN(this.underWay.bootMs)) this.underWay.bootMs = Math.floor(this.options.bootMs() / 1000) * 1000;
  }

  /**
   * Uptime has 32 bits of milliseconds. A replay that spans more goes on as a device that was started anew: what is
   * open goes out under the old boot time, the templates are sent again.
   */
  private restartEpoch(exportMs: number, row: number): void {
    if (this.options.version === VERSION_IPFIX) return;
    this.underWay.sendAll();
    this.stream.complete();
    const firstMs = this.batch!.get('firstMs')?.[row] ?? exportMs;
    const isRecent = firstMs <= exportMs && exportMs - firstMs < UPTIME_WRAP_MS / 2;
    this.underWay.bootMs = bootBefore(isRecent ? firstMs : exportMs);
    this.epochs++;
    this.announcer?.ask();
  }
}

/** Whether a counter passes 32 bits. */
function isWide(counter: Uint32Array | undefined, row: number): boolean {
  return counter !== undefined && counter[row * 2 + 1] !== 0;
}
