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
    const proto = batch.get('proto');
    const packets = batch.get('packets');
    const octets = batch.get('octets');
    for (let row = from; row < to; row++) {
      const kind = proto === undefined ? OTHER : classOfProtocol[proto[row]!]!;
      this.flows[kind]!++;
      if (packets !== undefined) this.packets[kind]! += packets[row * 2]! + packets[row * 2 + 1]! * 4294967296;
      if (octets !== undefined) this.octets[kind]! += octets[row * 2]! + octets[row * 2 + 1]! * 4294967296;
    }
    const first = batch.get('firstMs');
    const last = batch.get('lastMs');
    // A time of 0 is a record that carried none.
    for (let row = from; first !== undefined && row < to; row++) {
      if (first[row]! < this.firstMs && first[row] !== 0) this.firstMs = first[row]!;
    }
    for (let row = from; last !== undefined && row < to; row++) {
      if (last[row]! > this.lastMs && last[row] !== 0) this.lastMs = last[row]!;
    }
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
