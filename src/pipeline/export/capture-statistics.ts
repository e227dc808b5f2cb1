import type { FlowCacheStats } from '../../cache/flow-cache-options.ts';
import { plural, scaled } from '../daemon/log.ts';
import type { FlowOutput } from '../flow-output.ts';
import type { PacketInputs } from './packet-inputs.ts';

/** One line, and whether it tells of a loss. */
export interface StatisticsLine {
  readonly text: string;
  readonly isLoss: boolean;
}

interface Counts {
  packets: number;
  wireBytes: number;
  dropped: number;
}

/** What each interface has seen since this was asked for last. */
export class CaptureStatistics {
  readonly #parts: PacketInputs['parts'];
  readonly #cache: () => FlowCacheStats;
  readonly #losses: FlowOutput['losses'];
  readonly #duplicates: () => number;
  readonly #nowMs: () => number;
  readonly #before: Counts[];
  readonly #lostBefore = new Map<string, number>();
  #beforeMs: number;
  #ignoredBefore = 0;

  constructor(
    parts: PacketInputs['parts'],
    cache: () => FlowCacheStats,
    losses: FlowOutput['losses'],
    duplicates: () => number,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#parts = parts;
    this.#cache = cache;
    this.#losses = losses;
    this.#duplicates = duplicates;
    this.#nowMs = nowMs;
    this.#before = parts.map(() => ({ packets: 0, wireBytes: 0, dropped: 0 }));
    this.#beforeMs = nowMs();
  }

  /** A line for each interface, one for the flows, and one for each destination that did not get all of them; the next call counts from here. */
  lines(): StatisticsLine[] {
    const nowMs = this.#nowMs();
    const seconds = Math.max((nowMs - this.#beforeMs) / 1000, 1e-3);
    this.#beforeMs = nowMs;
    const lines = this.#parts.map(({ name, input, presence, link }, i) => {
      const state = link?.();
      const stats = input.stats();
      const before = this.#before[i]!;
      const packets = stats.packets - before.packets;
      const octets = stats.wireBytes - before.wireBytes;
      const allDropped = stats.kernelDropped + stats.interfaceDropped + stats.queueDropped;
      const dropped = allDropped - before.dropped;
      this.#before[i] = { packets: stats.packets, wireBytes: stats.wireBytes, dropped: allDropped };
      return {
        text:
          `${name === '' ? '' : `${name}: `}${plural(packets, 'packet')} in ${seconds.toFixed(0)} s ` +
          `(${scaled(packets / seconds)} packets/s, ${scaled((octets * 8) / seconds)} bit/s), ${dropped} dropped` +
          (allDropped > 0
            ? ` (since the start: kernel ${stats.kernelDropped}, interface ${stats.interfaceDropped}, ` +
              `weir ${stats.queueDropped})`
            : '') +
          (presence?.awaySinceMs === undefined ? '' : '; the interface is away') +
          (state === undefined || state === 'up' ? '' : `; ${state}`),
        isLoss: dropped > 0,
      };
    });
    const { active, created, ignoredPackets } = this.#cache();
    const duplicates = this.#duplicates();
    const ignored = ignoredPackets - this.#ignoredBefore;
    this.#ignoredBefore = ignoredPackets;
    lines.push({
      text:
        `${plural(active, 'flow')} at hand, ${created} since the start` +
        (duplicates > 0 ? `; ${plural(duplicates, 'duplicate')} left out` : '') +
        (ignoredPackets > 0 ? `; ${plural(ignored, 'packet')} not metered, no room for their flows` : ''),
      isLoss: ignored > 0,
    });
    for (const { name, flows } of this.#losses()) {
      if (flows === 0) continue;
      const since = flows - (this.#lostBefore.get(name) ?? 0);
      this.#lostBefore.set(name, flows);
      lines.push({ text: `${name}: ${plural(flows, 'flow')} lost, its queue was full`, isLoss: since > 0 });
    }
    return lines;
  }
}
