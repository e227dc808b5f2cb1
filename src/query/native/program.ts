import type { AddressWords } from '../../flow/address.ts';
import { type ColumnName, columnByName } from '../../flow/fields.ts';
import { addressTerms, type Guard, numberTerms, type Operand } from '../filter/terms.ts';
import { type AddressBlock, type Filter, isBlock, isPrefix, type Prefix } from '../filter/tree.ts';
import type { Selection } from '../plan.ts';
import { addressColumns, highWord, lowWord, V4_LAST, V4_ZERO } from '../sql/address.ts';
import { affirmed, includesZero } from '../sql/predicate.ts';

/**
 * Words of a filter's program, which `native/src/scan/predicate` reads: conditions in postfix order. 64-bit numbers are
 * two words, low word first; columns are places in the question's list.
 *
 * - `NOT`, `ALL n`, `ANY n` take conditions from the stack.
 * - `VALUE column shift mask(64) signed ranges`: `column >> shift & mask` is in one of the ranges.
 * - `ADDRESS hi lo ranges`: the same for addresses, whose ends are four words.
 * - `EQUAL a b`.
 * - `DURATION first last ranges`, `RATE counter factor first last ranges`, `SHARE part whole ranges`,
 *   `AT_LEAST_ONE column ranges`: the same for what is computed from several columns.
 *
 * Ranges are their number, then from and to of each, both included. Ends of signed values are raised by 2^63.
 * A test of a column that a file does not have is false there.
 */
const CODES = {
  TRUE: 1,
  NOT: 2,
  ALL: 3,
  ANY: 4,
  VALUE: 5,
  ADDRESS: 6,
  EQUAL: 7,
  DURATION: 8,
  RATE: 9,
  SHARE: 10,
  AT_LEAST_ONE: 11,
} as const;

type Range = readonly [from: bigint, to: bigint];
type Compared = Extract<Filter, { kind: 'number' | 'ranges' }>;

const MAX = (1n << 64n) - 1n;
const SIGN = 1n << 63n;
const WHOLE_MAX = (1n << 128n) - 1n;

/** The program of everything that a selection asks of a single flow. `place` gives a column's place in the list. */
export function selectionProgram({ filter, window }: Selection, place: (name: ColumnName) => number): Uint32Array {
  const writer = new ProgramWriter(place);
  let conditions = 1;
  if (window?.afterMs !== undefined) {
    const least = BigInt(window.afterMs) + (window.overlaps ? 0n : 1n);
    writer.time(window.overlaps ? 'lastMs' : 'firstMs', [[SIGN + least, MAX]]);
    conditions++;
  }
  if (window?.beforeMs !== undefined) {
    const most = BigInt(window.beforeMs) - (window.overlaps ? 0n : 1n);
    writer.time(window.overlaps ? 'firstMs' : 'lastMs', [[0n, SIGN + most]]);
    conditions++;
  }
  writer.filter(filter);
  if (conditions > 1) writer.words.push(CODES.ALL, conditions);
  return Uint32Array.from(writer.words);
}

class ProgramWriter {
  readonly words: number[] = [];
  private readonly place: (name: ColumnName) => number;

  constructor(place: (name: ColumnName) => number) {
    this.place = place;
  }

  filter(filter: Filter): void {
    switch (filter.kind) {
      case 'any':
        this.words.push(CODES.TRUE);
        break;
      case 'and':
      case 'or':
        for (const part of filter.parts) this.filter(part);
        this.words.push(filter.kind === 'and' ? CODES.ALL : CODES.ANY, filter.parts.length);
        break;
      case 'not':
        this.filter(filter.part);
        this.words.push(CODES.NOT);
        break;
      case 'number':
      case 'ranges':
        this.numbers(filter);
        break;
      case 'address': {
        const { fields } = addressTerms.get(filter.term)!;
        const ranges = filter.members.filter(isBlock).flatMap(blockRanges);
        for (const field of fields) this.address(addressColumns(field), ranges);
        this.words.push(CODES.ANY, fields.length);
        if (filter.negated) {
          this.words.push(CODES.NOT);
          for (const field of fields) this.address(addressColumns(field), [[1n, WHOLE_MAX]]);
          this.words.push(CODES.ANY, fields.length, CODES.ALL, 2);
        }
        break;
      }
      case 'flags': {
        const bits = BigInt(filter.bits);
        this.guard('tcp');
        this.value('tcpFlags', [[bits, bits]], 0, filter.exact ? 255n : bits);
        this.words.push(CODES.ALL, 2);
        break;
      }
      case 'family': {
        const ranges = filter.version === 4 ? [V4_RANGE] : without([[0n, WHOLE_MAX]], NOT_V6);
        this.address(addressColumns('srcAddr'), ranges);
        this.address(addressColumns('dstAddr'), ranges);
        this.words.push(CODES.ANY, 2);
        break;
      }
      case 'element':
      case 'ident':
      case 'portBlock':
        throw new Error('what is in no column is for the general engine');
      case 'ttlEqual':
        this.words.push(CODES.EQUAL, this.place('minTtl'), this.place('maxTtl'));
        this.value('minTtl', [[1n, MAX]]);
        this.words.push(CODES.ALL, 2);
        break;
    }
  }

  /** A test of a time column; ends are raised by 2^63. */
  time(name: ColumnName, ranges: readonly Range[]): void {
    this.value(name, ranges, 0, MAX, true);
  }

