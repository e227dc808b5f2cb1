import type { Addon } from '../addon/addon.ts';
import { RUN_CELLS, STEP_CELLS } from '../addon/transpose-layout.ts';
import type { BatchTarget } from './batch-target.ts';
import type { DecodeStream, SetContext } from './decode-context.ts';
import { RecordRun } from './record-run.ts';
import type { CompiledTemplate } from './template.ts';
import { runDerived } from './template-derived.ts';
import { stepCount, type TransposePlan } from './transpose-plan.ts';

export type Transpose = Addon['transpose'];

/** Runs of records gathered for one call: more than a slot of a megabyte has of usual datagrams. */
const MAX_RUNS = 4096;
const FIRST_RUNS = 64;
/** Steps gathered; those of a template stand here once however many runs use them. */
const MAX_STEPS = 2048;

/**
 * Data sets whose records the addon copies to their columns, gathered over many datagrams. Rows are committed before, and
 * get what their records hold in `settle`.
 */
export class TransposeQueue {
  private readonly target: BatchTarget;
  private readonly context: SetContext;
  private readonly transpose: Transpose | undefined;
  private readonly run: RecordRun;
  /** What the records stand in. */
  private bytes: Uint8Array = new Uint8Array(0);
  private view: DataView = new DataView(new ArrayBuffer(0));
  /** Grows to what is needed, up to `MAX_RUNS`: there may be a thousand collectors. */
  private runs = new Float64Array(FIRST_RUNS * RUN_CELLS);
  private readonly templates: CompiledTemplate[] = [];
  private readonly streams: DecodeStream[] = [];
  private count = 0;
  private readonly steps = new Uint32Array(MAX_STEPS * STEP_CELLS);
  private stepCount = 0;
  private readonly places = new Map<TransposePlan, number>();
  private lastPlan: TransposePlan | undefined;
  private lastPlace = 0;

  /** `transpose` is the addon's; without it nothing is taken. */
  constructor(target: BatchTarget, context: SetContext, transpose: Transpose | undefined) {
    this.target = target;
    this.context = context;
    this.transpose = transpose;
    this.run = new RecordRun(target, context);
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
    const { target, context } = this;
    if (plan === undefined || this.transpose === undefined || view !== this.view) return false;
    if (template.needsClock && !context.hasUptime) return false;
    if (this.count * RUN_CELLS === this.runs.length) this.makeRoom();
    const place = plan === this.lastPlan ? this.lastPlace : this.place(plan);
    if (place < 0) return false;
    const { columns, zeros } = plan;
    for (let i = 0; i < columns.length; i++) target.whole(columns[i]!, rows);
    for (let i = 0; i < zeros.length; i++) target.fill(zeros[i]!, rows, 0);
    const { runs } = this;
    const at = this.count * RUN_CELLS;
    runs[at] = place;
    runs[at + 1] = place + stepCount(plan);
    runs[at + 2] = base;
    runs[at + 3] = recordLength;
    runs[at + 4] = rows;
    runs[at + 5] = target.batch.rows;
    runs[at + 6] = context.exportMs;
    runs[at + 7] = context.uptimeMs;
    runs[at + 8] = receivedMs;
    this.templates[this.count] = template;
    this.streams[this.count] = context.stream;
    this.count++;
    return true;
  }

  /** Fills the rows that wait. */
  settle(): void {
    const { count, runs, target, templates, context } = this;
    if (count === 0) return;
    this.count = 0;
    const steps = this.steps.subarray(0, this.stepCount * STEP_CELLS);
    const icmpRuns = this.transpose!(this.bytes, steps, runs.subarray(0, count * RUN_CELLS), target.opened);
    // This may be in the middle of a set of somebody else.
    const { stream } = context;
    for (const run of icmpRuns) {
      context.stream = this.streams[run]!;
      const template = templates[run]!;
      const at = run * RUN_CELLS;
      this.run.of(template, this.view, runs[at + 2]!, runs[at + 3]!, runs[at + 5]!, runs[at + 4]!);
      runDerived(template.plan!.icmp!, this.run);
    }
    context.stream = stream;
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
      this.steps.set(plan.steps, place * STEP_CELLS);
      this.stepCount += length;
      this.places.set(plan, place);
    }
    this.lastPlan = plan;
    this.lastPlace = place;
    return place;
  }
}
