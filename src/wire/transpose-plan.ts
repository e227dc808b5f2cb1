import { ICMP_STEPS, NO_FIELD, STEP_CELLS } from '../addon/transpose-layout.ts';
import { columnIndex } from './batch-target.ts';
import {
  type ColumnProgram,
  OP_64_TO_64,
  OP_EXPORTED,
  OP_ICMP,
  OP_MILLISECONDS,
  OP_RECEIVED,
  OP_V4_ADDRESS,
  OP_V6_ADDRESS,
  OP_ZERO,
} from './template-program.ts';

/** A template of fixed length as the addon's `transpose` takes it. */
export interface TransposePlan {
  /** `STEP_CELLS` a step. */
  readonly steps: Uint32Array;
  /** Columns of which it writes every row. */
  readonly columns: Uint16Array;
  /** High halves of IPv4 addresses, which are 0 in every row: no step is needed while they are in all of a batch. */
  readonly zeros: Uint16Array;
  /** Columns that it writes in some rows. */
  readonly touched: Uint16Array;
}

const RECEIVED = columnIndex('receivedMs');
const EXPORTED = columnIndex('exportMs');
const PROTO = columnIndex('proto');
const SRC_PORT = columnIndex('srcPort');
const DST_PORT = columnIndex('dstPort');

/** The plan for records whose fields have fixed places; undefined when a program is more than a copy. */
export function planOf(
  programs: readonly ColumnProgram[],
  offsets: Int32Array,
  lengths: Int32Array,
): TransposePlan | undefined {
  const steps: number[] = [OP_RECEIVED, RECEIVED, 0, 0, OP_EXPORTED, EXPORTED, 0, 0];
  const columns: number[] = [RECEIVED, EXPORTED];
  const zeros: number[] = [];
  let touched: number[] | undefined;
  for (const program of programs) {
    const { op, column, slot } = program;
    if (op === OP_ICMP) {
      steps.push(OP_ICMP, PROTO, SRC_PORT, DST_PORT, ...icmpFields(program, offsets, lengths));
      touched = [PROTO, SRC_PORT, DST_PORT].filter((each) => !columns.includes(each));
      continue;
    }
    // Ports of ICMP come last.
    if (op > OP_MILLISECONDS || touched !== undefined) return undefined;
    const offset = offsets[slot]!;
    if (op === OP_V6_ADDRESS) {
      steps.push(OP_64_TO_64, column, offset, 8, OP_64_TO_64, column + 1, offset + 8, 8);
      columns.push(column, column + 1);
    } else if (op === OP_V4_ADDRESS) {
      steps.push(OP_ZERO, column, 0, 0, op, column + 1, offset, lengths[slot]!);
      columns.push(column + 1);
      zeros.push(column);
    } else {
      steps.push(op, column, offset, lengths[slot]!);
      columns.push(column);
    }
  }
  return {
    steps: Uint32Array.from(steps),
    columns: Uint16Array.from(new Set(columns)),
    zeros: Uint16Array.from(zeros),
    touched: Uint16Array.from(touched ?? []),
  };
}

/** Cells of the steps behind `OP_ICMP`: where the type, the code and both together stand, for ICMP and for ICMPv6. */
function icmpFields({ more }: ColumnProgram, offsets: Int32Array, lengths: Int32Array): number[] {
  const of4 = more.slice(0, 3);
  const of6 = more.slice(3);
  const cells = [of4, of6].flatMap((own, i) => {
    const other = i === 0 ? of6 : of4;
    // Exporters with one element for both protocols exist.
    const slots = own.map((slot, at) => (slot >= 0 ? slot : other[at]!));
    return [...slots.map((slot) => (slot < 0 ? NO_FIELD : lengths[slot]! * 0x1_0000 + offsets[slot]!)), 0];
  });
  if (cells.length !== (ICMP_STEPS - 1) * STEP_CELLS) throw new Error('the steps for ICMP have changed');
  return cells;
}

/** Steps of a plan. */
export function stepCount(plan: TransposePlan): number {
  return plan.steps.length / STEP_CELLS;
}
