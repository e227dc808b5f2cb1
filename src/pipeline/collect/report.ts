import type { CollectorStats } from '../../collect/collector.ts';
import type { SessionStats } from '../../collect/session-listener.ts';
import type { EndedSlot } from '../../store/slot-sealer.ts';
import { TRAFFIC_CLASSES, type TrafficCounters } from '../../store/slot-stats.ts';
import { VERSION_SFLOW } from '../../wire/protocol.ts';
import { plural, scaled } from '../daemon/log.ts';
import type { SlotFaults } from './flow-source.ts';
import type { InputStats } from './inputs.ts';
import type { RepeaterStats } from './repeater.ts';
import type { SourceRouter } from './source-router.ts';

/** The line that nfcapd logs at the end of a slot, with the file it is about. */
export function describeSlot(slot: EndedSlot, faults: SlotFaults): string {
  const classes = TRAFFIC_CLASSES.map((name) => slot.stats[name]);
  const sum = (key: keyof TrafficCounters) => classes.reduce((total, counters) => total + counters[key], 0);
  const { sequenceErrors, lostDatagrams, lostRecords, badPackets } = faults;
  return (
    `Ident: '${slot.ident}' Flows: ${sum('flows')}, Packets: ${sum('packets')}, Bytes: ${sum('octets')}, ` +
    `Sequence Errors: ${sequenceErrors}, Lost: ${plural(lostDatagrams, 'datagram')} ${plural(lostRecords, 'record')}, Bad Packets: ${badPackets}, ` +
    `File: ${slot.path}`
  );
}

/** Slots that the report remembers: how far behind one source may end its slots while another is ahead. */
const SLOTS_TOLD = 8;

/** nfcapd's second line, of the datagrams of all sources since the last one, with what was lost on this host. */
export class ReceptionReport {
  private before = { datagrams: 0, kernelDropped: 0, queueDropped: 0, ignored: 0 };
  /** Starts of the slots told last, in no order: the clock may be set back. */
  private told: number[] = [];
  private sinceMs = performance.now();

  /** The line; undefined when one was given for this slot already. */
  describe(slot: EndedSlot, received: InputStats, ignored: number): string | undefined {
    if (this.told.includes(slot.startMs)) return undefined;
    this.told = [...this.told, slot.startMs].slice(-SLOTS_TOLD);
    const { before, sinceMs } = this;
    const { datagrams, kernelDropped, queueDropped } = received;
    this.sinceMs = performance.now();
    this.before = { datagrams, kernelDropped, queueDropped, ignored };
    const count = datagrams - before.datagrams;
    const perSecond = Math.round((count * 1000) / Math.max(1, this.sinceMs - sinceMs));
    return (
      `Total packets received: ${count}, avg: ${perSecond}/s, ignored packets: ${ignored - before.ignored}, ` +
      `dropped by the kernel: ${kernelDropped - before.kernelDropped}, in our queues: ${queueDropped - before.queueDropped}`
    );
  }
}

/** Exporters that sent something to this run; others are known from an earlier one. */
function heardExporters({ streams, exporters }: CollectorStats): number {
  const silent = new Set(streams.filter(({ datagrams }) => datagrams === 0).map(({ exporter }) => exporter));
  for (const { exporter, datagrams } of streams) if (datagrams > 0) silent.delete(exporter);
  return exporters - silent.size;
}

function sessionFaults(sessions: SessionStats | undefined): [number, string][] {
  if (sessions === undefined) return [];
  return [
    [sessions.refusedByLimit, 'connections refused: too many'],
    [sessions.refusedAddress, 'connections refused: no --allow has their address'],
    [sessions.failedHandshakes, 'connections without a handshake of TLS'],
    [sessions.broken, 'sessions closed: what came were no messages'],
    [sessions.timedOut, 'sessions closed: nothing, or no whole message, came in time'],
    [sessions.cut, 'sessions that ended amid a message'],
  ];
}

