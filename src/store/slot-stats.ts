import type { SegmentOptions } from '../addon/segments.ts';
import { type ColumnName, columnByName } from '../flow/fields.ts';

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

const sqlName = (name: ColumnName) => columnByName.get(name)!.sql;
const PROTOCOLS = 256;

/** What `SlotStats` needs to know of each row group. */
export const TOTALS: NonNullable<SegmentOptions['totals']> = {
  by: sqlName('proto'),
  sums: [sqlName('packets'), sqlName('octets')],
  // A time of 0 is a record that carried none, and is left out.
  spans: [sqlName('firstMs'), sqlName('lastMs')],
};

/** The form that statistics have in a file's metadata (`weir.stats`); counters are raw, not scaled by sampling. */
export type SlotStatsJson = Record<TrafficClass, TrafficCounters> & {
  /** Earliest start and latest end of a flow, milliseconds since 1970; null without flows. */
  firstMs: number | null;
  lastMs: number | null;
  /** Sequence numbers of datagrams that were not those expected; files of other origin, and older ones, have none. */
  sequenceErrors?: number;
};

/** Flows, packets and octets of a slot by class of protocol, and the span of its flows. */
export class SlotStats {
  private readonly flows = new Float64Array(TRAFFIC_CLASSES.length);
  private readonly packets = new Float64Array(TRAFFIC_CLASSES.length);
  private readonly octets = new Float64Array(TRAFFIC_CLASSES.length);
  private firstMs = Number.POSITIVE_INFINITY;
  private lastMs = Number.NEGATIVE_INFINITY;
  sequenceErrors = 0;

  /** Adds one row group: what the segment writer made of `TOTALS`. */
  addTotals(totals: Float64Array): void {
    for (let protocol = 0; protocol < PROTOCOLS; protocol++) {
      const kind = classOfProtocol[protocol]!;
      this.flows[kind]! += totals[protocol]!;
      this.packets[kind]! += totals[PROTOCOLS + protocol]!;
      this.octets[kind]! += totals[PROTOCOLS * 2 + protocol]!;
    }
    const [earliest, , , latest] = totals.subarray(PROTOCOLS * 3);
    this.firstMs = Math.min(this.firstMs, earliest!);
    this.lastMs = Math.max(this.lastMs, latest!);
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
    this.sequenceErrors += json.sequenceErrors ?? 0;
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
      sequenceErrors: this.sequenceErrors,
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
    const { firstMs, lastMs, sequenceErrors = 0 } = json;
    const times = [firstMs, lastMs].every((ms) => ms === null || typeof ms === 'number');
    return whole && times && typeof sequenceErrors === 'number' ? json : undefined;
  } catch {
    return undefined;
  }
}