  private numbers(filter: Compared): void {
    const { operands, guard } = numberTerms.get(filter.term)!;
    if (guard !== undefined) this.guard(guard);
    // Exporters of other versions have no engine, which is the engine 0.
    const orUnguarded = guard === 'engine' && includesZero(filter);
    if (orUnguarded) this.words.push(CODES.NOT);
    const found = affirmed(filter);
    let choices = operands.length;
    for (const operand of operands) {
      this.operand(operand, (raise) => comparedRanges(found, raise));
      if ('column' in operand && operand.absentIsZero && includesZero(found)) {
        this.value(operand.column, [[0n, MAX]]);
        this.words.push(CODES.NOT);
        choices++;
      }
    }
    this.words.push(CODES.ANY, choices);
    if (found !== filter) {
      this.words.push(CODES.NOT);
      for (const operand of operands) this.operand(operand, () => [[0n, MAX]]);
      this.words.push(CODES.ANY, operands.length, CODES.ALL, 2);
    }
    if (guard !== undefined) this.words.push(orUnguarded ? CODES.ANY : CODES.ALL, 2);
  }

  /** `ranges` of the numbers, in the domain that begins at `-raise`. */
  private operand(operand: Operand, ranges: (raise: bigint) => readonly Range[]): void {
    if ('computed' in operand) {
      this.computed(operand.computed, ranges(0n));
      return;
    }
    const { column, shift, mask, zeroIsAbsent, requiredBit } = operand;
    let conditions = 1;
    if (zeroIsAbsent) {
      this.value(column, [[1n, MAX]]);
      conditions++;
    }
    if (requiredBit !== undefined) {
      const bit = 1n << BigInt(requiredBit);
      this.value(column, [[bit, bit]], 0, bit);
      conditions++;
    }
    if (columnByName.get(column)!.type === 'timeMs') this.time(column, ranges(SIGN));
    else this.value(column, ranges(0n), shift, mask === undefined ? MAX : BigInt(mask));
    if (conditions > 1) this.words.push(CODES.ALL, conditions);
  }

  private computed(computed: Extract<Operand, { computed: string }>['computed'], ranges: readonly Range[]): void {
    const { words, place } = this;
    const times = [place('firstMs'), place('lastMs')];
    switch (computed) {
      case 'duration':
        words.push(CODES.DURATION, ...times);
        break;
      case 'pps':
        words.push(CODES.RATE, place('packets'), 1000, ...times);
        break;
      case 'bps':
        words.push(CODES.RATE, place('octets'), 8000, ...times);
        break;
      case 'bpp':
        words.push(CODES.SHARE, place('octets'), place('packets'));
        break;
      case 'flows':
        words.push(CODES.AT_LEAST_ONE, place('flows'));
        break;
    }
    this.ranges(ranges, 2);
  }

  private guard(guard: Guard): void {
    switch (guard) {
      case 'tcp':
        this.value('proto', [[6n, 6n]]);
        break;
      case 'icmp':
        this.value('proto', [
          [1n, 1n],
          [58n, 58n],
        ]);
        break;
      case 'engine':
        this.value('exportVersion', [
          [5n, 5n],
          [7n, 7n],
          [9n, 9n],
        ]);
        break;
    }
  }

  private value(name: ColumnName, ranges: readonly Range[], shift = 0, mask = MAX, signed = false): void {
    this.words.push(CODES.VALUE, this.place(name), shift);
    this.wide(mask, 2);
    this.words.push(signed ? 1 : 0);
    this.ranges(ranges, 2);
  }

  private address({ hi, lo }: { hi: ColumnName; lo: ColumnName }, ranges: readonly Range[]): void {
    this.words.push(CODES.ADDRESS, this.place(hi), this.place(lo));
    this.ranges(ranges, 4);
  }

  private ranges(ranges: readonly Range[], words: number): void {
    this.words.push(ranges.length);
    for (const [from, to] of ranges) {
      this.wide(from, words);
      this.wide(to, words);
    }
  }

  private wide(value: bigint, words: number): void {
    for (let word = 0; word < words; word++) this.words.push(Number((value >> BigInt(32 * word)) & 0xffff_ffffn));
  }
}

/** Values that satisfy a comparison, in the domain that begins at `-raise`; those that do not where it is negated. */
function comparedRanges(compared: Compared, raise: bigint): Range[] {
  if (compared.kind === 'ranges') {
    return compared.ranges.map(([from, to]) => [raise + BigInt(from), raise + BigInt(to)] as const);
  }
  const value = raise + BigInt(compared.value);
  switch (compared.comparator) {
    case '=':
    case '!=':
      return [[value, value]];
    case '<':
      return value === 0n ? [] : [[0n, value - 1n]];
    case '<=':
      return [[0n, value]];
    case '>':
      return [[value + 1n, MAX]];
    case '>=':
      return [[value, MAX]];
  }
}

const V4_RANGE: Range = [V4_ZERO, V4_LAST];
/** "No address" and the IPv4 ones. */
const NOT_V6: readonly Range[] = [[0n, 0n], V4_RANGE];

/** Addresses of a block of one family, as 128-bit numbers. */
function blockRanges(block: AddressBlock): Range[] {
  const { version } = block;
  const range = isPrefix(block) ? prefixRange(block) : ([wholeWord(block.from), wholeWord(block.to)] as const);
  return version === 4 ? [range] : without([range], NOT_V6);
}

function prefixRange({ words, length, version }: Prefix): Range {
  const from = wholeWord(words);
  return [from, from | ((1n << BigInt((version === 4 ? 32 : 128) - length)) - 1n)];
}

function wholeWord(words: AddressWords): bigint {
  return (highWord(words) << 64n) | lowWord(words);
}

function without(ranges: readonly Range[], holes: readonly Range[]): Range[] {
  let left = [...ranges];
  for (const [from, to] of holes) {
    left = left.flatMap(([first, last]): Range[] =>
      (
        [
          [first, last < from ? last : from - 1n],
          [first > to ? first : to + 1n, last],
        ] as const
      ).filter(([a, b]) => a <= b),
    );
  }
  return left;
}