/** What a run of the collector took in, what it could not use and why. */
export function describeCollected(
  router: SourceRouter,
  received: InputStats,
  repeated: readonly RepeaterStats[],
  seconds: number,
): string[] {
  const stats = router.sources.map((source) => source.collector.stats());
  const sum = (pick: (of: CollectorStats) => number) => stats.reduce((total, of) => total + pick(of), 0);
  const decoded = (name: keyof CollectorStats['decode']) => sum(({ decode }) => decode[name]);
  const stored = (name: 'storedFlows' | 'lostFlows') =>
    router.sources.reduce((total, { store }) => total + store[name], 0);
  const records = decoded('records');
  const lines = [
    `${plural(decoded('datagrams'), 'datagram')}, ${plural(records, 'flow record')} and ` +
      `${plural(decoded('optionsRecords'), 'options record')} from ${plural(
        sum(heardExporters),
        'exporter',
      )} in ${seconds.toFixed(2)} s (${scaled(records / Math.max(seconds, 1e-3))} records/s), ` +
      `${plural(stored('storedFlows'), 'flow')} stored`,
  ];
  const faults: [number, string][] = [
    [received.kernelDropped, 'datagrams dropped by the kernel (receive buffer full: see -B)'],
    [received.queueDropped, 'datagrams dropped because decoding fell behind'],
    [received.skippedPackets, 'packets in the capture without a whole UDP datagram'],
    [received.denied, 'datagrams dropped: no --allow has their sender'],
    [received.throttled, 'datagrams dropped: more than --exporter-rate'],
    ...sessionFaults(received.sessions),
    [router.ignoredDatagrams, 'datagrams ignored: no source is for their exporter'],
    [decoded('unknownVersion'), 'datagrams of an unknown version'],
    [decoded('tooShort'), 'datagrams too short for a header'],
    [decoded('badHeader'), 'datagrams with a header that cannot be'],
    [decoded('truncated'), 'datagrams cut short'],
    [decoded('badSet'), 'sets with a length that cannot be'],
    [decoded('unknownSets'), 'sets with a reserved id'],
    [decoded('templatesRefused'), 'templates refused (no length, too many or too long)'],
    [decoded('setsWithoutTemplate'), 'data sets that came before their template'],
    [decoded('recordsWithoutClock'), 'records with uptime times and no clock to refer them to'],
    [decoded('counterSamples'), 'sFlow counter samples (see weir exporters -o json and /metrics)'],
    [decoded('discardSamples'), 'sFlow samples of discarded packets (not stored)'],
    [decoded('unknownSamples'), 'sFlow samples of an unknown format'],
    [decoded('badSamples'), 'sFlow samples with lengths that cannot be'],
    [decoded('badSampleRecords'), 'records of sFlow samples too short for their format'],
    [decoded('unknownHeaders'), 'sampled headers of an unknown link layer'],
    [decoded('headersWithoutIp'), 'sampled headers without an IP packet that can be read (stored without addresses)'],
    [decoded('unusualRates'), 'samples with a rate above 1 of 1000000 (stored as told)'],
    [sum((of) => of.overflowDatagrams), 'datagrams of exporters beyond the limit'],
    [stored('lostFlows'), 'flows lost because they could not be written'],
  ];
  for (const { name, sent, dropped, failed, tooLong, lastError } of repeated) {
    lines.push(`  ${plural(sent, 'datagram')} repeated to ${name}`);
    faults.push(
      [dropped, `datagrams not repeated to ${name}: those before them had not left`],
      [failed, `datagrams to ${name} failed${lastError === null ? '' : ` (${lastError})`}`],
      [tooLong, `datagrams to ${name} longer than its path takes`],
    );
  }
  for (const [count, what] of faults) if (count > 0) lines.push(`  ${count} ${what}`);
  const replayed = sum(({ pending }) => pending.replayed);
  if (replayed > 0) lines.push(`  ${replayed} of those sets decoded when the template came`);
  for (const stream of stats.flatMap((of) => of.streams)) {
    const { lost, duplicated, samplesLost, samplesDropped } = stream;
    if (lost + duplicated + samplesLost + samplesDropped === 0) continue;
    const protocol = stream.version === VERSION_SFLOW ? 'sFlow' : `v${stream.version}`;
    const parts = [
      `${lost} ${stream.lostUnit} lost before us`,
      `${duplicated} duplicated`,
      `${stream.reordered} reordered`,
      ...(samplesLost > 0 ? [`${samplesLost} samples lost`] : []),
      ...(samplesDropped > 0 ? [`${samplesDropped} samples not taken by the agent`] : []),
    ];
    lines.push(`  exporter ${stream.exporter} ${protocol} domain ${stream.domain}: ${parts.join(', ')}`);
  }
  return lines;
}
