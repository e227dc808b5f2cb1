import type { TimeoutOptions } from './timeouts.ts';

/**
 * Timeouts by the names that softflowd gives them, in seconds: what a flow of each kind waits for its next packet, and
 * `maxlife`, the longest that a record spans, 0 without limit. `tcp.fin` and `tcp.rst` count from FIN and RST on.
 */
export interface NamedTimeouts {
  readonly tcp: number;
  readonly 'tcp.rst': number;
  readonly 'tcp.fin': number;
  readonly udp: number;
  readonly icmp: number;
  readonly general: number;
  readonly maxlife: number;
}

export type TimeoutName = keyof NamedTimeouts;

export const timeoutNames: readonly TimeoutName[] = ['tcp', 'tcp.rst', 'tcp.fin', 'udp', 'icmp', 'general', 'maxlife'];

/** The names that an inactive timeout for all protocols stands for. */
export const idleNames = ['tcp', 'udp', 'icmp', 'general'] as const satisfies readonly TimeoutName[];

export const timeoutPresets = {
  default: idle(60, { 'tcp.rst': 5, 'tcp.fin': 5, maxlife: 300 }),
  softflowd: {
    tcp: 3600,
    'tcp.rst': 120,
    'tcp.fin': 300,
    udp: 300,
    icmp: 300,
    general: 3600,
    maxlife: 604_800,
  },
  // ng_netflow and nfpcapd end a flow with the packet that has FIN or RST, netflowsink knows neither.
  ng_netflow: idle(15, { 'tcp.rst': 0, 'tcp.fin': 0, maxlife: 1800 }),
  netflowsink: idle(182, { 'tcp.rst': 182, 'tcp.fin': 182, maxlife: 0 }),
  nfpcapd: idle(60, { 'tcp.rst': 0, 'tcp.fin': 0, maxlife: 300 }),
} as const satisfies Record<string, NamedTimeouts>;

export type TimeoutPreset = keyof typeof timeoutPresets;

export const timeoutPresetNames = Object.keys(timeoutPresets) as TimeoutPreset[];

/** The cache's options for timeouts by name. */
export function timeoutOptions(named: NamedTimeouts): Required<TimeoutOptions> {
  return {
    activeMs: named.maxlife === 0 ? Number.POSITIVE_INFINITY : named.maxlife * 1000,
    inactiveMs: named.general * 1000,
    tcpMs: named.tcp * 1000,
    udpMs: named.udp * 1000,
    icmpMs: named.icmp * 1000,
    finLingerMs: named['tcp.fin'] * 1000,
    rstLingerMs: named['tcp.rst'] * 1000,
  };
}

function idle(seconds: number, others: Pick<NamedTimeouts, 'tcp.rst' | 'tcp.fin' | 'maxlife'>): NamedTimeouts {
  return { tcp: seconds, udp: seconds, icmp: seconds, general: seconds, ...others };
}
