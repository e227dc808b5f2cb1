import type { DatagramStats } from '../addon/addon.ts';
import type { CollectorStats } from '../collect/collector.ts';
import type { EndedSlot, FlowStore } from '../store/flow-store.ts';
import { TRAFFIC_CLASSES, type TrafficCounters } from '../store/slot-stats.ts';
import { VERSION_SFLOW } from '../wire/protocol.ts';
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
    [decode.unknownVersion, 'datagrams of an unknown version'],
    [decode.tooShort, 'datagrams too short for a header'],
    [decode.badHeader, 'datagrams with a header that cannot be'],
    [decode.truncated, 'datagrams cut short'],
    [decode.badSet, 'sets with a length that cannot be'],
    [decode.unknownSets, 'sets with a reserved id'],
    [decode.templatesRefused, 'templates refused (no length, too many or too long)'],
    [decode.setsWithoutTemplate, 'data sets that came before their template'],
    [decode.recordsWithoutClock, 'records with uptime times and no clock to refer them to'],
    [decode.counterSamples, 'sFlow counter samples (not stored)'],
    [decode.discardSamples, 'sFlow samples of discarded packets (not stored)'],
    [decode.unknownSamples, 'sFlow samples of an unknown format'],
    [decode.badSamples, 'sFlow samples with lengths that cannot be'],
    [decode.badSampleRecords, 'records of sFlow samples too short for their format'],
    [decode.unknownHeaders, 'sampled headers of an unknown link layer'],
    [decode.headersWithoutIp, 'sampled headers without an IP packet that can be read (stored without addresses)'],
    [decode.unusualRates, 'samples with a rate above 1 of 1000000 (stored as told)'],
    [collected.overflowDatagrams, 'datagrams of exporters beyond the limit'],
    [store.lostFlows, 'flows lost because they could not be written'],
  ];
  for (const [count, what] of faults) if (count > 0) lines.push(`  ${count} ${what}`);
  const { pending } = collected;
  if (pending.replayed > 0) lines.push(`  ${pending.replayed} of those sets decoded when the template came`);
  for (const stream of collected.streams) {
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
