import type { Allowance } from './limits.ts';

/** What the operator says about an exporter's sampling. */
export interface SamplingSetting {
  /** One of how many packets is counted. */
  readonly rate: number;
  /** Counts whatever the exporter says; otherwise only when it says nothing. */
  readonly isFixed: boolean;
}

const MAX_SAMPLERS = 1024;

/**
 * Sampling rates that options records told for one stream. Rates are stored beside raw counters, never multiplied in.
 */
export class SamplingTable {
  /** Rate of everything in the stream, 0 unknown. */
  private general = 0;
  private readonly samplers = new Map<number, number>();
  private readonly templates = new Map<number, number>();
  /** The one rate that all samplers have, 0 when they differ. */
  private unanimous = 0;
  private readonly allowance: Allowance;

  constructor(allowance: Allowance) {
    this.allowance = allowance;
  }

  /** Takes the rate of an options record; -1 stands for an id that the record does not have. */
  learn(rate: number, samplerId: number, templateId: number): void {
    if (samplerId >= 0) {
      if (this.put(this.samplers, samplerId, rate)) this.unanimous = agreement(this.samplers);
    } else if (templateId >= 0) {
      this.put(this.templates, templateId, rate);
    } else {
      this.general = rate;
    }
  }

  get hasSamplers(): boolean {
    return this.samplers.size > 0;
  }

  samplerRate(id: number): number {
    return this.samplers.get(id) ?? 0;
  }

  /** Rate for records of a template that name no sampler; 0 unknown. */
  rateFor(templateId: number): number {
    if (this.templates.size > 0) {
      const rate = this.templates.get(templateId);
      if (rate !== undefined) return rate;
    }
    return this.general || this.unanimous;
  }

  release(): void {
    this.allowance.giveBack(this.samplers.size + this.templates.size);
    this.samplers.clear();
    this.templates.clear();
  }

  private put(map: Map<number, number>, id: number, rate: number): boolean {
    if (map.get(id) === rate) return false;
    if (!map.has(id) && (map.size >= MAX_SAMPLERS || !this.allowance.take(1))) return false;
    map.set(id, rate);
    return true;
  }
}

function agreement(rates: ReadonlyMap<number, number>): number {
  let common = 0;
  for (const rate of rates.values()) {
    if (common !== 0 && rate !== common) return 0;
    common = rate;
  }
  return common;
}
