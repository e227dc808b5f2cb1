import { formatAddress, isV4 } from '../../../src/flow/address.ts';
import { columnByName, fieldByName } from '../../../src/flow/fields.ts';
import { addressTerms, type Guard, numberTerms, type Operand } from '../../../src/query/filter/terms.ts';
import { type Comparator, type Filter, isPrefix, type Prefix } from '../../../src/query/filter/tree.ts';
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
    case 'list': {
      const { operands, guard } = numberTerms.get(filter.term)!;
      if (guard !== undefined && !guarded(guard, flow)) return false;
      const values = operands.map((operand) => read(operand, flow)).filter((value) => value !== undefined);
      return values.some((value) =>
        filter.kind === 'list' ? filter.values.includes(value) : compare(value, filter.comparator, filter.value),
      );
    }
    case 'address':
      return addressTerms.get(filter.term)!.fields.some((field) => {
        const words = flow.addresses[field];
        return words !== undefined && filter.members.filter(isPrefix).some((prefix) => contains(prefix, words));
      });
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
    case 'ttlEqual':
      return (flow.numbers.minTtl ?? 0) !== 0 && flow.numbers.minTtl === flow.numbers.maxTtl;
  }
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

function compare(left: number, comparator: Comparator, right: number): boolean {
  switch (comparator) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
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

/** Compares bit by bit, which is slow and plain. */
function contains(prefix: Prefix, words: TestFlow['addresses'][string]): boolean {
  const v4 = isV4(words[0], words[1], words[2]);
  if (v4 !== (prefix.version === 4) || formatAddress(...words) === '::') return false;
  const bits = (of: readonly number[]) => of.map((word) => word.toString(2).padStart(32, '0')).join('');
  const length = prefix.length + (v4 ? 96 : 0);
  return bits(words).slice(0, length) === bits(prefix.words).slice(0, length);
}
