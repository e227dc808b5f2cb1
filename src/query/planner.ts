import { readFileSync } from 'node:fs';
import { nearest } from '../flow/suggest.ts';
import { UserError } from '../flow/user-error.ts';
import { asGroupings, conversations, FIVE_TUPLE, type Grouping, parseGrouping } from './aggregation.ts';
import { readFormats } from './configuration.ts';
import { type BlocksOfAs, withAsOfPlaces } from './filter/as-of-places.ts';
import { type CountryBlocks, lookUpHostName, resolveHostNames } from './filter/host-names.ts';
import { asksIdent } from './filter/ident.ts';
import { parseFilter } from './filter/parse.ts';
import { isSequence, parseQuestion } from './filter/parse-sequence.ts';
import { resolveSequence, type Sequence } from './filter/sequence.ts';
import type { Filter } from './filter/tree.ts';
import { timeOfParts } from './filter/values.ts';
import type { DumpOptions } from './options.ts';
import { parseOrders } from './orders.ts';
import { type Format, groupingFormat, parseFormat } from './output/format.ts';
import { type CounterView, filtersOf, type Job, type Plan, type Selection, type Window } from './plan.ts';
import { type Report, reportByName } from './reports.ts';
import { absentStatistics, statisticByName } from './statistics.ts';

/** A plan and how its answer is printed. */
export interface PlannedDump {
  readonly plan: Plan;
  readonly format: Format;
  /** What the user should know but what does not stop the work. */
  readonly warnings: readonly string[];
}

/** -G: where the addresses of a filter are, and whose. */
export interface PlacesOfFilter {
  readonly countries: CountryBlocks;
  readonly asNumbers: BlocksOfAs;
}

/** The options that choose flows. */
export type SelectionOptions = Pick<DumpOptions, 'filter' | 'filterFile' | 'window' | 'overlap' | 'limit'>;

const MAX_STATISTICS = 8;
const DEFAULT_TOP = 10;
const FILTER_FILE_EXIT = 255;

/** The filter or sequence of the command line, or of -f; words of the command line win. */
export function questionOf(options: Pick<DumpOptions, 'filter' | 'filterFile'>): Filter | Sequence {
  if (options.filter.trim() !== '') return parseQuestion(options.filter, { readInclude });
  if (options.filterFile === undefined) return { kind: 'any' };
  return parseQuestion(readInclude(options.filterFile), { name: options.filterFile, readInclude });
}

function readInclude(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new UserError(`cannot read the filter file ${path}`, { cause, exitCode: FILTER_FILE_EXIT });
  }
}

/** The flows that are asked about. Asks the world for the addresses of host names. */
export async function planSelection(
  options: SelectionOptions,
  counters: CounterView,
  places?: PlacesOfFilter,
): Promise<Selection> {
  const question = questionOf(options);
  const asked = isSequence(question)
    ? { filter: { kind: 'any' } as const, sequence: await resolveSequence(question) }
    : { filter: withPlaces(await resolveHostNames(question, lookUpHostName, places?.countries), places) };
  return {
    ...asked,
    window: options.window === undefined ? undefined : parseWindow(options.window, options.overlap),
    limit: options.limit,
    counters,
  };
}

function withPlaces(filter: Filter, places: PlacesOfFilter | undefined): Filter {
  return places === undefined ? filter : withAsOfPlaces(filter, places.asNumbers);
}

/** Understands the options; the only things it asks the world for are the addresses of host names and `places`. */
export async function planDump(options: DumpOptions, places?: PlacesOfFilter): Promise<PlannedDump> {
  const warnings: string[] = [];
  const selected = await planSelection(options, counterView(options), places);
  const { limit, sequence } = selected;
  const selection =
    sequence !== undefined && listsOnly(options) ? { ...selected, limit: limit ?? options.top } : selected;
  const resultFilter =
    options.resultFilter === undefined
      ? undefined
      : await resolveHostNames(parseFilter(options.resultFilter, { name: 'result filter', readInclude }));
  if (resultFilter !== undefined && asksIdent(resultFilter)) {
    throw new UserError(`-P ${options.resultFilter}: rows of the answer are in no file; ask for idents in the filter`);
  }
  const grouping = groupingOf(options);
  const jobs = planJobs(options, grouping, resultFilter, warnings);
  if (filtersOf(selection).some(asksIdent) && jobs.some((job) => job.kind === 'report' && job.report.needsBaseline)) {
    throw new UserError(
      '-s new compares with the files of --baseline: choose the sources of both with -M, not with ident',
    );
  }
  return { plan: { selection, jobs }, format: planFormat(options, grouping, jobs), warnings };
}

