import type { PacketStats } from '../../addon/packet-source.ts';
import type { FlowCacheStats } from '../../cache/flow-cache-options.ts';
import type { ProcessCounts } from '../../export/options.ts';
import type { LostFlows } from '../outlet.ts';

/** What a run tells a collector about itself; `lost` is of that collector alone. */
export function processCounts(packets: PacketStats, cache: FlowCacheStats, lost: LostFlows | undefined): ProcessCounts {
  const dropped = packets.kernelDropped + packets.interfaceDropped + packets.queueDropped;
  return {
    observedPackets: packets.packets,
    selectedPackets: packets.packets - packets.notSampled,
    ignoredPackets: dropped + packets.malformed + packets.cutHeader + cache.ignoredPackets,
    observedFlows: cache.created,
    notSentFlows: lost?.flows ?? 0,
    notSentPackets: lost?.packets ?? 0,
    notSentOctets: lost?.octets ?? 0,
  };
}
