import type { PacketStats } from '../addon/packet-source.ts';

/** What several sources or decoders counted together. */
export function sumStats(all: readonly PacketStats[]): PacketStats {
  const sum = (pick: (stats: PacketStats) => number) => all.reduce((total, stats) => total + pick(stats), 0);
  const types = new Map<number, number>();
  for (const { etherType, packets } of all.flatMap((stats) => stats.notIpTypes)) {
    types.set(etherType, (types.get(etherType) ?? 0) + packets);
  }
  return {
    packets: sum((stats) => stats.packets),
    metered: sum((stats) => stats.metered),
    wireBytes: sum((stats) => stats.wireBytes),
    notSampled: sum((stats) => stats.notSampled),
    notIp: sum((stats) => stats.notIp),
    malformed: sum((stats) => stats.malformed),
    cutHeader: sum((stats) => stats.cutHeader),
    cutTransport: sum((stats) => stats.cutTransport),
    fragmentsJoined: sum((stats) => stats.fragmentsJoined),
    fragmentsOrphaned: sum((stats) => stats.fragmentsOrphaned),
    kernelDropped: sum((stats) => stats.kernelDropped),
    interfaceDropped: sum((stats) => stats.interfaceDropped),
    queueDropped: sum((stats) => stats.queueDropped),
    bytesRead: sum((stats) => stats.bytesRead),
    bytesTotal: sum((stats) => stats.bytesTotal),
    notIpTypes: [...types]
      .map(([etherType, packets]) => ({ etherType, packets }))
      .sort((a, b) => b.packets - a.packets || a.etherType - b.etherType),
  };
}
