import { UserError } from '../flow/user-error.ts';
import { parseNumber } from './filter/values.ts';

/** What rows of a table must have more or less of to count for -n: -l and -L of nfdump up to 1.7.4. */
export interface RowLimit {
  readonly measure: 'packets' | 'bytes';
  readonly sign: '<' | '>';
  readonly value: number;
}

/** The value of -l or -L: `+10k` or `10k` for more than, `-10k` for less than; none for 0. */
export function parseRowLimit(measure: RowLimit['measure'], text: string | undefined): RowLimit[] {
  if (text === undefined) return [];
  const [, sign, number = ''] = /^([+-]?)(\d+[kmgt]?)b?$/i.exec(text) ?? [];
  const value = parseNumber(number);
  if (value === undefined)
    throw new UserError(`option -${measure === 'packets' ? 'l' : 'L'}: '${text}' is not [+|-]NUMBER[K|M|G]`);
  return value === 0 ? [] : [{ measure, sign: sign === '-' ? '<' : '>', value }];
}

/** The line that these versions print first. */
export function rowLimitText({ measure, sign, value }: RowLimit): string {
  return `${measure === 'packets' ? 'Packet' : 'Byte'} limit: ${sign} ${value} ${measure}\n`;
}
