import type { Share } from '../flow/allowance.ts';
import { SequenceTracker } from './sequence.ts';

interface Source {
  readonly sequence: SequenceTracker;
  /** The agent's counter when it was last seen. */
  drops: number;
}

/**
 * The data sources (mostly ports of a switch) of one sFlow agent: each numbers its samples, and counts those that it had
 * no resources to take. Sources beyond the allowance are not followed.
 */
export class SampleSources {
  /** Samples that the agent says it did not take, since each source was first heard of. */
  dropped = 0;
  private readonly sources = new Map<number, Source>();
  private readonly share: Share;

  constructor(share: Share) {
    this.share = share;
  }

  /** Takes the header of one sample; times as `SequenceTracker.observe` has them. */
  observe(id: number, sequence: number, drops: number, uptimeMs: number, bootMs: number): void {
    let source = this.sources.get(id);
    if (source === undefined) {
      if (!this.share.take(1)) return;
      // What each number counts is one sample, as it is one datagram elsewhere.
      source = { sequence: new SequenceTracker('datagrams'), drops };
      this.sources.set(id, source);
    }
    const { resets } = source.sequence;
    source.sequence.observe(sequence, -1, uptimeMs, bootMs);
    const more = (drops - source.drops) | 0;
    if (source.sequence.resets > resets) {
      source.drops = drops;
    } else if (more > 0) {
      // A sample that comes late has a lower count, which has been seen already.
      this.dropped += more;
      source.drops = drops;
    }
  }

  /** Samples that did not arrive, by the gaps in their numbers. */
  get lost(): number {
    let lost = 0;
    for (const { sequence } of this.sources.values()) lost += sequence.lost;
    return lost;
  }

  release(): void {
    this.share.giveBack(this.sources.size);
    this.sources.clear();
  }
}
