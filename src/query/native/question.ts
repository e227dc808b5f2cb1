import type { ScanColumn, ScanJob, ScanPart, ScanQuestion } from '../../addon/addon.ts';
import { type ColumnName, columnByName, type FieldName } from '../../flow/fields.ts';
import type { GroupKey } from '../aggregation.ts';
import type { Order } from '../orders.ts';
import type { Job, JobOf, Plan } from '../plan.ts';
import { addressColumns, highMask, lowMask } from '../sql/address.ts';
import { hasColumn, type Schema } from '../sql/schema.ts';
import { skipsZero } from '../sql/statistic.ts';
import { selectionProgram } from './program.ts';

/** Memory for groups before a question goes to the engine that can use the disk. */
const GROUPS_MEGABYTES = 512;

/** Order of tables without one: the groups that were seen first come last. */
const LATEST_FIRST = { measure: 'position', side: 'in', ascending: false } as const;

/**
 * The plan as the addon takes it; undefined when it asks for something that only the general engine does: limits, lists
 * of flows, groups that keep fields of their first flow, filters on groups, prefix lengths from the flows.
 */
export function scanQuestion(plan: Plan, printsNothing: boolean, schema: Schema): ScanQuestion | undefined {
  if (plan.selection.limit !== undefined) return undefined;
  const list = new ColumnList();
  const jobs: ScanJob[] = [];
  for (const job of plan.jobs) {
    const scanJob = jobOf(job, printsNothing, schema, list);
    if (scanJob === undefined) return undefined;
    if (scanJob !== TOTALS_ONLY) jobs.push(scanJob);
  }
  return {
    counters: {
      flows: list.place('flows'),
      packets: list.place('packets'),
      octets: list.place('octets'),
      outPackets: list.place('outPackets'),
      outOctets: list.place('outOctets'),
      first: list.place('firstMs'),
      last: list.place('lastMs'),
      tcpFlags: list.place('tcpFlags'),
    },
    program: selectionProgram(plan.selection, (name) => list.place(name)),
    columns: list.columns,
    jobs,
    megabytes: GROUPS_MEGABYTES,
  };
}

/** Answered by the totals, which every scan gives. */
const TOTALS_ONLY = Symbol('totals only');

function jobOf(
  job: Job,
  printsNothing: boolean,
  schema: Schema,
  list: ColumnList,
): ScanJob | typeof TOTALS_ONLY | undefined {
  switch (job.kind) {
    case 'flows':
      return printsNothing ? TOTALS_ONLY : undefined;
    case 'groups':
      return groupsJob(job, printsNothing, schema, list);
    case 'statistic':
      return {
        sides: job.statistic.sides.map((side) => [
          columnByName.has(side) ? list.number(side as ColumnName) : list.address(side as FieldName, WHOLE),
          ...(job.byProtocol ? [list.number('proto')] : []),
        ]),
        extra: false,
        skipZero: skipsZero(job.statistic, schema),
        orders: job.orders.map(scanOrder),
        top: job.top,
      };
  }
}

function groupsJob(
  { grouping, orders, top, resultFilter }: JobOf<'groups'>,
  printsNothing: boolean,
  schema: Schema,
  list: ColumnList,
): ScanJob | undefined {
  if (resultFilter !== undefined || (grouping.others === 'first' && !printsNothing)) return undefined;
  const parts: ScanPart[] = [];
  for (const key of grouping.keys) {
    const part = partOf(key, schema, list);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return {
    sides: [parts],
    extra: true,
    skipZero: false,
    orders: orders.length === 0 ? [LATEST_FIRST] : orders.map(scanOrder),
    top,
  };
}

function partOf(key: GroupKey, schema: Schema, list: ColumnList): ScanPart | undefined {
  if ('column' in key) return list.number(key.column);
  if ('maskColumn' in key || !hasColumn(schema, addressColumns(key.address).hi)) return undefined;
  const { v4, v6 } = key;
  return list.address(key.address, {
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
class ColumnList {
  readonly columns: ScanColumn[] = [];
  private readonly places = new Map<ColumnName, number>();

  place(name: ColumnName): number {
    const known = this.places.get(name);
    if (known !== undefined) return known;
    const { sql, type, absent, core } = columnByName.get(name)!;
    const place = this.columns.length;
    this.columns.push({ name: sql, type, absent, core });
    this.places.set(name, place);
    return place;
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
