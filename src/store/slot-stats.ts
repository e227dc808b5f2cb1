import type { FlowBatch } from '../flow/batch.ts';

/** Counters of one class of traffic. Exact up to 2^53. */
export interface TrafficCounters {
  flows: number;
  packets: number;
  octets: number;
}

export const TRAFFIC_CLASSES = ['tcp', 'udp', 'icmp', 'other'] as const;
export type TrafficClass = (typeof TRAFFIC_CLASSES)[number];

const TCP = 0;
const UDP = 1;
const ICMP = 2;
const OTHER = 3;
const classOfProtocol = new Uint8Array(256).fill(OTHER);
classOfProtocol[6] = TCP;
classOfProtocol[17] = UDP;
classOfProtocol[1] = ICMP;
classOfProtocol[58] = ICMP;

/** The form that statistics have in a file's metadata (`weir.stats`); counters are raw, not scaled by sampling. */
export type SlotStatsJson = Record<TrafficClass, TrafficCounters> & {
  /** Earliest start and latest end of a flow, milliseconds since 1970; null without flows. */
  firstMs: number | null;
  lastMs: number | null;
};

/** Flows, packets and octets of a slot by class of protocol, and the span of its flows. */
export class SlotStats {
  private readonly flows = new Float64Array(TRAFFIC_CLASSES.length);
  private readonly packets = new Float64Array(TRAFFIC_CLASSES.length);
  private readonly octets = new Float64Array(TRAFFIC_CLASSES.length);
  private firstMs = Number.POSITIVE_INFINITY;
  private lastMs = Number.NEGATIVE_INFINITY;

  add(batch: FlowBatch, from = 0, to = batch.rows): void {
    const { flows } = this;
    const proto = batch.get('proto');
    if (proto === undefined) flows[OTHER]! += to - from;
    else for (let row = from; row < to; row++) flows[classOfProtocol[proto[row]!]!]!++;
    addCounters(this.packets, batch.get('packets'), proto, from, to);
    addCounters(this.octets, batch.get('octets'), proto, from, to);
    const first = batch.get('firstMs');
    if (first !== undefined) this.firstMs = Math.min(this.firstMs, earliest(first, from, to));
    const last = batch.get('lastMs');
    if (last !== undefined) this.lastMs = Math.max(this.lastMs, latest(last, from, to));
  }

  /** Adds what `toJson` gave elsewhere. */
  addJson(json: SlotStatsJson): void {
    for (const [kind, name] of TRAFFIC_CLASSES.entries()) {
      this.flows[kind]! += json[name].flows;
      this.packets[kind]! += json[name].packets;
      this.octets[kind]! += json[name].octets;
    }
    if (json.firstMs !== null) this.firstMs = Math.min(this.firstMs, json.firstMs);
    if (json.lastMs !== null) this.lastMs = Math.max(this.lastMs, json.lastMs);
  }

  /** Sums over all classes. */
  total(): TrafficCounters {
    const sum = (values: Float64Array) => values.reduce((all, value) => all + value, 0);
    return { flows: sum(this.flows), packets: sum(this.packets), octets: sum(this.octets) };
  }

  toJson(): SlotStatsJson {
    const of = (kind: number): TrafficCounters => ({
      flows: this.flows[kind]!,
      packets: this.packets[kind]!,
      octets: this.octets[kind]!,
    });
    return {
      tcp: of(TCP),
      udp: of(UDP),
      icmp: of(ICMP),
      other: of(OTHER),
      firstMs: Number.isFinite(this.firstMs) ? this.firstMs : null,
      lastMs: Number.isFinite(this.lastMs) ? this.lastMs : null,
    };
  }
}

/** Adds 64-bit counters (low word first) of rows to the sums of their classes. */
function addCounters(
  sums: Float64Array,
  counters: Uint32Array | undefined,
  proto: Uint8Array | undefined,
  from: number,
  to: number,
): void {
  if (counters === undefined) return;
  for (let row = from; row < to; row++) {
    const kind = proto === undefined ? OTHER : classOfProtocol[proto[row]!]!;
    sums[kind]! += counters[row * 2]!;
    const high = counters[row * 2 + 1]!;
    // Hardly any flow has so many.
    if (high !== 0) sums[kind]! += high * 0x1_0000_0000;
  }
}

/** Least time in the rows, infinity without one; 0 is a record that carried none. */
function earliest(times: Float64Array, from: number, to: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let row = from; row < to; row++) {
    const ms = times[row]!;
    if (ms < least && ms !== 0) least = ms;
  }
  return least;
}

function latest(times: Float64Array, from: number, to: number): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let row = from; row < to; row++) {
    const ms = times[row]!;
    if (ms > most && ms !== 0) most = ms;
  }
  return most;
}

/** Statistics out of a file's metadata; undefined when they are missing or not of this form. */
export function parseSlotStats(text: string | undefined): SlotStatsJson | undefined {
  if (text === undefined) return undefined;
  try {
    const json = JSON.parse(text) as SlotStatsJson;
    const whole = TRAFFIC_CLASSES.every((name) =>
      [json[name]?.flows, json[name]?.packets, json[name]?.octets].every((value) => typeof value === 'number'),
    );
    return whole ? json : undefined;
  } catch {
    return undefined;
  }
}
