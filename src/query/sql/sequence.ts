import { bindings, isStored, type Sequence, type Stage, type VariableUse } from '../filter/sequence.ts';
import { addressTerms, numberTerms } from '../filter/terms.ts';
import type { Comparator } from '../filter/tree.ts';
import type { FlowFiles } from '../flow-files.ts';
import type { CounterView, Selection } from '../plan.ts';
import { addressColumns } from './address.ts';
import { addressIsThere, numberIsThere, termGuard } from './predicate.ts';
import { answeredSql, comparedSql, POSITION_SQL, whereSql } from './scan.ts';
import { column, hasColumn, isNullable, type Schema, ZERO } from './schema.ts';

/** Flows of chains: `chain` and `step` from 1, `pos`, and `v0_hi`, `v0_lo`, ... the variables in the order of binding. */
export const CHAINS_TABLE = 'chain_flows';

const SQL: Readonly<Record<Comparator, string>> = { '=': '=', '!=': '<>', '<': '<', '>': '>', '<=': '<=', '>=': '>=' };

const NEVER = Number.POSITIVE_INFINITY;

/** A field that a variable is compared with: `there` is false for flows that do not have it. */
interface Side {
  readonly hi: string;
  readonly lo: string;
  readonly there: string;
}

/** More chains than this are refused where every one is asked for: few words can ask for billions. */
export const MOST_CHAINS = 1_000_000;

/**
 * The statement that fills `CHAINS_TABLE`. Each stage becomes a table of positions, starts and the fields that are
 * compared with variables; all are joined on the variables' equality, which DuckDB does with tables that can go to the
 * disk, and on the times between starts.
 */
export function chainsSql(files: FlowFiles, selection: Selection, sequence: Sequence, schema: Schema): string {
  const { stages, every } = sequence;
  const bound = bindings(sequence);
  const source = comparedSql(files, selection.counters, schema);
  const tables = stages.map((stage, index) => {
    const where = whereSql({ ...selection, filter: stage.filter, limit: undefined }, schema);
    return `s${index} AS (${stageSql(stage, index, bound, source, where, schema)})`;
  });
  const values = [...bound.values()].flatMap(({ stage, use }, index) => [
    `s${stage}.u${use}_hi AS v${index}_hi`,
    `s${stage}.u${use}_lo AS v${index}_lo`,
  ]);
  const names = [...bound.keys()].flatMap((_, index) => [`v${index}_hi`, `v${index}_lo`]);
  const places = stages.flatMap((_, index) => [`s${index}.start AS t${index}`, `s${index}.pos AS p${index}`]);
  const order = stages.flatMap((_, index) => [`t${index}`, `p${index}`]);
  const found = `SELECT ${[...places, ...values].join(', ')} FROM ${joinSql(sequence, bound)}`;
  const limit = selection.limit ?? (every ? MOST_CHAINS + 1 : undefined);
  const cut =
    limit === undefined ? '' : `${selection.limit === undefined ? '' : ` ORDER BY ${order.join(', ')}`} LIMIT ${limit}`;
  const members = stages.map((_, index) =>
    [`SELECT chain, ${index + 1}::UTINYINT AS step, p${index} AS pos`, ...names].join(', ').concat(' FROM numbered'),
  );
  const chosen = every || isNearest(sequence, bound) ? found : earliestSql(found, [...order, ...names]);
  return `CREATE OR REPLACE TEMP TABLE ${CHAINS_TABLE} AS WITH ${tables.join(', ')},
    chains AS (${chosen}${cut}),
    numbered AS (SELECT (row_number() OVER (ORDER BY ${order.join(', ')}))::UBIGINT AS chain, * FROM chains)
    ${members.join(' UNION ALL ')}`;
}

/** Two stages that only equalities join: the second flow is the nearest one, which needs no look at all pairs. */
function isNearest({ stages, every }: Sequence, bound: ReturnType<typeof bindings>): boolean {
  return !every && stages.length === 2 && crossing(stages[1]!, 1, bound).every(({ use }) => use.comparator === '=');
}

/** Comparisons of a stage with what earlier ones have bound. */
function crossing({ uses }: Stage, index: number, bound: ReturnType<typeof bindings>) {
  return uses.map((use, place) => ({ use, place, by: bound.get(use.variable)! })).filter(({ by }) => by.stage < index);
}

function joinSql(sequence: Sequence, bound: ReturnType<typeof bindings>): string {
  const { stages, withinMs } = sequence;
  const nearest = isNearest(sequence, bound);
  return stages
    .map((stage, index) => {
      if (index === 0) return 's0';
      const limitMs = Math.min(stage.withinMs ?? NEVER, withinMs ?? NEVER);
      const on = crossing(stage, index, bound).map(({ use, place, by }) =>
        compareSql(use, `s${index}.u${place}`, `s${by.stage}.u${by.use}`),
      );
      const [own, before] = [`s${index}`, `s${index - 1}`];
      const times: string[] = [];
      if (stage.withinMs !== undefined) times.push(`${own}.start <= ${before}.start + ${stage.withinMs}`);
      if (withinMs !== undefined) times.push(`${own}.start <= s0.start + ${withinMs}`);
      if (nearest) {
        const where = times.length === 0 ? '' : ` WHERE ${times.join(' AND ')}`;
        return `ASOF JOIN ${own} ON ${on.join(' AND ')} AND ${placeSql(before)} < ${placeSql(own)}${where}`;
      }
      const after = `(${own}.start > ${before}.start OR ${own}.start = ${before}.start AND ${own}.pos > ${before}.pos)`;
      const { cross, equal } = timeSlots(index, limitMs);
      return `${cross}JOIN ${own} ON ${[...equal, ...on, after, ...times].join(' AND ')}`;
    })
    .join(' ');
}

