/** Flows to NetFlow v5, NetFlow v9 or IPFIX datagrams. */
import type { FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { RecordEncoder } from '../wire/encode-record.ts';
import { withdrawalSet } from '../wire/encode-template.ts';
import { V5_LAYOUT } from '../wire/encode-v5.ts';
import {
  IPFIX_HEADER_BYTES,
  UPTIME_WRAP_MS,
  V5_HEADER_BYTES,
  V5_MAX_RECORDS,
  V9_HEADER_BYTES,
  VERSION_IPFIX,
  VERSION_V5,
  VERSION_V9,
} from '../wire/protocol.ts';
import { Announcer } from './announcer.ts';
import { bootBefore, type CompleteOptions, completeOptions, type FlowExporterOptions } from './exporter-options.ts';
import { MessageStream } from './message-stream.ts';
import { type ControlSet, OpenDatagram } from './open-datagram.ts';
import type { ProcessCounts } from './options.ts';
import { Outbox } from './outbox.ts';
import { isV6, ROW_CLASSES, RowClasses } from './row-classes.ts';
import { FlowSplitter } from './split.ts';
import { hasDirection, separatesIcmp, type TemplateSelection } from './templates.ts';

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

/** Longest that a flow waits for its datagram to fill. */
const MAX_IDLE_MS = 1000;
const WORD = 0x1_0000_0000;

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
  /** By class of row; filled as classes turn up. */
  private readonly datagrams: (OpenDatagram | undefined)[] = new Array(ROW_CLASSES).fill(undefined);
  /** The open datagram that announces templates: nothing may overtake it. */
  private announcing: OpenDatagram | undefined;
  private batch: FlowBatch | undefined;
  private bootMs = Number.NaN;
  /** No open datagram is overdue before this time. */
  private nextDueMs = Number.POSITIVE_INFINITY;
  private flows = 0;
  private skippedIpv6Flows = 0;
  private skippedIpv6Octets = 0;
  private epochs = 0;

  constructor(options: FlowExporterOptions) {
    this.options = completeOptions(options);
    const { version, template, domain, sampling, refreshSeconds } = this.options;
    this.outbox = new Outbox(this.options.transports);
    this.stream = new MessageStream(version, domain, sampling, this.outbox);
    if (version === VERSION_V5) {
      this.classes = new RowClasses(false, false, false);
    } else {
      this.classes = this.classesOf(template);
      this.announcer = new Announcer({ ...this.options, refreshMs: refreshSeconds * 1000 });
    }
  }

  /**
   * Takes the flows of a batch, in their order, or only those of the rows `start` (inclusive) to `end` (exclusive). It is
   * done with the batch when it returns; a promise, if any, resolves once the transports have room for more.
   */
  write(batch: FlowBatch, start = 0, end = batch.rows): Promise<void> | undefined {
    const { classes, datagrams } = this;
    const isWall = this.options.clock === 'wall';
    const nowMs = isWall ? this.options.now() : 0;
    const times = batch.get('exportMs');
    const octets = batch.get('octets');
    const packets = batch.get('packets');
    if (start >= end) return undefined;
    this.batch = batch;
    classes.bind(batch);
    for (const datagram of datagrams) datagram?.bind(batch);
    this.startClock();
    if (isWall) this.closeOverdue(nowMs);
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
        if (exportMs >= this.nextDueMs) this.closeOverdue(exportMs);
      }
      const uptimeMs = exportMs - this.bootMs;
      if (uptimeMs < 0 || uptimeMs >= UPTIME_WRAP_MS) this.restartEpoch(exportMs, row);
      const datagram = datagrams[rowClass] ?? this.addDatagram(rowClass);
      if (datagram.narrowCounters && (isWide(octets, row) || isWide(packets, row)))
        this.splitFlow(datagram, row, exportMs);
      else this.push(datagram, row, exportMs);
    }
    for (const datagram of datagrams) datagram?.encodePending(this.bootMs);
    this.flows += end - start;
    this.batch = undefined;
    this.outbox.flush();
    return this.outbox.room();
  }

  /**
   * Sends what has waited for a second, and templates when they are due though no flow comes. Call it several times a
   * second with the wall clock; in replay with the clock of the packets, or not at all: flows bring the time with them.
   */
  tick(nowMs: number): void {
    this.closeOverdue(nowMs);
    if (this.options.clock === 'wall') this.announceIdle(nowMs);
    this.outbox.flush();
  }

  /** Sends templates and options with the next datagram: for a collector that has just come up. */
  announce(): void {
    this.announcer?.ask();
  }

  /**
   * Flows written from now on have other fields. What is under way leaves as it is; then templates no longer used are
   * withdrawn where that is due (RFC 7011 section 8.1). The new ones have numbers of their own. Not for NetFlow v5.
   */
  changeTemplate(template: TemplateSelection): void {
    const { announcer } = this;
    if (announcer === undefined) throw new Error('NetFlow v5 has no templates');
    this.closeOverdue(Number.POSITIVE_INFINITY);
    const used = this.datagrams.findIndex((datagram) => datagram !== undefined);
    const last = this.datagrams[used];
    const ids = announcer.changeTemplate(template);
    if (last !== undefined && this.options.withdraws && this.options.version === VERSION_IPFIX) {
      const sets = ids.map((id) => ({ bytes: withdrawalSet(id), records: 0, dataRecords: 0 }));
      const exportMs = this.options.clock === 'wall' ? this.options.now() : last.latestMs;
      last.open(exportMs);
      this.addSets(last, sets, exportMs);
      this.send(last);
    }
    this.datagrams.fill(undefined);
    this.classes = this.classesOf(template);
    this.outbox.flush();
  }

  /**
   * A new transport session (a TCP connection made anew) begins: sequence from 0, and templates before everything else,
   * datagrams that are under way included.
   */
  restartSession(): void {
    const { announcer } = this;
    this.stream.restartSequence();
    if (announcer === undefined || !announcer.hasTemplates) return;
    const used = this.datagrams.findIndex((datagram) => datagram !== undefined);
    const exportMs = this.options.clock === 'wall' ? this.options.now() : this.datagrams[used]!.latestMs;
    const datagram = this.makeDatagram(used);
    // What announced templates in the old session need not be waited for in the new one.
    this.announcing = undefined;
    datagram.open(exportMs);
    this.addSets(datagram, this.announcements(announcer, exportMs), exportMs);
    this.send(datagram);
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
    if (this.options.processCounts !== undefined) this.sendCounts(this.options.processCounts);
    this.closeOverdue(Number.POSITIVE_INFINITY);
    await this.outbox.close();
  }

  private classesOf(template: TemplateSelection): RowClasses {
    return new RowClasses(hasDirection(template), separatesIcmp(template), this.options.version === VERSION_IPFIX);
  }

  private announcements(announcer: Announcer, exportMs: number): ControlSet[] {
    const { clock, processCounts } = this.options;
    return announcer.announce(exportMs, this.bootMs, this.stream, clock === 'wall' ? processCounts?.() : undefined);
  }

  /**
   * What was counted in all, behind the last flows: in a message of its own it would look like a gap to nfcapd, which does
   * not count options records.
   */
  private sendCounts(processCounts: () => ProcessCounts): void {
    const { announcer, stream } = this;
    if (announcer === undefined || this.datagrams.every((datagram) => datagram === undefined)) return;
    const open = () => this.datagrams.filter((datagram) => datagram?.isOpen === true) as OpenDatagram[];
    // It would be sent before any other.
    if (this.announcing !== undefined && open().length > 1) this.send(this.announcing);
    for (const datagram of open().slice(0, -1)) this.send(datagram);
    const last = open()[0] ?? this.reopen();
    last.encodePending(this.bootMs);
    const process = processCounts();
    const sum = (sets: readonly ControlSet[]) => sets.reduce((bytes, set) => bytes + set.bytes.length, 0);
    const counts = {
      messages: stream.messages + 1,
      records: stream.records + last.flows,
      bytes: stream.bytes + last.endSet() + sum(announcer.announceCounts(stream, process)),
    };
    const sets = announcer.announceCounts(counts, process);
    if (last.endSet() + sum(sets) <= (this.options.maxDatagramBytes & ~3)) {
      this.addSets(last, sets, last.latestMs);
    } else {
      this.send(last);
      last.open(last.latestMs);
      this.addSets(last, announcer.announceCounts(stream, process), last.latestMs);
    }
    this.send(last);
  }

  /** A datagram without flows, when all have been sent. */
  private reopen(): OpenDatagram {
    const used = this.datagrams.filter((datagram) => datagram !== undefined);
    const latestMs = Math.max(...used.map((datagram) => datagram.latestMs));
    used[0]!.open(this.options.clock === 'wall' ? this.options.now() : latestMs);
    return used[0]!;
  }

  private push(datagram: OpenDatagram, row: number, exportMs: number): void {
    if (!datagram.isOpen) this.open(datagram, exportMs);
    if (datagram.push(row, exportMs)) this.send(datagram);
  }

  private open(datagram: OpenDatagram, exportMs: number): void {
    datagram.open(exportMs);
    this.nextDueMs = Math.min(this.nextDueMs, exportMs + MAX_IDLE_MS);
    if (this.announcer?.isDue(exportMs)) this.announceIn(datagram, exportMs);
  }

  /** Puts templates and options into a datagram just opened, or in front of it when they leave no room for a flow. */
  private announceIn(datagram: OpenDatagram, exportMs: number): void {
    if (this.announcing !== undefined) this.send(this.announcing);
    const sets = this.announcements(this.announcer!, exportMs);
    if (sets.every((set) => datagram.addControl(set, 1))) {
      datagram.announces = true;
      this.announcing = datagram;
      return;
    }
    datagram.open(exportMs);
    this.addSets(datagram, sets, exportMs);
    this.send(datagram);
    datagram.open(exportMs);
  }

  /** Puts sets into a datagram, and sends it whenever it is full. */
  private addSets(datagram: OpenDatagram, sets: readonly ControlSet[], exportMs: number): void {
    for (const set of sets) {
      if (datagram.addControl(set, 0)) continue;
      this.send(datagram);
      datagram.open(exportMs);
      if (!datagram.addControl(set, 0)) throw new Error(`a set of ${set.bytes.length} bytes fits no datagram`);
    }
  }

  private announceIdle(nowMs: number): void {
    const { announcer } = this;
    if (announcer === undefined || !announcer.hasTemplates || !announcer.isDue(nowMs)) return;
    const idle = this.datagrams.find((datagram) => datagram !== undefined && !datagram.isOpen);
    // Where all are open, one of them leaves within a second and its successor announces.
    if (idle === undefined) return;
    this.open(idle, nowMs);
    if (idle.controlRecords > 0) this.send(idle);
    else idle.isOpen = false;
  }

  private send(datagram: OpenDatagram): void {
    const { announcing } = this;
    if (announcing !== undefined) {
      this.announcing = undefined;
      if (announcing !== datagram) this.send(announcing);
    }
    datagram.encodePending(this.bootMs);
    const exportMs = this.options.clock === 'wall' ? this.options.now() : datagram.latestMs;
    this.stream.emit(datagram, exportMs, this.bootMs);
    this.announcer?.countDatagram();
  }

  private closeOverdue(nowMs: number): void {
    if (nowMs < this.nextDueMs) return;
    this.nextDueMs = Number.POSITIVE_INFINITY;
    for (const datagram of this.datagrams) {
      if (datagram === undefined || !datagram.isOpen) continue;
      const dueMs = datagram.openedMs + MAX_IDLE_MS;
      if (nowMs >= dueMs) this.send(datagram);
      else if (dueMs < this.nextDueMs) this.nextDueMs = dueMs;
    }
  }

  private addDatagram(rowClass: number): OpenDatagram {
    const datagram = this.makeDatagram(rowClass);
    this.datagrams[rowClass] = datagram;
    datagram.bind(this.batch!);
    return datagram;
  }

  private makeDatagram(rowClass: number): OpenDatagram {
    const { version, maxRecords4, maxRecords6 } = this.options;
    const most = isV6(rowClass) ? maxRecords6 : maxRecords4;
    // Sets are padded to 4 bytes, so a limit that is none of 4's multiples is of no use.
    const maxBytes = this.options.maxDatagramBytes & ~3;
    if (this.announcer === undefined) {
      return new OpenDatagram(
        new RecordEncoder(V5_LAYOUT, 4),
        V5_HEADER_BYTES,
        maxBytes,
        Math.min(V5_MAX_RECORDS, most),
        0,
      );
    }
    const { id, encoder } = this.announcer.template(rowClass);
    const headerBytes = version === VERSION_V9 ? V9_HEADER_BYTES : IPFIX_HEADER_BYTES;
    return new OpenDatagram(encoder, headerBytes, maxBytes, most, id);
  }

  private splitFlow(datagram: OpenDatagram, row: number, exportMs: number): void {
    datagram.encodePending(this.bootMs);
    datagram.bind(this.splitter.pieces);
    this.splitter.split(this.batch!, row, (rows) => {
      datagram.bind(this.splitter.pieces);
      for (let piece = 0; piece < rows; piece++) this.push(datagram, piece, exportMs);
      datagram.encodePending(this.bootMs);
    });
    datagram.bind(this.batch!);
  }

  /** Export time of a flow that has none: its end, or what little is known. */
  private timeOf(row: number): number {
    return this.batch!.get('lastMs')?.[row] || this.batch!.get('firstMs')?.[row] || this.bootMs;
  }

  private skipIpv6(row: number, octets: Uint32Array | undefined): void {
    this.skippedIpv6Flows++;
    if (octets !== undefined) this.skippedIpv6Octets += octets[row * 2]! + octets[row * 2 + 1]! * WORD;
  }

  private startClock(): void {
    if (Number.isNaN(this.bootMs)) this.bootMs = Math.floor(this.options.bootMs() / 1000) * 1000;
  }

  /**
   * Uptime has 32 bits of milliseconds. A replay that spans more goes on as a device that was started anew: what is
   * open goes out under the old boot time, the templates are sent again.
   */
  private restartEpoch(exportMs: number, row: number): void {
    if (this.options.version === VERSION_IPFIX) return;
    this.closeOverdue(Number.POSITIVE_INFINITY);
    const firstMs = this.batch!.get('firstMs')?.[row] ?? exportMs;
    const isRecent = firstMs <= exportMs && exportMs - firstMs < UPTIME_WRAP_MS / 2;
    this.bootMs = bootBefore(isRecent ? firstMs : exportMs);
    this.epochs++;
    this.announcer?.ask();
  }
}

/** Whether a counter passes 32 bits. */
function isWide(counter: Uint32Array | undefined, row: number): boolean {
  return counter !== undefined && counter[row * 2 + 1] !== 0;
}
