import type { FlowCacheStats } from './flow-cache-options.ts';

/** What several caches together have done. */
export function sumOfStats(parts: readonly FlowCacheStats[]): FlowCacheStats {
  const sum: FlowCacheStats = {
    packets: 0,
    octets: 0,
    ignoredPackets: 0,
    ignoredOctets: 0,
    active: 0,
    peak: 0,
    created: 0,
    endedBy: [0, 0, 0, 0, 0, 0],
    waiting: 0,
    late: 0,
    steppedBack: 0,
    badTimes: 0,
    saturated: 0,
    slots: 0,
    maxProbe: 0,
    wheelEntries: 0,
  };
  for (const { endedBy, maxProbe, ...counts } of parts) {
    for (const [name, count] of Object.entries(counts)) sum[name as keyof typeof counts] += count;
    sum.endedBy = sum.endedBy.map((count, reason) => count + endedBy[reason]!);
    sum.maxProbe = Math.max(sum.maxProbe, maxProbe);
  }
  return sum;
}
