import { nearest } from '../flow/suggest.ts';
import { UserError } from '../flow/user-error.ts';

/** Which counters an order compares and, in statistics, shows. */
export type CounterSide = 'in' | 'out' | 'both';
export type Measure = 'flows' | 'packets' | 'bytes' | 'pps' | 'bps' | 'bpp' | 'tstart' | 'tend' | 'duration';

export interface Order {
  /** As printed in titles. */
  readonly name: string;
  readonly measure: Measure;
  readonly side: CounterSide;
  readonly ascending: boolean;
}

interface OrderRow {
  readonly name: string;
  readonly measure: Measure;
  readonly side: CounterSide;
  readonly ascending?: true;
}

/** Orders of flow records; several tables of one run print in this order. */
const recordOrders: readonly OrderRow[] = [
  { name: 'flows', measure: 'flows', side: 'in' },
  { name: 'packets', measure: 'packets', side: 'both' },
  { name: 'ipackets', measure: 'packets', side: 'in' },
  { name: 'opackets', measure: 'packets', side: 'out' },
  { name: 'bytes', measure: 'bytes', side: 'both' },
  { name: 'ibytes', measure: 'bytes', side: 'in' },
  { name: 'obytes', measure: 'bytes', side: 'out' },
  ...(['pps', 'bps', 'bpp'] as const).flatMap((measure): OrderRow[] => [
    { name: measure, measure, side: 'both' },
    { name: `i${measure}`, measure, side: 'in' },
    { name: `o${measure}`, measure, side: 'out' },
  ]),
  { name: 'tstart', measure: 'tstart', side: 'in', ascending: true },
  { name: 'tend', measure: 'tend', side: 'in', ascending: true },
  { name: 'duration', measure: 'duration', side: 'in' },
];

/** Orders of element statistics: other names for the one-sided counters, no times. */
const elementNames = new Map([
  ['ipackets', 'ipkg'],
  ['opackets', 'opkg'],
  ['ibytes', 'ibyte'],
  ['obytes', 'obyte'],
]);
const elementOrders: readonly OrderRow[] = recordOrders
  .filter(({ measure }) => !['tstart', 'tend', 'duration'].includes(measure))
  .map((order) => ({ ...order, name: elementNames.get(order.name) ?? order.name }));

/**
 * Parses `ORDER[:a|:d][/ORDER...]`; the result is in the order of printing, each order once. Names of record and
 * element orders are both accepted everywhere, and print as the table at hand has them. Times ascend by themselves in
 * sorted lists, but not in tables of top records.
 */
export function parseOrders(text: string, of: 'record' | 'top records' | 'element'): Order[] {
  const table = of === 'element' ? elementOrders : recordOrders;
  const other = of === 'element' ? recordOrders : elementOrders;
  const chosen = new Map<OrderRow, boolean>();
  for (const part of text.split('/')) {
    const [name = '', direction, ...more] = part.toLowerCase().split(':');
    const index = [table, other].map((rows) => rows.findIndex((row) => row.name === name)).find((at) => at >= 0);
    const row = index === undefined ? undefined : table[index];
    if (row === undefined) {
      const near = nearest(
        name,
        table.map((one) => one.name),
      );
      throw new UserError(
        `unknown order '${name}'${near === undefined ? `: use ${table.map((one) => one.name).join(' ')}` : `: did you mean '${near}'?`}`,
      );
    }
    if (more.length > 0 || (direction !== undefined && direction !== 'a' && direction !== 'd')) {
      throw new UserError(`order '${part}': after the colon stands a (ascending) or d (descending)`);
    }
    const ascends = direction === undefined ? of === 'record' && row.ascending === true : direction === 'a';
    chosen.set(row, ascends);
  }
  return table.flatMap((row) => {
    const ascending = chosen.get(row);
    return ascending === undefined ? [] : [{ name: row.name, measure: row.measure, side: row.side, ascending }];
  });
}
