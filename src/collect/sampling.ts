import type { Share } from '../flow/allowance.ts';

/** What the operator says about an exporter's sampling. */
export interface SamplingSetting {
  /** One of how many packets is counted. */
  readonly rate: number;
  /** Counts whatever the exporter says; otherwise only when it says nothing. */
  readonly isFixed: boolean;
}

/** Rates as they outlive the collector: of the whole stream (0 unknown), by sampler id, by template id. */
export interface SavedSampling {
  readonly general: number;
  readonly samplers: readonly (readonly [id: number, rate: number])[];
  readonly templates: readonly (readonly [id: number, rate: number])[];
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
  private readonly share: Share;

  constructor(share: Share) {
    this.share = share;
  }

  /**
   * Takes the rate of an options record; -1 stands for an id that the record does not have. True when it was news.
   */
  learn(rate: number, samplerId: number, templateId: number): boolean {
    if (samplerId >= 0) {
      if (!this.put(this.samplers, samplerId, rate)) return false;
      this.unanimous = agreement(this.samplers);
      return true;
    }
    if (templateId >= 0) return this.put(this.templates, templateId, rate);
    const isNews = this.general !== rate;
    this.general = rate;
    return isNews;
  }

  /** Everything learned, for `restore`. */
  save(): SavedSampling {
    return { general: this.general, samplers: [...this.samplers], templates: [...this.templates] };
  }

  /** Takes what an earlier run of the collector learned; false when that was nothing. */
  restore(saved: SavedSampling): boolean {
    if (saved.general > 0) this.learn(saved.general, -1, -1);
    for (const [id, rate] of saved.samplers) this.learn(rate, id, -1);
    for (const [id, rate] of saved.templates) this.learn(rate, -1, id);
    return this.general > 0 || this.samplers.size + this.templates.size > 0;
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
    this.share.giveBack(this.samplers.size + this.templates.size);
    this.samplers.clear();
    this.templates.clear();
    this.general = this.unanimous = 0;
  }

  private put(map: Map<number, number>, id: number, rate: number): boolean {
    if (map.get(id) === rate) return false;
    if (!map.has(id) && (map.size >= MAX_SAMPLERS || !this.share.take(1))) return false;
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
