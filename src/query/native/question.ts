import { totalmem } from 'node:os';
import type { ScanColumn, ScanJob, ScanList, ScanPart, ScanQuestion } from '../../addon/scan.ts';
import { type ColumnName, columnByName, type FieldName } from '../../flow/fields.ts';
import type { GroupKey } from '../aggregation.ts';
import { asksMoreThanColumns, type Filter } from '../filter/tree.ts';
import type { Order } from '../orders.ts';
import { engineJobs, filtersOf, type JobOf, type Plan, type Selection } from '../plan.ts';
import { addressColumns, highMask, lowMask } from '../sql/address.ts';
import { isScaledColumn } from '../sql/sampling.ts';
import { hasColumn, type Schema } from '../sql/schema.ts';
import { keyIsExtra, skipsZero } from '../statistics.ts';
import { selectionProgram } from './program.ts';

/** Memory for groups that are counted as they come; beyond, flows are put aside first. */
const GROUPS_MEGABYTES = 256;

/** Memory for flows that are put aside: a quarter of the machine's, but no more than this. */
const ASIDE_MEGABYTES = 2048;

/** Of the memory that a question may take: for groups, for flows put aside, and for putting these together. */
const SHARES = 3;

/** Sorted lists of more flows are for the engine that can use the disk. */
export const LONGEST_SORTED = 20_000;

/** Lists in the order of the files of up to so many flows are found as a whole, longer ones piece by piece. */
const LONGEST_WHOLE = 20_000;

/** Flows of such a piece; it is of whole row groups, so there may be more. */
const PIECE = 32_768;

/** Order of tables without one: the groups that were seen first come last. */
const LATEST_FIRST = { measure: 'position', side: 'in', ascending: false } as const;

/**
 * The plan as the addon takes it; undefined when it asks for something that only the general engine does: long sorted
 * lists, limits of anything but a plain list, filters on groups, prefix lengths from the flows, elements without a
 * column, idents that set some files apart from others, sequences, reports.
 */
export function scanQuestion(
  plan: Plan,
  printsNothing: boolean,
  memoryOctets: number | undefined,
  schema: Schema,
): ScanQuestion | undefined {
  const { sequence, idents, filter } = plan.selection;
  if (sequence !== undefined || idents !== undefined || asksMoreThanColumns(filter)) return undefined;
  const columns = new ColumnList(plan.selection.counters === 'scaled');
  const jobs: ScanJob[] = [];
  let list: ScanList | undefined;
  const { limit } = plan.selection;
  for (const job of engineJobs(plan.jobs)) {
    if (job.kind === 'flows') {
      if (job.resultFilter !== undefined || (printsNothing && limit !== undefined)) return undefined;
      if (printsNothing && job.order === undefined) continue;
      list = listOf(job, limit);
      if (list === undefined && !printsNothing) return undefined;
    } else if (job.kind === 'report') return undefined;
    else {
      const scanJob = job.kind === 'groups' ? groupsJob(job, schema, columns) : statisticJob(job, schema, columns);
      if (scanJob === undefined || limit !== undefined) return undefined;
      jobs.push(scanJob);
    }
  }
  const most = memoryOctets === undefined ? totalmem() / 4 : memoryOctets / SHARES;
  const megabytes = (bound: number) => Math.min(bound, Math.ceil(most / 2 ** 20));
  return {
    ...columns.question(plan.selection),
    jobs,
    ...(list === undefined ? {} : { list }),
    megabytes: megabytes(GROUPS_MEGABYTES),
    asideMegabytes: megabytes(ASIDE_MEGABYTES),
  };
}

/**
 * Which flows are asked about, to find the files that may have some: for a sequence those of any of its stages. Undefined
 * when that is all, or more than the addon understands.
 */
export function selectionQuestion(selection: Selection): ScanQuestion | undefined {
  const { sequence, window } = selection;
  const filter: Filter = sequence === undefined ? selection.filter : { kind: 'or', parts: filtersOf(selection) };
  if ((filter.kind === 'any' && window === undefined) || asksMoreThanColumns(filter)) return undefined;
  return { ...new ColumnList(false).question({ ...selection, filter }), jobs: [], megabytes: 0, asideMegabytes: 0 };
}

/**
 * Flows in the order of the files, or the top of an order; undefined for every other list. All flows in an order are
 * asked for as one more than a sorted list may have: so many mean that it is too long.
 */
function listOf({ order, top }: JobOf<'flows'>, limit: number | undefined): ScanList | undefined {
  if (order === undefined) {
    return limit !== undefined && limit <= LONGEST_WHOLE ? { rows: limit } : { rows: PIECE, from: 0 };
  }
  if (limit !== undefined || top > LONGEST_SORTED) return undefined;
  return { rows: top === 0 ? LONGEST_SORTED + 1 : top, order: scanOrder(order) };
}

