import type { CounterSide, Measure, Order } from '../orders.ts';
import type { RowLimit } from '../row-limits.ts';
import { ZERO } from './schema.ts';

/** SQL of the counters of one row, whatever the row is: a flow or a group of flows. */
export interface RowCounters {
  readonly flows: string;
  readonly packets: string;
  readonly octets: string;
  readonly outPackets: string;
  readonly outOctets: string;
  /** Milliseconds. */
  readonly first: string;
  readonly last: string;
}

/** The value that an order compares: whole numbers as in nfdump, so that the same rows tie. */
export function measureSql(measure: Measure, side: CounterSide, row: RowCounters): string {
  const duration = `(${row.last} - ${row.first})`;
  switch (measure) {
    case 'flows':
      return row.flows;
    case 'packets':
      return sideSql(side, row.packets, row.outPackets);
    case 'bytes':
      return sideSql(side, row.octets, row.outOctets);
    case 'pps':
      return rateSql(sideSql(side, row.packets, row.outPackets), 1000, duration);
    case 'bps':
      return rateSql(sideSql(side, row.octets, row.outOctets), 8000, duration);
    case 'bpp': {
      const packets = sideSql(side, row.packets, row.outPackets);
      return `CASE WHEN ${packets} = 0 THEN 0 ELSE ${sideSql(side, row.octets, row.outOctets)} // ${packets} END`;
    }
    case 'tstart':
      return row.first;
    case 'tend':
      return row.last;
    case 'duration':
      return duration;
  }
}

function rateSql(counter: string, factor: number, duration: string): string {
  return `CASE WHEN ${duration} > 0 THEN ${counter}::HUGEINT * ${factor} // ${duration} ELSE 0 END`;
}

function sideSql(side: CounterSide, inside: string, outside: string): string {
  if (side === 'in' || (side === 'both' && outside === ZERO)) return inside;
  return side === 'out' ? outside : `(${inside}::HUGEINT + ${outside})`;
}

/** ORDER BY and LIMIT: the measure, then `ties` so that equal rows have one order; `top` 0 means no limit. */
export function orderSql(order: Order, row: RowCounters, ties: readonly string[], top: number): string {
  const direction = order.ascending ? 'ASC' : 'DESC';
  const keys = [`${measureSql(order.measure, order.side, row)} ${direction}`, ...ties];
  return ` ORDER BY ${keys.join(', ')}${limitSql(top)}`;
}

/** Conditions of -l and -L, on the counters that the order compares. */
export function rowLimitsSql(limits: readonly RowLimit[], side: CounterSide, row: RowCounters): string[] {
  return limits.map(({ measure, sign, value }) => `${measureSql(measure, side, row)} ${sign} ${value}`);
}

export function limitSql(top: number): string {
  return top === 0 ? '' : ` LIMIT ${top}`;
}
