import type { DatagramStats } from '../addon/addon.ts';
import type { CollectorStats } from '../collect/collector.ts';
import type { EndedSlot, FlowStore } from '../store/flow-store.ts';
import { TRAFFIC_CLASSES, type TrafficCounters } from '../store/slot-stats.ts';
import { plural, scaled } from './log.ts';

/** The line that nfcapd logs at the end of a slot, with the file it is about. */
export function describeSlot(slot: EndedSlot): string {
  const classes = TRAFFIC_CLASSES.map((name) => slot.stats[name]);
  const sum = (key: keyof TrafficCounters) => classes.reduce((total, counters) => total + counters[key], 0);
  return `Ident: '${slot.ident}' Flows: ${sum('flows')}, Packets: ${sum('packets')}, Bytes: ${sum('octets')}, File: ${slot.path}`;
}

/** What a run of the collector took in, what it could not use and why. */
export function describeCollected(
  collected: CollectorStats,
  received: DatagramStats,
  store: FlowStore,
  seconds: number,
): string[] {
  const { decode } = collected;
  const lines = [
    `${plural(decode.datagrams, 'datagram')}, ${plural(decode.records, 'flow record')} and ` +
      `${plural(decode.optionsRecords, 'options record')} from ${plural(collected.exporters, 'exporter')} ` +
      `in ${seconds.toFixed(2)} s (${scaled(decode.records / Math.max(seconds, 1e-3))} records/s), ` +
      `${plural(store.storedFlows, 'flow')} stored`,
  ];
  const faults: [number, string][] = [
    [received.kernelDropped, 'datagrams dropped by the kernel (receive buffer full: see -B)'],
    [received.queueDropped, 'datagrams dropped because decoding fell behind'],
    [received.skippedPackets, 'packets in the capture without a whole UDP datagram'],
    [decode.sflow, 'sFlow datagrams (not decoded by this version)'],
    [decode.unknownVersion, 'datagrams of an unknown version'],
    [decode.tooShort, 'datagrams too short for a header'],
    [decode.badHeader, 'datagrams with a header that cannot be'],
    [decode.truncated, 'datagrams cut short'],
    [decode.badSet, 'sets with a length that cannot be'],
    [decode.unknownSets, 'sets with a reserved id'],
    [decode.templatesRefused, 'templates refused (no length, too many or too long)'],
    [decode.setsWithoutTemplate, 'data sets that came before their template'],
    [decode.recordsWithoutClock, 'records with uptime times and no clock to refer them to'],
    [collected.overflowDatagrams, 'datagrams of exporters beyond the limit'],
    [store.lostFlows, 'flows lost because they could not be written'],
  ];
  for (const [count, what] of faults) if (count > 0) lines.push(`  ${count} ${what}`);
  const { pending } = collected;
  if (pending.replayed > 0) lines.push(`  ${pending.replayed} of those sets decoded when the template came`);
  for (const stream of collected.streams) {
    if (stream.lost > 0 || stream.duplicated > 0) {
      lines.push(
        `  exporter ${stream.exporter} v${stream.version} domain ${stream.domain}: ` +
          `${stream.lost} ${stream.lostUnit} lost before us, ${stream.duplicated} duplicated, ${stream.reordered} reordered`,
      );
    }
  }
  return lines;
}
