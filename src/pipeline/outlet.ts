/** The way of flow batches to one consumer: in turn, at most so many waiting, and what was lost counted. */
import type { FlowBatch } from '../flow/batch.ts';
import type { FlowConsumer } from '../flow/consumer.ts';
import { wide } from '../flow/u64.ts';

/** A consumer that may be given a part of a batch: rows `start` (inclusive) to `end` (exclusive). */
export interface RangeConsumer extends FlowConsumer {
  /** Writes that may be under way at once; default 1. They are begun in order, whenever they end. */
  readonly concurrentWrites?: number;
  write(batch: FlowBatch, start?: number, end?: number): Promise<void> | undefined;
}

/** A place that flows go to, and what the operator calls it. */
export interface Destination {
  readonly name: string;
  readonly consumer: RangeConsumer;
}

/** Flows that a consumer did not get, and what they had counted. */
export interface LostFlows {
  readonly flows: number;
  readonly packets: number;
  readonly octets: number;
}

interface Part {
  readonly batch: FlowBatch;
  readonly start: number;
  readonly end: number;
}

/** What a consumer is to do: take a part, or change in between. */
type Task = Part | (() => void);

/** A consumer that has not been done with anything for so long has stalled. */
const STALL_MS = 3000;

export class Outlet {
  readonly name: string;
  private readonly consumer: RangeConsumer;
  private readonly maxHeld: number;
  private readonly onDone: (batch: FlowBatch) => void;
  private readonly onFailure: (error: unknown) => void;
  private readonly queue: Task[] = [];
  /** Parts in the queue. */
  private waiting = 0;
  /** Writes under way. */
  private busy = 0;
  /** When it last had nothing to do, or was done with something. */
  private progressMs = 0;
  private lostFlows = 0;
  private lostPackets = 0;
  private lostOctets = 0;

  /**
   * @param maxHeld batches at once, the one that the consumer is busy with included
   * @param onDone called for every part taken or dropped
   */
  constructor(
    destination: Destination,
    maxHeld: number,
    onDone: (batch: FlowBatch) => void,
    onFailure: (error: unknown) => void,
  ) {
    this.name = destination.name;
    this.consumer = destination.consumer;
    this.maxHeld = maxHeld;
    this.onDone = onDone;
    this.onFailure = onFailure;
  }

  get held(): number {
    return this.waiting + this.busy;
  }

  get isFull(): boolean {
    return this.held >= this.maxHeld;
  }

  get isStalled(): boolean {
    return this.held > 0 && performance.now() - this.progressMs >= STALL_MS;
  }

  get lost(): LostFlows {
    return { flows: this.lostFlows, packets: this.lostPackets, octets: this.lostOctets };
  }

  write(batch: FlowBatch, start: number, end: number): void {
    if (this.held === 0) this.progressMs = performance.now();
    this.queue.push({ batch, start, end });
    this.waiting++;
    this.pump();
  }

  /** Runs `step` once the consumer has taken, or lost, all that it was given so far; at once when that is so already. */
  afterGiven(step: () => void): void {
    this.queue.push(step);
    this.pump();
  }

  /** Whether this is the way to `consumer`. */
  leadsTo(consumer: RangeConsumer): boolean {
    return this.consumer === consumer;
  }

  /** Counts a part that the consumer will not get. */
  lose(batch: FlowBatch, start: number, end: number): void {
    this.lostFlows += end - start;
    this.lostPackets += sumOf(batch.get('packets'), start, end);
    this.lostOctets += sumOf(batch.get('octets'), start, end);
    this.onDone(batch);
  }

  /** Gives up what the consumer has not begun. */
  loseQueue(): void {
    const tasks = this.queue.splice(0);
    this.waiting = 0;
    for (const task of tasks) {
      if (typeof task === 'function') task();
      else this.lose(task.batch, task.start, task.end);
    }
  }

  close(): Promise<void> {
    return this.consumer.close();
  }

  private pump(): void {
    while (this.busy < (this.consumer.concurrentWrites ?? 1)) {
      const [task] = this.queue;
      if (task === undefined || (typeof task === 'function' && this.busy > 0)) return;
      this.queue.shift();
      if (typeof task === 'function') {
        task();
        continue;
      }
      this.waiting--;
      const { batch, start, end } = task;
      try {
        const wait = this.consumer.write(batch, start, end);
        if (wait !== undefined) {
          this.busy++;
          void this.finish(batch, wait);
          continue;
        }
      } catch (error) {
        this.onFailure(error);
      }
      this.onDone(batch);
    }
  }

  private async finish(batch: FlowBatch, wait: Promise<void>): Promise<void> {
    try {
      await wait;
    } catch (error) {
      this.onFailure(error);
    }
    this.busy--;
    this.progressMs = performance.now();
    this.onDone(batch);
    this.pump();
  }
}

function sumOf(counter: Uint32Array | undefined, start: number, end: number): number {
  let sum = 0;
  for (let row = start; counter !== undefined && row < end; row++) {
    sum += wide(counter, row);
  }
  return sum;
}