function statisticJob(
  { statistic, byProtocol, orders, top, limits }: JobOf<'statistic'>,
  schema: Schema,
  columns: ColumnList,
): ScanJob | undefined {
  if (limits.length > 0) return undefined;
  const sides = statistic.sides.filter((side) => typeof side === 'string');
  // Elements without a column are for SQL, and the addon would count what is absent under the value that stands for it.
  if (keyIsExtra(statistic) || sides.some((side) => (columnByName.get(side)?.absent ?? 0) !== 0)) return undefined;
  return {
    sides: sides.map((side) => [
      columnByName.has(side) ? columns.number(side as ColumnName) : columns.address(side as FieldName, WHOLE),
      ...(byProtocol ? [columns.number('proto')] : []),
    ]),
    extra: false,
    skipZero: skipsZero(statistic, schema),
    orders: orders.map(scanOrder),
    top,
  };
}

function groupsJob(
  { grouping, orders, top, limits, resultFilter }: JobOf<'groups'>,
  schema: Schema,
  columns: ColumnList,
): ScanJob | undefined {
  if (limits.length > 0 || resultFilter !== undefined) return undefined;
  const parts: ScanPart[] = [];
  for (const key of grouping.keys) {
    const part = partOf(key, schema, columns);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return {
    sides: [parts],
    extra: true,
    skipZero: false,
    orders: orders.length === 0 ? [LATEST_FIRST] : orders.map(scanOrder),
    top,
    ...(grouping.bidirectional === undefined
      ? {}
      : {
          conversation: {
            guesses: grouping.bidirectional === 'guess',
            hasOut: hasColumn(schema, 'outPackets'),
          },
        }),
  };
}

function partOf(key: GroupKey, schema: Schema, columns: ColumnList): ScanPart | undefined {
  if ('column' in key) return columns.number(key.column);
  if ('maskColumn' in key || !hasColumn(schema, addressColumns(key.address).hi)) return undefined;
  const { v4, v6 } = key;
  return columns.address(key.address, {
    v4: v4 === undefined ? 0n : lowMask(96 + v4),
    v6Hi: v6 === undefined ? 0n : highMask(v6),
    v6Lo: v6 === undefined ? 0n : lowMask(v6),
  });
}

function scanOrder({ measure, side, ascending }: Order) {
  return { measure, side, ascending };
}

/** Bits of an address that count, by family. */
interface Cut {
  readonly v4: bigint;
  readonly v6Hi: bigint;
  readonly v6Lo: bigint;
}

const WHOLE: Cut = { v4: lowMask(128), v6Hi: highMask(128), v6Lo: lowMask(128) };

/** Columns of a question, each once. */
export class ColumnList {
  readonly columns: ScanColumn[] = [];
  private readonly places = new Map<ColumnName, number>();
  private readonly isScaled: boolean;

  /** `isScaled`: counters are multiplied by the sampling rate in row groups where there is one. */
  constructor(isScaled: boolean) {
    this.isScaled = isScaled;
  }

  place(name: ColumnName): number {
    const known = this.places.get(name);
    if (known !== undefined) return known;
    const { sql, type, absent, core } = columnByName.get(name)!;
    const scaledBy = this.isScaled && isScaledColumn(name) ? { scaledBy: this.place('sampling') } : {};
    const place = this.columns.length;
    this.columns.push({ name: sql, type, absent, core, ...scaledBy });
    this.places.set(name, place);
    return place;
  }

  /** What every question has; of columns that were placed before, and those that it needs itself. */
  question(selection: Selection): Pick<ScanQuestion, 'counters' | 'program' | 'columns'> {
    const counters = {
      flows: this.place('flows'),
      packets: this.place('packets'),
      octets: this.place('octets'),
      outPackets: this.place('outPackets'),
      outOctets: this.place('outOctets'),
      first: this.place('firstMs'),
      last: this.place('lastMs'),
      tcpFlags: this.place('tcpFlags'),
    };
    return { counters, program: selectionProgram(selection, (name) => this.place(name)), columns: this.columns };
  }

  number(name: ColumnName): ScanPart {
    return { column: this.place(name) };
  }

  address(field: FieldName, { v4, v6Hi, v6Lo }: Cut): ScanPart {
    const { hi, lo } = addressColumns(field);
    const cut = Uint32Array.from(
      [v4, v6Hi, v6Lo].flatMap((bits) => [Number(bits & 0xffff_ffffn), Number(bits >> 32n)]),
    );
    return { column: this.place(hi), lo: this.place(lo), cut };
  }
}
