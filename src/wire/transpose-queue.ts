import type { Addon } from '../addon/addon.ts';
import { ICMP_STEPS, RUN_CELLS, STEP_CELLS } from '../addon/transpose-layout.ts';
import { columns } from '../flow/fields.ts';
import type { BatchTarget } from './batch-target.ts';
import type { DecodeStream, SetContext } from './decode-context.ts';
import { quirkNumber } from './quirks.ts';
import type { CompiledTemplate } from './template.ts';
import { OP_ICMP } from './template-program.ts';
import { stepCount, type TransposePlan } from './transpose-plan.ts';

export type Transpose = Addon['transpose'];

/** Runs of records gathered for one call: more than a slot of a megabyte has of usual datagrams. */
const MAX_RUNS = 4096;
const FIRST_RUNS = 64;
/** Steps gathered; those of a template stand here once however many runs use them. */
const MAX_STEPS = 2048;

const ICMP_IN_SOURCE_PORT = quirkNumber('icmp-in-source-port');

/**
 * Data sets whose records the addon copies to their columns, gathered over many datagrams. Rows are committed before, and
 * get what their records hold in `settle`. Until then nobody else writes their columns, whatever is done for other rows.
 */
export class TransposeQueue {
  private readonly target: BatchTarget;
  private readonly context: SetContext;
  private readonly transpose: Transpose | undefined;
  /** What the records stand in. */
  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(new ArrayBuffer(0));
  /** Grows to what is needed, up to `MAX_RUNS`: there may be a thousand collectors. */
  private runs = new Float64Array(FIRST_RUNS * RUN_CELLS);
  private readonly streams: DecodeStream[] = [];
  private count = 0;
  private readonly steps = new Uint32Array(MAX_STEPS * STEP_CELLS);
  private stepCount = 0;
  /** Plans in use, by their first step. */
  private readonly plans = new Map<number, TransposePlan>();
  private readonly places = new Map<TransposePlan, number>();
  private lastPlan: TransposePlan | undefined;
  private lastPlace = 0;
  /** Columns in use, and the place of each among them or -1. */
  private readonly used: number[] = [];
  private readonly positions = new Int16Array(columns.length).fill(-1);
  /** How many of the plans in use say what all rows of a column hold, and whether one says other than 0. */
  private readonly writers = new Uint16Array(columns.length);
  private readonly written = new Uint8Array(columns.length);

  /** `transpose` is the addon's; without it nothing is taken. */
  constructor(target: BatchTarget, context: SetContext, transpose: Transpose | undefined) {
    this.target = target;
    this.context = context;
    this.transpose = transpose;
    target.owed.push(() => this.settle());
  }

  /** Says which memory the next datagrams stand in; it must stay as it is until `settle`. */
  from(bytes: Uint8Array, view: DataView): void {
    if (view === this.view) return;
    this.settle();
    this.bytes = bytes;
    this.view = view;
  }

  /** Takes `rows` records from `base` on for the next rows of the batch; false: the caller must decode them itself. */
  add(template: CompiledTemplate, view: DataView, base: number, rows: number, receivedMs: number): boolean {
    const { plan, recordLength } = template;
    const { context } = this;
    if (plan === undefined || this.transpose === undefined || view !== this.view) return false;
    if (template.needsClock && !context.hasUptime) return false;
    if (this.count * RUN_CELLS === this.runs.length) this.makeRoom();
    const place = plan === this.lastPlan ? this.lastPlace : this.place(plan);
    if (place < 0) return false;
    const { runs } = this;
    const at = this.count * RUN_CELLS;
    runs[at] = place;
    runs[at + 1] = place + stepCount(plan);
    runs[at + 2] = base;
    runs[at + 3] = recordLength;
    runs[at + 4] = rows;
    runs[at + 5] = this.target.batch.rows;
    runs[at + 6] = context.exportMs;
    runs[at + 7] = context.uptimeMs;
    runs[at + 8] = receivedMs;
    this.streams[this.count] = context.stream;
    this.count++;
    return true;
  }

