import { type FlowBatch, FlowBatchPool } from '../flow/batch.ts';
import { type Destination, type LostFlows, Outlet } from './outlet.ts';

export interface FlowOutputOptions {
  /** Each gets every flow; those in a list share them. */
  readonly destinations: readonly (Destination | readonly Destination[])[];
  /** Batches that wait for one destination before the maker has to wait (replay) or its flows are lost (live). */
  readonly maxHeld?: number;
  /** Live input cannot wait: what a full destination does not take is lost to it alone, and counted. */
  readonly dropWhenFull: boolean;
}

const MAX_HELD = 4;
/** How long the end of a run waits for a destination that takes nothing. */
const HURRY_MS = 3000;

/**
 * Hands each batch to every destination and takes it back when the last of them is done, so that makers reuse memory. A
 * destination that stalls holds at most `maxHeld` batches and costs the others nothing.
 */
export class FlowOutput {
  private readonly groups: readonly (readonly Outlet[])[];
  private readonly outlets: readonly Outlet[];
  private readonly pool = new FlowBatchPool();
  private readonly dropWhenFull: boolean;
  /** How many outlets have a batch. */
  private readonly uses = new Map<FlowBatch, number>();
  /** Whose turn it is in each group. */
  private readonly turns: number[];
  private readonly waiting: (() => void)[] = [];
  private hurryTimer: NodeJS.Timeout | undefined;
  /** The run is to end, and has waited long enough. */
  private isLate = false;
  private failure: unknown;
  private failed = false;
  flows = 0;

  constructor(options: FlowOutputOptions) {
    const { maxHeld = MAX_HELD } = options;
    this.dropWhenFull = options.dropWhenFull;
    this.groups = options.destinations.map((entry) =>
      ('name' in entry ? [entry] : entry).map(
        (destination) => new Outlet(destination, maxHeld, this.release, this.fail),
      ),
    );
    this.outlets = this.groups.flat();
    this.turns = this.groups.map(() => 0);
  }

  /** An empty batch for the maker of flows. */
  readonly acquire = (): FlowBatch => this.pool.acquire();

  /** Takes a filled batch; it comes back through `acquire` once every destination has let go of it. */
  readonly write = (batch: FlowBatch): void => {
    // The writer's own use, so that a batch does not go back before it was given to all.
    this.uses.set(batch, 1);
    this.flows += batch.rows;
    for (let i = 0; i < this.groups.length; i++) this.share(i, batch);
    this.release(batch);
  };

  /** True while the maker should wait with `ready` before it makes more. */
  get isFull(): boolean {
    return this.failed || this.isHeldUp;
  }

  /** Resolves when there is room again; rejects with a consumer's failure. */
  async ready(): Promise<void> {
    while (!this.failed && this.isHeldUp) await this.change();
    if (this.failed) throw this.failure;
  }

  /** The run is to end: who stalls is waited for a few seconds more, then what it does not take is lost and counted. */
  hurry(): void {
    this.hurryTimer ??= setTimeout(() => {
      this.isLate = true;
      for (const outlet of this.outlets) outlet.loseQueue();
      this.notify();
    }, HURRY_MS);
  }

  /** Waits for what is under way, then closes every destination. */
  async close(): Promise<void> {
    if (this.dropWhenFull) this.hurry();
    while (!this.isLate && this.outlets.some((outlet) => outlet.held > 0)) await this.change();
    clearTimeout(this.hurryTimer);
    await Promise.all(this.outlets.map((outlet) => outlet.close()));
    if (this.failed) throw this.failure;
  }

  /** What each destination did not get. */
  losses(): (LostFlows & { readonly name: string })[] {
    return this.outlets.map(({ name, lost }) => ({ name, ...lost }));
  }

  get lostFlows(): number {
    return this.losses().reduce((sum, { flows }) => sum + flows, 0);
  }

  private get isHeldUp(): boolean {
    return !this.isLate && this.outlets.some((outlet) => outlet.isFull);
  }

  /** Gives a batch to a group: all of it to an outlet alone, else to each its share. */
  private share(group: number, batch: FlowBatch): void {
    const outlets = this.groups[group]!;
    const rows = Math.ceil(batch.rows / outlets.length);
    const mayLose = this.dropWhenFull || this.isLate;
    // Another one begins with each batch: the last share may be small, and small batches have only one.
    let turn = this.turns[group]!;
    this.turns[group] = (turn + 1) % outlets.length;
    for (let start = 0; start < batch.rows; start += rows) {
      const end = Math.min(start + rows, batch.rows);
      const outlet = mayLose ? (roomy(outlets, turn) ?? outlets[turn]!) : outlets[turn]!;
      turn = (turn + 1) % outlets.length;
      this.uses.set(batch, this.uses.get(batch)! + 1);
      if (mayLose && outlet.isFull) outlet.lose(batch, start, end);
      else outlet.write(batch, start, end);
    }
  }

  private readonly release = (batch: FlowBatch): void => {
    const uses = this.uses.get(batch)! - 1;
    if (uses > 0) {
      this.uses.set(batch, uses);
    } else {
      this.uses.delete(batch);
      this.pool.release(batch);
    }
    this.notify();
  };

  private readonly fail = (error: unknown): void => {
    this.failure ??= error;
    this.failed = true;
  };

  private change(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private notify(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** The first outlet with room from `turn` on. */
function roomy(outlets: readonly Outlet[], turn: number): Outlet | undefined {
  for (let i = 0; i < outlets.length; i++) {
    const outlet = outlets[(turn + i) % outlets.length]!;
    if (!outlet.isFull) return outlet;
  }
  return undefined;
}
