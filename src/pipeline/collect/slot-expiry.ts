import type { EndedSlot } from '../../store/slot-sealer.ts';
import { expireByStoredLimits } from '../archive/expire.ts';
import type { Log } from '../daemon/log.ts';
import type { SourcePlan } from './source-plan.ts';

/** Deletes old files of a store after each of its slots (`-e`), one store at a time, beside everything else. */
export class SlotExpiry {
  private readonly plan: SourcePlan;
  private readonly log: Log;
  private readonly warn: Log;
  private readonly waiting = new Set<string>();
  private running: Promise<void> = Promise.resolve();

  constructor(plan: SourcePlan, log: Log, warn: Log) {
    this.plan = plan;
    this.log = log;
    this.warn = warn;
  }

  /** Puts the store of a slot in line, unless it is there already; returns at once. */
  run({ storeDirectory }: EndedSlot): void {
    if (this.waiting.has(storeDirectory)) return;
    this.waiting.add(storeDirectory);
    // Exporters with directories of their own may share the limits of the directory above.
    const fallback = this.plan.kind === 'dynamic' ? this.plan.directory : storeDirectory;
    this.running = this.running.then(() => {
      this.waiting.delete(storeDirectory);
      return expireByStoredLimits(storeDirectory, fallback, this.log, this.warn);
    });
  }

  /** Resolves when everything in line is done. */
  close(): Promise<void> {
    return this.running;
  }
}