/** Flows that -w writes keep their counters and rates, so that nothing is multiplied twice; groups have no one rate. */
function counterView({ unscaled, write, aggregate, aggregateBy, bidirectional, statistics }: DumpOptions): CounterView {
  if (unscaled) return 'stored';
  const groups = aggregate || aggregateBy !== undefined || bidirectional !== undefined || statistics.length > 0;
  return write !== undefined && !groups ? 'scaledInFilter' : 'scaled';
}

/** Whether chains are listed as they are; -n means so many of them. */
function listsOnly({ statistics, order, aggregate, aggregateBy, bidirectional, top }: DumpOptions): boolean {
  return statistics.length === 0 && !aggregate && (order ?? aggregateBy ?? bidirectional) === undefined && top !== 0;
}

function groupingOf({ aggregateBy, bidirectional }: DumpOptions): Grouping | undefined {
  if (bidirectional !== undefined) return conversations(bidirectional);
  return aggregateBy === undefined ? undefined : parseGrouping(aggregateBy);
}

function planJobs(
  options: DumpOptions,
  grouping: Grouping | undefined,
  resultFilter: Filter | undefined,
  warnings: string[],
): Job[] {
  const { statistics, order, aggregate, rowLimits: limits } = options;
  if (statistics.length > 0) return planStatistics(options, grouping, resultFilter, warnings);
  const top = options.top ?? 0;
  const orders = order === undefined ? [] : parseOrders(order, 'record');
  if (orders.length > 1) throw new UserError(`-O ${order}: one order only`);
  if (aggregate || grouping !== undefined) {
    return [{ kind: 'groups', grouping: grouping ?? FIVE_TUPLE, orders, top, titled: false, limits, resultFilter }];
  }
  if (limits.length > 0) {
    throw new UserError("-l and -L are for -s, -a, -A and -b: use a filter, such as 'packets > 10' or 'bytes < 5m'");
  }
  // As in nfdump, -P is for tables: lists in the order of the files are none.
  if (orders.length === 0) return [{ kind: 'flows', order: undefined, top: 0 }];
  return [{ kind: 'flows', order: orders[0], top, ...(resultFilter === undefined ? {} : { resultFilter }) }];
}

/** -s: tables of records first, whatever the order they were asked for in. */
function planStatistics(
  options: DumpOptions,
  grouping: Grouping | undefined,
  resultFilter: Filter | undefined,
  warnings: string[],
): Job[] {
  const { statistics, order, rowLimits: limits } = options;
  const top = options.top ?? DEFAULT_TOP;
  const records: Job[] = [];
  const elements: Job[] = [];
  for (const text of statistics) {
    const slash = text.indexOf('/');
    const [name = '', split] = (slash < 0 ? text : text.slice(0, slash)).toLowerCase().split(':');
    const orderText = slash < 0 ? undefined : text.slice(slash + 1);
    const report = reportByName.get(name);
    if (report !== undefined) {
      elements.push(planReport(report, text, split, options));
      continue;
    }
    if (split !== undefined && split !== 'p')
      throw new UserError(`-s ${text}: after the colon only p (by protocol) can stand`);
    if (name === 'record') {
      if (order !== undefined)
        throw new UserError('-s record and -O (or -m) exclude each other: write -s record/ORDER');
      const orders = parseOrders(orderText ?? 'flows', 'top records');
      records.push({
        kind: 'groups',
        grouping: grouping ?? FIVE_TUPLE,
        orders,
        top,
        titled: true,
        limits,
        resultFilter,
      });
      continue;
    }
    const statistic = statisticByName.get(name);
    if (statistic === undefined) throw unknownStatistic(name);
    if (order !== undefined && orderText === undefined) warnings.push(`-s ${text}: ordered by -O ${order}`);
    const orders = parseOrders(orderText ?? order ?? 'flows', 'element');
    const ofCountries = statistic.form === 'country';
    if (ofCountries && options.places.length === 0) {
      throw new UserError(`-s ${text}: countries are in a MaxMind database: name it with -G FILE`);
    }
    const byProtocol = (split === 'p' && statistic.ofProtocols !== true) || statistic.byProtocol === true;
    const sides = options.places.length === 0 ? undefined : asGroupings(statistic, byProtocol);
    if (limits.length > 0 && (ofCountries || sides !== undefined)) {
      throw new UserError(`-s ${text}: places of -G are found after -l and -L would have left out rows`);
    }
    if (sides !== undefined) {
      const ofSide = { kind: 'groups', orders: [], top: 0, titled: false, limits, resultFilter: undefined } as const;
      const groups = sides.map((grouping) => ({ ...ofSide, grouping }));
      elements.push({ kind: 'asOfPlaces', statistic, byProtocol, orders, top, sides: groups });
      continue;
    }
    elements.push({
      kind: 'statistic',
      statistic,
      byProtocol,
      limits,
      ...(ofCountries ? { orders: [orders[0]!], top: 0, ofCountries: { orders, top } } : { orders, top }),
    });
  }
  if (elements.length > MAX_STATISTICS) throw new UserError(`at most ${MAX_STATISTICS} element statistics in one run`);
  if (records.length === 0 && grouping !== undefined)
    warnings.push(
      `${options.bidirectional === undefined ? '-A has' : '-b and -B have'} no effect on element statistics`,
    );
  return [...records, ...elements];
}