/** Start and position as one number. */
function placeSql(table: string): string {
  return `${table}.start::HUGEINT * 9223372036854775808 + ${table}.pos`;
}

/** Of the chains from one flow the one whose second flow is the earliest, then the third, and so on. */
function earliestSql(found: string, columns: readonly string[]): string {
  const [t0, p0, ...rest] = columns;
  const packed = rest.map((name) => `${name} := ${name}`).join(', ');
  return `SELECT ${t0}, ${p0}, earliest.* FROM
    (SELECT ${t0}, ${p0}, min(struct_pack(${packed})) AS earliest FROM (${found}) GROUP BY ${t0}, ${p0})`;
}

/**
 * A limited time is cut into slots of its length: what follows a flow begins in the same slot or the next. Two
 * equalities keep the hash join from looking at all flows of a busy host.
 */
function timeSlots(index: number, limitMs: number): { cross: string; equal: string[] } {
  if (limitMs === NEVER) return { cross: '', equal: [] };
  const slot = (table: string) => `${table}.start // ${Math.max(limitMs, 1)}`;
  return {
    cross: `CROSS JOIN (VALUES (0), (1)) next${index}(slot) `,
    equal: [`${slot(`s${index}`)} = ${slot(`s${index - 1}`)} + next${index}.slot`],
  };
}

/** Flows of chains as a FROM clause: each flow once, whatever the number of its chains. */
export function flowsOfChainsSql(files: FlowFiles, counters: CounterView, schema: Schema): string {
  return `(SELECT *, file_index, file_row_number FROM ${answeredSql(files, counters, schema)} WHERE ${POSITION_SQL} IN (SELECT pos FROM ${CHAINS_TABLE}))`;
}

/** Flows of chains as a FROM clause: a flow in several chains comes as often, with the columns of `CHAINS_TABLE`. */
export function chainRowsSql(files: FlowFiles, counters: CounterView, schema: Schema): string {
  const flows = `(SELECT *, ${POSITION_SQL} AS flow_position FROM ${answeredSql(files, counters, schema)})`;
  return `(SELECT * FROM ${flows} JOIN ${CHAINS_TABLE} ON flow_position = pos)`;
}

/**
 * A stage's flows. One that has two fields behind a term that is compared comes once for each, so that what joins is
 * always an equality of columns; UNION puts together what is the same on both sides.
 */
function stageSql(
  { uses }: Stage,
  index: number,
  bound: ReturnType<typeof bindings>,
  source: string,
  where: string,
  schema: Schema,
): string {
  let choices: (readonly Side[])[] = [[]];
  for (const { term } of uses) {
    const sides = sidesSql(term, schema);
    choices = choices.flatMap((chosen) => sides.map((side) => [...chosen, side]));
  }
  const selects = choices.map((sides) => {
    const fields = sides.map(({ hi, lo }, index) => `, ${hi} AS u${index}_hi, ${lo} AS u${index}_lo`);
    const conditions = [...new Set(sides.map(({ there }) => there))];
    const there = conditions.map((one) => `(${one})`).join(' AND ');
    const all = there === '' ? where : where === '' ? ` WHERE ${there}` : `${where} AND ${there}`;
    return `SELECT ${POSITION_SQL} AS pos, epoch_ms(first) AS start${fields.join('')} FROM ${source}${all}`;
  });
  const within = uses.flatMap((use, place) => {
    const by = bound.get(use.variable)!;
    return by.stage === index && by.use !== place ? [compareSql(use, `u${place}`, `u${by.use}`)] : [];
  });
  const all = selects.join(' UNION ');
  return within.length === 0 ? all : `SELECT * FROM (${all}) WHERE ${within.join(' AND ')}`;
}

function sidesSql(term: string, schema: Schema): Side[] {
  const address = addressTerms.get(term);
  if (address !== undefined) {
    return address.fields.map((field) => {
      const columns = addressColumns(field);
      if (!hasColumn(schema, columns.hi)) return { hi: ZERO, lo: ZERO, there: 'FALSE' };
      return { hi: column(columns.hi).sql, lo: column(columns.lo).sql, there: addressIsThere(columns) };
    });
  }
  const { operands, guard } = numberTerms.get(term)!;
  return operands.filter(isStored).map((operand) => {
    const { column: name, shift = 0, mask } = operand;
    if (!hasColumn(schema, name)) return { hi: ZERO, lo: ZERO, there: 'FALSE' };
    const { sql } = column(name);
    const shifted = shift === 0 ? sql : `(${sql} >> ${shift})`;
    const value = mask === undefined ? shifted : `(${shifted} & ${mask})`;
    const there = numberIsThere(operand, isNullable(schema, name));
    return {
      hi: ZERO,
      lo: `${value}::UBIGINT`,
      there: guard === undefined ? there : `${there} AND ${termGuard(guard)}`,
    };
  });
}

function compareSql({ comparator }: VariableUse, left: string, right: string): string {
  switch (comparator) {
    case '=':
      return `${left}_hi = ${right}_hi AND ${left}_lo = ${right}_lo`;
    case '!=':
      return `(${left}_hi <> ${right}_hi OR ${left}_lo <> ${right}_lo)`;
    default:
      return `${left}_lo ${SQL[comparator]} ${right}_lo`;
  }
}
