import { type AddressWords, isV4 } from '../../../src/flow/address.ts';
import { columnByName, fieldByName } from '../../../src/flow/fields.ts';
import { addressTerms, type Guard, numberTerms, type Operand } from '../../../src/query/filter/terms.ts';
import { type AddressBlock, type Comparator, type Filter, isBlock, isPrefix } from '../../../src/query/filter/tree.ts';
import type { TestFlow } from './generate.ts';

/** The meaning of a filter spelled out on one flow: what the SQL must agree with. Absent fields are not in the flow. */
export function passes(filter: Filter, flow: TestFlow): boolean {
  switch (filter.kind) {
    case 'any':
      return true;
    case 'and':
      return filter.parts.every((part) => passes(part, flow));
    case 'or':
      return filter.parts.some((part) => passes(part, flow));
    case 'not':
      return !passes(filter.part, flow);
    case 'number':
    case 'ranges': {
      const values = numbersOf(filter.term, flow);
      const withZeros = [...values, ...zerosOf(filter.term, flow)];
      if (filter.kind === 'number') {
        const { comparator, value } = filter;
        if (comparator === '!=') return values.length > 0 && !withZeros.includes(value);
        return withZeros.some((one) => compare(one, comparator, value));
      }
      const found = withZeros.some((value) => filter.ranges.some(([from, to]) => from <= value && value <= to));
      return filter.negated ? values.length > 0 && !found : found;
    }
    case 'address': {
      const there = addressTerms
        .get(filter.term)!
        .fields.map((field) => flow.addresses[field])
        .filter((words) => words?.some((word) => word !== 0)) as AddressWords[];
      const found = there.some((words) => filter.members.filter(isBlock).some((block) => contains(block, words)));
      return filter.negated ? there.length > 0 && !found : found;
    }
    case 'element':
    case 'portBlock':
      throw new Error('these flows have no elements without a column');
    case 'flags': {
      if (flow.numbers.proto !== 6) return false;
      const flags = flow.numbers.tcpFlags! & 255;
      return filter.exact ? flags === filter.bits : (flags & filter.bits) === filter.bits;
    }
    case 'family':
      return ['srcAddr', 'dstAddr'].some((field) => {
        const [a, b, c, d] = flow.addresses[field]!;
        return isV4(a, b, c) ? filter.version === 4 : filter.version === 6 && (a | b | c | d) !== 0;
      });
    case 'ident':
      return flow.ident === filter.name;
    case 'ttlEqual':
      return (flow.numbers.minTtl ?? 0) !== 0 && flow.numbers.minTtl === flow.numbers.maxTtl;
  }
}

/** The numbers behind a term that a flow has. */
export function numbersOf(term: string, flow: TestFlow): number[] {
  const { operands, guard } = numberTerms.get(term)!;
  if (guard !== undefined && !guarded(guard, flow)) return [];
  return operands.map((operand) => read(operand, flow)).filter((value) => value !== undefined);
}

/** A zero where a flow has no number and that is as good as 0. */
function zerosOf(term: string, flow: TestFlow): number[] {
  const { operands, guard } = numberTerms.get(term)!;
  if (guard === 'engine') return guarded(guard, flow) ? [] : [0];
  const isZero = (operand: Operand) =>
    'column' in operand && operand.absentIsZero === true && read(operand, flow) === undefined;
  return operands.some(isZero) ? [0] : [];
}

function guarded(guard: Guard, { numbers }: TestFlow): boolean {
  switch (guard) {
    case 'tcp':
      return numbers.proto === 6;
    case 'icmp':
      return numbers.proto === 1 || numbers.proto === 58;
    case 'engine':
      return [5, 7, 9].includes(numbers.exportVersion!);
  }
}

function read(operand: Operand, { numbers }: TestFlow): number | undefined {
  if ('computed' in operand) {
    const duration = Math.max(0, numbers.lastMs! - numbers.firstMs!);
    const rate = (count: number) => (duration === 0 ? 0 : Math.floor(count / duration));
    return {
      duration,
      flows: Math.max(1, numbers.flows ?? 0),
      pps: rate(numbers.packets! * 1000),
      bps: rate(numbers.octets! * 8000),
      bpp: numbers.packets === 0 ? 0 : Math.floor(numbers.octets! / numbers.packets!),
    }[operand.computed];
  }
  const { column, shift = 0, mask, zeroIsAbsent, requiredBit } = operand;
  const core = fieldByName(columnByName.get(column)!.field).core === true;
  const cell = numbers[column] ?? (core ? columnByName.get(column)!.absent : undefined);
  if (cell === undefined || (zeroIsAbsent && cell === 0)) return undefined;
  if (requiredBit !== undefined && ((cell >> requiredBit) & 1) === 0) return undefined;
  const shifted = Math.floor(cell / 2 ** shift);
  return mask === undefined ? shifted : shifted % (mask + 1);
}

function compare(left: number, comparator: Exclude<Comparator, '!='>, right: number): boolean {
  switch (comparator) {
    case '=':
      return left === right;
    case '<':
      return left < right;
    case '>':
      return left > right;
    case '<=':
      return left <= right;
    case '>=':
      return left >= right;
  }
}

/** Compares digit by digit, which is slow and plain. */
function contains(block: AddressBlock, words: AddressWords): boolean {
  const v4 = isV4(words[0], words[1], words[2]);
  if (v4 !== (block.version === 4)) return false;
  const bits = (of: readonly number[]) => of.map((word) => word.toString(2).padStart(32, '0')).join('');
  if (!isPrefix(block)) return bits(block.from) <= bits(words) && bits(words) <= bits(block.to);
  const length = block.length + (v4 ? 96 : 0);
  return bits(words).slice(0, length) === bits(block.words).slice(0, length);
}
