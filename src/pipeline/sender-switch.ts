import type { ExporterStats } from '../export/exporter.ts';
import type { TransportStats } from '../export/transport.ts';
import type { FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import type { Senders } from './senders.ts';

type Counted = Pick<Senders, 'stats' | 'transportStats'>;

/** The senders of the moment, which may be replaced by others between two batches; what each has sent adds up. */
export class SenderSwitch implements FlowConsumer {
  private current: Senders | undefined;
  /** Of those before: themselves while they close, then only what they counted. */
  private former: Counted[] = [];
  private closing: Promise<void> = Promise.resolve();

  constructor(first: Senders | undefined) {
    this.current = first;
  }

  write(batch: FlowBatch): Promise<void> | undefined {
    return this.current?.write(batch);
  }

  tick(nowMs: number): void {
    this.current?.tick(nowMs);
  }

  /** Templates and options go out again with what is sent next. */
  announce(): void {
    this.current?.announce();
  }

  /** From the next batch on; those before send what they have, and close. */
  replace(next: Senders | undefined): void {
    const { current } = this;
    this.current = next;
    if (current === undefined) return;
    this.former.push(current);
    const closed = current.close().then(() => {
      const [stats, links] = [current.stats(), current.transportStats()];
      const counted = { stats: () => ({ ...stats }), transportStats: () => links };
      this.former = this.former.map((one) => (one === current ? counted : one));
    });
    // Whoever closes the switch gets to know.
    closed.catch(() => {});
    this.closing = Promise.all([this.closing, closed]).then(() => {});
    this.closing.catch(() => {});
  }

  async close(): Promise<void> {
    await Promise.all([this.closing, this.current?.close()]);
  }

  /** Of all there were; undefined when there were none. */
  stats(): ExporterStats | undefined {
    const [first, ...others] = this.all().map((senders) => senders.stats());
    for (const stats of others) {
      for (const key of Object.keys(stats) as (keyof ExporterStats)[]) first![key] += stats[key];
    }
    return first;
  }

  transportStats(): { name: string; stats: TransportStats }[] {
    return this.all().flatMap((senders) => senders.transportStats());
  }

  /** Of the moment alone. */
  linksInUse(): { name: string; stats: TransportStats }[] {
    return this.current?.transportStats() ?? [];
  }

  private all(): Counted[] {
    return this.current === undefined ? this.former : [...this.former, this.current];
  }
}
