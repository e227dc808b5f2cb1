import { RecordLayout } from '../wire/encode-record.ts';
import { withdrawalSet } from '../wire/encode-template.ts';
import { V5_LAYOUT } from '../wire/encode-v5.ts';
import {
  IPFIX_HEADER_BYTES,
  V5_HEADER_BYTES,
  V5_MAX_RECORDS,
  V9_HEADER_BYTES,
  VERSION_IPFIX,
  VERSION_V9,
} from '../wire/protocol.ts';
import type { Announcer } from './announcer.ts';
import type { CompleteOptions } from './exporter-options.ts';
import type { MessageStream } from './message-stream.ts';
import { type ControlSet, OpenDatagram } from './open-datagram.ts';
import { isV6, ROW_CLASSES } from './row-classes.ts';
import type { TemplateSelection } from './templates.ts';

/** Longest that a flow waits for its datagram to fill. */
const MAX_IDLE_MS = 1000;

/** The datagrams that an exporter is filling, one for each class of row, and what templates and options go out in. */
export class DatagramsUnderWay {
  /** By class of row; filled as classes turn up. */
  readonly byClass: (OpenDatagram | undefined)[] = new Array(ROW_CLASSES).fill(undefined);
  /** Boot time of the headers, ms since 1970; NaN until there is a flow. */
  bootMs = Number.NaN;
  /** No open datagram is overdue before this time. */
  nextDueMs = Number.POSITIVE_INFINITY;
  /** The open datagram that announces templates: nothing may overtake it. */
  announcing: OpenDatagram | undefined;
  private readonly options: CompleteOptions;
  private readonly stream: MessageStream;
  private readonly announcer: Announcer | undefined;

  /** Sends by `stream`; without an `announcer` datagrams of NetFlow v5. */
  constructor(options: CompleteOptions, stream: MessageStream, announcer: Announcer | undefined) {
    this.options = options;
    this.stream = stream;
    this.announcer = announcer;
  }

  /** The datagram of a class that has none yet. */
  add(rowClass: number): OpenDatagram {
    const datagram = this.make(rowClass);
    this.byClass[rowClass] = datagram;
    return datagram;
  }

  /** Starts a datagram, with templates and options where they are due. */
  open(datagram: OpenDatagram, exportMs: number): void {
    datagram.open(exportMs);
    this.nextDueMs = Math.min(this.nextDueMs, exportMs + MAX_IDLE_MS);
    if (this.announcer?.isDue(exportMs)) this.announceIn(datagram, this.announcer, exportMs);
  }

  send(datagram: OpenDatagram): void {
    const { announcing } = this;
    if (announcing !== undefined) {
      this.announcing = undefined;
      if (announcing !== datagram) this.send(announcing);
    }
    this.stream.emit(datagram, this.leavesAt(datagram.latestMs), this.bootMs);
    this.announcer?.countDatagram();
  }

  /** Sends what has waited for a second. */
  sendOverdue(nowMs: number): void {
    if (nowMs < this.nextDueMs) return;
    this.nextDueMs = Number.POSITIVE_INFINITY;
    for (const datagram of this.byClass) {
      if (datagram === undefined || !datagram.isOpen) continue;
      const dueMs = datagram.openedMs + MAX_IDLE_MS;
      if (nowMs >= dueMs) this.send(datagram);
      else if (dueMs < this.nextDueMs) this.nextDueMs = dueMs;
    }
  }

  sendAll(): void {
    this.sendOverdue(Number.POSITIVE_INFINITY);
  }

  /** Sends templates and options that are due though no flow comes. */
  announceIdle(nowMs: number): void {
    const { announcer } = this;
    if (announcer === undefined || !announcer.hasTemplates || !announcer.isDue(nowMs)) return;
    const idle = this.byClass.find((datagram) => datagram !== undefined && !datagram.isOpen);
    // Where all are open, one of them leaves within a second and its successor announces.
    if (idle === undefined) return;
    this.open(idle, nowMs);
    if (idle.controlRecords > 0) this.send(idle);
    else idle.isOpen = false;
  }

