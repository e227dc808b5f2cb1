import { STEP_CELLS } from '../addon/transpose-layout.ts';
import { columnIndex } from './batch-target.ts';
import {
  type ColumnProgram,
  OP_EXPORTED,
  OP_ICMP,
  OP_MILLISECONDS,
  OP_RECEIVED,
  OP_V4_ADDRESS,
  OP_V6_ADDRESS,
} from './template-program.ts';

/** A template of fixed length as the addon's `transpose` takes it. */
export interface TransposePlan {
  /** `STEP_CELLS` a step. */
  readonly steps: Uint32Array;
  /** Columns of which it writes every row. */
  readonly columns: Uint16Array;
  /** High halves of IPv4 addresses, which are 0. */
  readonly zeros: Uint16Array;
  /** The step that follows the copies where records are of ICMP. */
  readonly icmp: ColumnProgram | undefined;
}

const RECEIVED = columnIndex('receivedMs');
const EXPORTED = columnIndex('exportMs');
const PROTO = columnIndex('proto');

/** The plan for records whose fields have fixed places; undefined when a program is more than a copy. */
export function planOf(
  programs: readonly ColumnProgram[],
  offsets: Int32Array,
  lengths: Int32Array,
): TransposePlan | undefined {
  const steps: number[] = [OP_RECEIVED, RECEIVED, 0, 0, OP_EXPORTED, EXPORTED, 0, 0];
  const columns: number[] = [RECEIVED, EXPORTED];
  const zeros: number[] = [];
  let icmp: ColumnProgram | undefined;
  for (const program of programs) {
    const { op, column, slot } = program;
    if (op === OP_ICMP) {
      icmp = program;
      steps.push(OP_ICMP, PROTO, 0, 0);
      continue;
    }
    if (op > OP_MILLISECONDS || icmp !== undefined) return undefined;
    steps.push(op, column, offsets[slot]!, lengths[slot]!);
    if (op === OP_V4_ADDRESS) zeros.push(column);
    else columns.push(column);
    if (op === OP_V4_ADDRESS || op === OP_V6_ADDRESS) columns.push(column + 1);
  }
  return { steps: Uint32Array.from(steps), columns: Uint16Array.from(columns), zeros: Uint16Array.from(zeros), icmp };
}

/** Steps of a plan. */
export function stepCount(plan: TransposePlan): number {
  return plan.steps.length / STEP_CELLS;
}
