import { type FlowBatch, FlowBatchPool } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';

export interface FlowOutputOptions {
  consumers: readonly FlowConsumer[];
  /** Batches that consumers may hold at a time before the maker has to wait (replay) or flows are dropped (live). */
  maxOutstanding?: number;
  /** Live input cannot wait: past `maxOutstanding` a batch is dropped and its flows are counted. */
  dropWhenFull: boolean;
}

/**
 * Hands each batch to every consumer and takes it back when the last of them is done, so that makers reuse memory and
 * no consumer's slowness grows a queue without bound.
 */
export class FlowOutput {
  private readonly consumers: readonly FlowConsumer[];
  private readonly pool = new FlowBatchPool();
  private readonly maxOutstanding: number;
  private readonly dropWhenFull: boolean;
  private readonly waiting: (() => void)[] = [];
  private outstanding = 0;
  private failure: unknown;
  private failed = false;
  flows = 0;
  droppedFlows = 0;

  constructor(options: FlowOutputOptions) {
    this.consumers = options.consumers;
    this.maxOutstanding = options.maxOutstanding ?? 4;
    this.dropWhenFull = options.dropWhenFull;
  }

  /** An empty batch for the maker of flows. */
  readonly acquire = (): FlowBatch => this.pool.acquire();

  /** Takes a filled batch; it comes back through `acquire` once every consumer has let go of it. */
  readonly write = (batch: FlowBatch): void => {
    if (batch.rows === 0) {
      this.pool.release(batch);
      return;
    }
    if (this.dropWhenFull && this.outstanding >= this.maxOutstanding) {
      this.droppedFlows += batch.rows;
      this.pool.release(batch);
      return;
    }
    this.flows += batch.rows;
    this.outstanding++;
    void this.deliver(batch);
  };

  /** True while the maker should wait with `ready` before it makes more. */
  get isFull(): boolean {
    return this.failed || this.outstanding >= this.maxOutstanding;
  }

  /** Resolves when there is room again; rejects with a consumer's failure. */
  async ready(): Promise<void> {
    while (!this.failed && this.outstanding >= this.maxOutstanding) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    if (this.failed) throw this.failure;
  }

  /** Resolves when no consumer has anything under way. */
  async idle(): Promise<void> {
    while (this.outstanding > 0) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  /** Waits for what is under way, then closes every consumer. */
  async close(): Promise<void> {
    await this.idle();
    await Promise.all(this.consumers.map((consumer) => consumer.close()));
    if (this.failed) throw this.failure;
  }

  private async deliver(batch: FlowBatch): Promise<void> {
    try {
      const pending: Promise<void>[] = [];
      for (const consumer of this.consumers) {
        const written = consumer.write(batch);
        if (written !== undefined) pending.push(written);
      }
      if (pending.length > 0) await Promise.all(pending);
    } catch (error) {
      this.failure ??= error;
      this.failed = true;
    }
    this.pool.release(batch);
    this.outstanding--;
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}
