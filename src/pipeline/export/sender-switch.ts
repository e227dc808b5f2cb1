import { type ExporterStats, sumOfStats } from '../../export/exporter.ts';
import type { TemplateSelection } from '../../export/templates.ts';
import type { TransportStats } from '../../export/transport.ts';
import type { FlowOutput } from '../flow-output.ts';
import type { Senders } from './senders.ts';

type Counted = Pick<Senders, 'stats' | 'transportStats' | 'lostMessages'>;

/** The senders of the moment, which may be replaced by others between two batches; what each has sent adds up. */
export class SenderSwitch {
  private current: Senders | undefined;
  /** Of those before: themselves while they close, then only what they counted. */
  private former: Counted[] = [];

  constructor(first: Senders | undefined) {
    this.current = first;
  }

  /** Of the present ones, for a FlowOutput. */
  get destinations(): Senders['destinations'] {
    return this.current?.destinations ?? [];
  }

  tick(nowMs: number): void {
    this.current?.tick(nowMs);
  }

  /** Templates and options go out again with what is sent next. */
  announce(): void {
    this.current?.announce();
  }

  /** Interfaces have other numbers now. */
  interfacesChanged(): void {
    this.current?.interfacesChanged();
  }

  /** Flows from the next batch on go out with other fields. */
  changeTemplate(template: TemplateSelection, output: FlowOutput): void {
    this.current?.changeTemplate(template, output);
  }

  /** From the next batch on; those before send what they have, and close. */
  replace(next: Senders | undefined, output: FlowOutput): void {
    const { current } = this;
    this.current = next;
    const closed = output.exchange(current?.destinations ?? [], next?.destinations ?? []);
    if (current === undefined) return;
    this.former.push(current);
    // Whoever closes the output gets to know of a failure.
    void closed
      .then(() => {
        const [stats, links, lost] = [current.stats(), current.transportStats(), current.lostMessages()];
        const counted = { stats: () => stats, transportStats: () => links, lostMessages: () => lost };
        this.former = this.former.map((one) => (one === current ? counted : one));
      })
      .catch(() => {});
  }

  /** Of all there were; undefined when there were none. */
  stats(): ExporterStats | undefined {
    return sumOfStats(this.all().map((senders) => senders.stats()));
  }

  transportStats(): { name: string; stats: TransportStats }[] {
    return this.all().flatMap((senders) => senders.transportStats());
  }

  lostMessages(): number {
    return this.all().reduce((sum, senders) => sum + senders.lostMessages(), 0);
  }

  /** Of the moment alone. */
  linksInUse(): { name: string; stats: TransportStats }[] {
    return this.current?.transportStats() ?? [];
  }

  private all(): Counted[] {
    return this.current === undefined ? this.former : [...this.former, this.current];
  }
}