/** -s scan, roles, behaviour, new: after the colon stands a number. */
function planReport(report: Report, text: string, number: string | undefined, options: DumpOptions): Job {
  const { parameter, needsBaseline, allRows } = report;
  if (text.includes('/')) throw new UserError(`-s ${text}: this table has one order, without a name`);
  if (number !== undefined && (parameter === undefined || !/^[1-9]\d{0,8}$/.test(number))) {
    throw new UserError(
      `-s ${text}: ${parameter === undefined ? 'nothing stands after the name' : `after the colon stands the number of ${parameter.means}`}`,
    );
  }
  if (needsBaseline && options.baseline === undefined) {
    throw new UserError(`-s ${text} compares with other flows: name them with --baseline DIR or a range as of -R`);
  }
  const top = options.top ?? (allRows ? 0 : DEFAULT_TOP);
  return { kind: 'report', report, parameter: number === undefined ? (parameter?.standard ?? 0) : Number(number), top };
}

function unknownStatistic(name: string): UserError {
  const why = absentStatistics.get(name);
  if (why !== undefined) return new UserError(`-s ${name}: there is no such statistic: ${why}`);
  const names = ['record', ...statisticByName.keys(), ...reportByName.keys()];
  const near = nearest(name, names);
  return new UserError(
    `-s ${name}: unknown statistic; ${near === undefined ? `use one of ${names.join(' ')}` : `did you mean ${near}?`}`,
  );
}

function planFormat(options: DumpOptions, grouping: Grouping | undefined, jobs: readonly Job[]): Format {
  const grouped = grouping?.others === 'absent' && jobs.some(({ kind }) => kind === 'groups');
  // Scripts for nfdump up to 1.7.4 say csv and mean its 48 columns.
  const legacy = process.env['WEIR_CSV'] === 'legacy' && options.format?.toLowerCase() === 'csv';
  const name = legacy ? 'csv-legacy' : options.format?.toLowerCase();
  if (grouped && (name === undefined || name === 'csv'))
    return groupingFormat(name === undefined ? 'text' : 'csv', grouping, options.places.length > 0);
  const standard = options.bidirectional !== undefined ? 'biline' : options.places.length > 0 ? 'gline' : 'line';
  return parseFormat(legacy ? 'csv-legacy' : (options.format ?? standard), readFormats(options.configuration));
}

/** -t: `yyyy/MM/dd.hh:mm:ss`, also with a slash before the hour; tails may be missing, a second one after a dash. */
export function parseWindow(text: string, overlaps = false): Window {
  const [from = '', to, ...more] = text.split('-');
  const afterMs = parseWindowTime(from);
  const beforeMs = to === undefined ? undefined : parseWindowTime(to);
  if (afterMs === undefined || (to !== undefined && beforeMs === undefined) || more.length > 0) {
    throw new UserError(`-t ${text}: a time window is yyyy/MM/dd.hh:mm:ss[-yyyy/MM/dd.hh:mm:ss], +SECONDS or -SECONDS`);
  }
  return { afterMs, beforeMs, overlaps };
}

function parseWindowTime(text: string): number | undefined {
  const match =
    /^(\d{4})(?:\/(\d\d?)(?:\/(\d\d?)(?:[./ T](\d\d?)(?::(\d\d?)(?::(\d\d?)(?:\.(\d{1,3}))?)?)?)?)?)?$/.exec(text);
  return match === null ? undefined : timeOfParts(match.slice(1, 8), false);
}