  /** What is under way leaves as it is; then templates no longer used are withdrawn where that is due (RFC 7011 section 8.1). */
  changeTemplate(announcer: Announcer, template: TemplateSelection): void {
    this.sendAll();
    const last = this.byClass.find((datagram) => datagram !== undefined);
    const ids = announcer.changeTemplate(template);
    if (last !== undefined && this.options.withdraws && this.options.version === VERSION_IPFIX) {
      const sets = ids.map((id) => ({ bytes: withdrawalSet(id), records: 0, dataRecords: 0 }));
      this.sendSets(last, sets, this.leavesAt(last.latestMs));
    }
    this.byClass.fill(undefined);
  }

  /** Templates go out before everything else, datagrams that are under way included. */
  announceFirst(announcer: Announcer): void {
    const used = this.byClass.findIndex((datagram) => datagram !== undefined);
    const exportMs = this.leavesAt(this.byClass[used]!.latestMs);
    // What announced templates before need not be waited for.
    this.announcing = undefined;
    this.sendSets(this.make(used), this.announcements(announcer, exportMs), exportMs);
  }

  /** Sends sets without flows, in as many datagrams as it takes. */
  sendSets(datagram: OpenDatagram, sets: readonly ControlSet[], exportMs: number): void {
    datagram.open(exportMs);
    this.addSets(datagram, sets, exportMs);
    this.send(datagram);
  }

  /** Puts sets into a datagram, and sends it whenever it is full. */
  addSets(datagram: OpenDatagram, sets: readonly ControlSet[], exportMs: number): void {
    for (const set of sets) {
      if (datagram.addControl(set, 0)) continue;
      this.send(datagram);
      datagram.open(exportMs);
      if (!datagram.addControl(set, 0)) throw new Error(`a set of ${set.bytes.length} bytes fits no datagram`);
    }
  }

  /** Export time of what leaves now, or with the clock of flows at the time of its latest. */
  leavesAt(latestMs: number): number {
    return this.options.clock === 'wall' ? this.options.now() : latestMs;
  }

  /** Longest datagram: sets are padded to 4 bytes, so a limit that is none of 4's multiples is of no use. */
  get maxBytes(): number {
    return this.options.maxDatagramBytes & ~3;
  }

  /** Puts templates and options into a datagram just opened, or in front of it when they leave no room for a flow. */
  private announceIn(datagram: OpenDatagram, announcer: Announcer, exportMs: number): void {
    if (this.announcing !== undefined) this.send(this.announcing);
    const sets = this.announcements(announcer, exportMs);
    if (sets.every((set) => datagram.addControl(set, 1))) {
      datagram.announces = true;
      this.announcing = datagram;
      return;
    }
    this.sendSets(datagram, sets, exportMs);
    datagram.open(exportMs);
  }

  private announcements(announcer: Announcer, exportMs: number): ControlSet[] {
    const { clock, processCounts } = this.options;
    return announcer.announce(exportMs, this.bootMs, this.stream, clock === 'wall' ? processCounts?.() : undefined);
  }

  private make(rowClass: number): OpenDatagram {
    const { version, maxRecords4, maxRecords6 } = this.options;
    const most = isV6(rowClass) ? maxRecords6 : maxRecords4;
    if (this.announcer === undefined) {
      const layout = new RecordLayout(V5_LAYOUT, 4);
      return new OpenDatagram(layout, V5_HEADER_BYTES, this.maxBytes, Math.min(V5_MAX_RECORDS, most), 0);
    }
    const { id, layout } = this.announcer.template(rowClass);
    const headerBytes = version === VERSION_V9 ? V9_HEADER_BYTES : IPFIX_HEADER_BYTES;
    return new OpenDatagram(layout, headerBytes, this.maxBytes, most, id);
  }
}
