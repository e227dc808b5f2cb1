import type { PacketStats } from '../../addon/packet-source.ts';
import type { FlowCacheStats } from '../../cache/flow-cache-options.ts';
import type { ExporterStats } from '../../export/exporter.ts';
import type { TransportStats } from '../../export/transport.ts';
import type { FlowStore } from '../../store/flow-store.ts';
import { plural, scaled } from '../daemon/log.ts';
import type { FlowOutput } from '../flow-output.ts';
import type { SenderSwitch } from './sender-switch.ts';

/** Everything that a run of the exporter counted. */
export interface ExportRun {
  packets: PacketStats;
  /** Packets of directions that their interface does not account. */
  notAccounted: number;
  /** Packets that were counted on another interface before. */
  countedBefore: number;
  /** Of the packets metered by their source, those left out after all. */
  duplicates: number;
  cache: FlowCacheStats;
  output: FlowOutput;
  senders: SenderSwitch;
  store: FlowStore | undefined;
  seconds: number;
}

const endReasons = ['', 'idle', 'active timeout', 'end of connection', 'stopped', 'cache full'];

/** What a run of the exporter saw, what became of it, and everything that was not metered or not delivered. */
export function describeExported(run: ExportRun): string[] {
  const { packets, notAccounted, countedBefore, duplicates, cache, output, senders, store, seconds } = run;
  const ended = cache.endedBy.flatMap((count, reason) => (count > 0 ? [`${count} ${endReasons[reason]}`] : []));
  const lines = [
    `${plural(packets.packets, 'packet')} read, ${packets.metered - duplicates - countedBefore - cache.ignoredPackets} metered (${cache.octets - cache.ignoredOctets} IP octets) ` +
      `in ${seconds.toFixed(2)} s (${scaled(packets.packets / Math.max(seconds, 1e-3))} packets/s)`,
    `${plural(output.flows, 'flow')}${ended.length > 0 ? `: ${ended.join(', ')}` : ''}`,
  ];
  const types = packets.notIpTypes.map(
    ({ etherType, packets: count }) => `0x${etherType.toString(16).padStart(4, '0')} ${count}`,
  );
  const faults: [number, string][] = [
    [packets.notSampled, 'packets passed over by sampling'],
    [notAccounted, 'packets of a direction that is not accounted'],
    [countedBefore, 'packets counted before on another interface'],
    [duplicates, 'duplicate packets left out'],
    [packets.notIp, `packets without IP (${types.join(', ')})`],
    [packets.malformed, 'packets with a broken IP header'],
    [packets.cutHeader, 'packets cut inside the IP header'],
    [packets.cutTransport, 'packets cut before their ports: metered with ports 0'],
    [packets.fragmentsOrphaned, 'fragments without their first: metered with ports 0'],
    [packets.kernelDropped, 'packets dropped by the kernel (capture buffer full)'],
    [packets.interfaceDropped, 'packets dropped by the interface'],
    [packets.queueDropped, 'packets dropped because metering fell behind'],
    [cache.ignoredPackets, `packets not metered (${cache.ignoredOctets} IP octets): --max-flows flows were held`],
    [cache.steppedBack, 'packets older than the newest by the active timeout or more'],
    [cache.badTimes, 'packets with a time that cannot be'],
    ...output
      .losses()
      .map(({ name, flows }): [number, string] => [flows, `flows lost for ${name}: its queue was full`]),
    [store?.lostFlows ?? 0, 'flows lost because they could not be written'],
  ];
  const sent = senders.stats();
  if (sent !== undefined) {
    lines.push(`${plural(sent.records, 'record')} in ${plural(sent.datagrams, 'datagram')} (${sent.bytes} octets)`);
  }
  faults.push(...sendingFaults(sent, senders.transportStats()));
  for (const [count, what] of faults) if (count > 0) lines.push(`  ${count} ${what}`);
  return lines;
}

/** What was not sent, or not as it was, with how often; `sent` is undefined where nothing is sent. */
export function sendingFaults(
  sent: ExporterStats | undefined,
  transports: readonly { name: string; stats: TransportStats }[],
): [number, string][] {
  const faults: [number, string][] = [];
  if (sent !== undefined) {
    faults.push(
      [sent.skippedIpv6Flows, 'IPv6 flows not exported: NetFlow v5 knows none (use -v 9 or 10)'],
      [sent.splitFlows, 'flows sent as several records because a counter passed 32 bits'],
    );
  }
  for (const { name, stats } of transports) {
    const { failed, tooLong, lastError } = stats;
    const reason = lastError === null ? '' : ` (${lastError})`;
    const sent = name.includes('://') ? 'messages' : 'datagrams';
    faults.push(
      [failed, `${sent} to ${name} failed${reason}`],
      [tooLong, `${sent} to ${name} longer than its path takes (see --mtu)`],
    );
  }
  return faults;
}

/** `3 d 04:05:06`, `04:05:06`. */
export function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  const clock = [Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  const days = Math.floor(whole / 86_400);
  return `${days > 0 ? `${days} d ` : ''}${clock.map((part) => String(part).padStart(2, '0')).join(':')}`;
}