  /** Fills the rows that wait. */
  settle(): void {
    const { count, runs } = this;
    if (count === 0) return;
    this.count = 0;
    this.prepareColumns(count);
    const steps = this.steps.subarray(0, this.stepCount * STEP_CELLS);
    const { opened } = this.target;
    const arrays = this.used.map((column) => (this.written[column] === 1 ? opened[column] : undefined));
    const swapped = this.transpose!(this.bytes, steps, runs.subarray(0, count * RUN_CELLS), arrays);
    for (let i = 0; i < swapped.length; i += 2) {
      this.streams[swapped[i]!]!.quirk(ICMP_IN_SOURCE_PORT, swapped[i + 1]!);
    }
    for (const column of this.used) {
      this.positions[column] = -1;
      this.writers[column] = 0;
      this.written[column] = 0;
    }
    this.used.length = 0;
    this.plans.clear();
    this.places.clear();
    this.stepCount = 0;
    this.lastPlan = undefined;
  }

  private makeRoom(): void {
    if (this.count === MAX_RUNS) {
      this.settle();
      return;
    }
    const before = this.runs;
    this.runs = new Float64Array(before.length * 4);
    this.runs.set(before);
  }

  /** Number of the first step of a plan, put among the steps if need be; -1 for one with too many. */
  private place(plan: TransposePlan): number {
    let place = this.places.get(plan);
    if (place === undefined) {
      const length = stepCount(plan);
      if (length > MAX_STEPS) return -1;
      if (this.stepCount + length > MAX_STEPS) this.settle();
      place = this.stepCount;
      this.copySteps(plan.steps, place * STEP_CELLS);
      this.stepCount += length;
      this.places.set(plan, place);
      this.plans.set(place, plan);
    }
    this.lastPlan = plan;
    this.lastPlace = place;
    return place;
  }

  /** Copies steps, with the places of columns among those that the call is given instead of their indices. */
  private copySteps(from: Uint32Array, to: number): void {
    const { steps } = this;
    steps.set(from, to);
    for (let at = 0; at < from.length; at += STEP_CELLS) {
      const columnCells = from[at] === OP_ICMP ? 3 : 1;
      for (let cell = 1; cell <= columnCells; cell++) steps[to + at + cell] = this.position(from[at + cell]!);
      if (from[at] === OP_ICMP) at += (ICMP_STEPS - 1) * STEP_CELLS;
    }
  }

  private position(column: number): number {
    if (this.positions[column]! < 0) this.positions[column] = this.used.push(column) - 1;
    return this.positions[column]!;
  }

  /**
   * Tells the target which rows will be written. Plans have most columns in common: those are told once for all runs, if
   * their rows follow one another.
   */
  private prepareColumns(count: number): void {
    const { target, runs, plans, used, writers, written } = this;
    const firstRow = runs[5]!;
    const last = (count - 1) * RUN_CELLS;
    const end = runs[last + 5]! + runs[last + 4]!;
    let rows = 0;
    for (let at = 0; at <= last; at += RUN_CELLS) rows += runs[at + 4]!;
    for (const plan of plans.values()) {
      for (const column of plan.columns) written[column] = 1;
      for (const column of plan.touched) written[column] = 1;
      for (const column of plan.columns) writers[column]!++;
      for (const column of plan.zeros) writers[column]!++;
    }
    const everywhere = rows === end - firstRow ? plans.size : -1;
    for (const column of used) if (writers[column] === everywhere) this.prepare(column, rows, firstRow);
    const isRest = (column: number) => writers[column] !== everywhere;
    const rests = new Map(
      [...plans].map(([place, plan]) => [place, [...plan.columns.filter(isRest), ...plan.zeros.filter(isRest)]]),
    );
    const hasRest = [...rests.values()].some(({ length }) => length > 0);
    for (let at = 0; hasRest && at <= last; at += RUN_CELLS) {
      const rest = rests.get(runs[at]!)!;
      for (let i = 0; i < rest.length; i++) this.prepare(rest[i]!, runs[at + 4]!, runs[at + 5]!);
    }
    for (const { touched } of plans.values()) for (const column of touched) target.column(column, end);
  }

  /** A column that is 0 in whatever waits costs nothing while it is 0 in the whole batch. */
  private prepare(column: number, rows: number, start: number): void {
    if (this.written[column] === 1) this.target.whole(column, rows, start);
    else this.target.fill(column, rows, 0, 0, start);
  }
}
