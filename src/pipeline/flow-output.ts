import { type FlowBatch, FlowBatchPool } from '../flow/batch.ts';
import { type Destination, type LostFlows, Outlet, type RangeConsumer } from './outlet.ts';

export interface FlowOutputOptions {
  /** Each gets every flow; those in a list share them. */
  readonly destinations: readonly Entry[];
  /** Batches that wait for one destination before the maker has to wait (replay) or its flows are lost (live). */
  readonly maxHeld?: number;
  /** Rows of a batch; as many as usual by default. */
  readonly batchRows?: number;
  /** Live input cannot wait: what a full destination does not take is lost to it alone, and counted. */
  readonly dropWhenFull: boolean;
}

const MAX_HELD = 4;
const NOTHING_LOST: LostFlows = { flows: 0, packets: 0, octets: 0 };
/** Waiting looks again so often whether somebody has stalled. */
const LOOK_MS = 250;

type Entry = Destination | readonly Destination[];
interface Group {
  readonly entry: Entry;
  readonly outlets: readonly Outlet[];
  /** Whose turn it is. */
  turn: number;
}

/**
 * Hands each batch to every destination and takes it back when the last of them is done, so that makers reuse memory. A
 * destination that stalls holds at most `maxHeld` batches and costs the others nothing.
 */
export class FlowOutput {
  private groups: Group[];
  /** Those that get nothing more. */
  private former: Outlet[] = [];
  private readonly pool: FlowBatchPool;
  private readonly dropWhenFull: boolean;
  /** How many outlets have a batch. */
  private readonly uses = new Map<FlowBatch, number>();
  private readonly waiting: (() => void)[] = [];
  private closing: Promise<void> = Promise.resolve();
  private readonly maxHeld: number;
  /** The run is to end: nobody waits any more for who has stalled. */
  private inHurry = false;
  private failure: unknown;
  private failed = false;
  flows = 0;

  constructor(options: FlowOutputOptions) {
    this.maxHeld = options.maxHeld ?? MAX_HELD;
    this.pool = new FlowBatchPool(options.batchRows);
    this.dropWhenFull = options.dropWhenFull;
    this.groups = options.destinations.map((entry) => this.groupOf(entry));
  }

  /** An empty batch for the maker of flows. */
  readonly acquire = (): FlowBatch => this.pool.acquire();

  /** Takes a filled batch; it comes back through `acquire` once every destination has let go of it. */
  readonly write = (batch: FlowBatch): void => {
    // The writer's own use, so that a batch does not go back before it was given to all.
    this.uses.set(batch, 1);
    this.flows += batch.rows;
    for (const group of this.groups) this.share(group, batch);
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

  /** Resolves when no destination has anything under way, but for those that have stalled. */
  async idle(): Promise<void> {
    while (this.outlets.some((outlet) => outlet.held > 0 && !outlet.isStalled)) await this.change();
  }

  /** The run is to end: what a destination that has stalled does not take is lost and counted, as in live capture. */
  hurry(): void {
    this.inHurry = true;
    this.notify();
  }

  /** Runs `step` between what `consumer` was given so far and what it will be given. */
  readonly afterGiven = (consumer: RangeConsumer, step: () => void): void => {
    for (const outlet of this.outlets) if (outlet.leadsTo(consumer)) outlet.afterGiven(step);
  };

  /**
   * Puts destinations in the place of others from the next batch on. Resolves once those before have taken what was theirs,
   * and are closed.
   */
  exchange(former: readonly Entry[], next: readonly Entry[]): Promise<void> {
    const old = this.groups.filter(({ entry }) => former.includes(entry));
    this.groups = [...this.groups.filter((group) => !old.includes(group)), ...next.map((entry) => this.groupOf(entry))];
    const outlets = old.flatMap((group) => group.outlets);
    this.former.push(...outlets);
    const closed = this.closeOutlets(outlets);
    this.closing = Promise.all([this.closing, closed]).then(() => {});
    // Whoever closes the output gets to know.
    this.closing.catch(() => {});
    return closed;
  }

  /** Waits for what is under way, then closes every destination. */
  async close(): Promise<void> {
    await Promise.all([this.closing, this.closeOutlets(this.groups.flatMap((group) => group.outlets))]);
    if (this.failed) throw this.failure;
  }

  /** What each destination did not get. */
  losses(): (LostFlows & { readonly name: string })[] {
    const byName = new Map<string, LostFlows>();
    for (const { name, lost } of this.outlets) {
      const { flows, packets, octets } = byName.get(name) ?? NOTHING_LOST;
      byName.set(name, {
        flows: flows + lost.flows,
        packets: packets + lost.packets,
        octets: octets + lost.octets,
      });
    }
    return [...byName].map(([name, lost]) => ({ name, ...lost }));
  }

  get lostFlows(): number {
    return this.losses().reduce((sum, { flows }) => sum + flows, 0);
  }

  private get outlets(): Outlet[] {
    return [...this.former, ...this.groups.flatMap((group) => group.outlets)];
  }

  private get isHeldUp(): boolean {
    return this.groups.some((group) => group.outlets.some((outlet) => outlet.isFull && !this.givesUp(outlet)));
  }

  private givesUp(outlet: Outlet): boolean {
    return (this.inHurry || this.dropWhenFull) && outlet.isStalled;
  }

  private groupOf(entry: Entry): Group {
    const destinations = 'name' in entry ? [entry] : entry;
    const outlets = destinations.map((one) => new Outlet(one, this.maxHeld, this.release, this.fail));
    return { entry, outlets, turn: 0 };
  }

  private async closeOutlets(outlets: readonly Outlet[]): Promise<void> {
    await Promise.all(
      outlets.map(async (outlet) => {
        while (outlet.held > 0 && !this.givesUp(outlet)) await this.change();
        outlet.loseQueue();
        await outlet.close();
      }),
    );
  }

  /** Gives a batch to a group: all of it to an outlet alone, else to each its share. */
  private share(group: Group, batch: FlowBatch): void {
    const { outlets } = group;
    const rows = Math.ceil(batch.rows / outlets.length);
    // Another one begins with each batch: the last share may be small, and small batches have only one.
    let { turn } = group;
    group.turn = (turn + 1) % outlets.length;
    for (let start = 0; start < batch.rows; start += rows) {
      const end = Math.min(start + rows, batch.rows);
      const mayLose = this.dropWhenFull || this.inHurry;
      const outlet = mayLose ? (roomy(outlets, turn) ?? outlets[turn]!) : outlets[turn]!;
      turn = (turn + 1) % outlets.length;
      this.uses.set(batch, this.uses.get(batch)! + 1);
      if (outlet.isFull && (this.dropWhenFull || this.givesUp(outlet))) outlet.lose(batch, start, end);
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
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
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
