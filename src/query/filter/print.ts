import { formatAddress } from '../../flow/address.ts';
import { numberTerms } from './terms.ts';
import { type AddressMember, type Filter, isPrefix } from './tree.ts';
import { formatMac } from './values.ts';

const FLAG_LETTERS = 'CEUAPRSF';

/** Text that parses to the same tree. */
export function printFilter(filter: Filter): string {
  switch (filter.kind) {
    case 'any':
      return 'any';
    case 'and':
      return filter.parts
        .map((part) => (part.kind === 'or' ? `(${printFilter(part)})` : printFilter(part)))
        .join(' and ');
    case 'or':
      return filter.parts.map(printFilter).join(' or ');
    case 'not': {
      const text = printFilter(filter.part);
      return filter.part.kind === 'and' || filter.part.kind === 'or' ? `not (${text})` : `not ${text}`;
    }
    case 'number': {
      const comparator = filter.comparator === '=' ? '' : `${filter.comparator} `;
      return `${filter.term} ${comparator}${printValue(filter.term, filter.value)}`;
    }
    case 'list':
      return `${filter.term} in [ ${filter.values.map((value) => printValue(filter.term, value)).join(' ')} ]`;
    case 'address':
      return printAddress(filter.term, filter.members);
    case 'flags': {
      const letters = [...FLAG_LETTERS].filter((_, index) => filter.bits & (0x80 >> index)).join('');
      return `flags ${filter.exact ? '= ' : ''}${letters}`;
    }
    case 'family':
      return `ipv${filter.version}`;
    case 'ttlEqual':
      return 'ttl equal';
  }
}

function printValue(term: string, value: number): string {
  switch (numberTerms.get(term)!.form) {
    case 'mac':
      return formatMac(value);
    case 'time':
      return new Date(value).toISOString();
    case 'number':
      return String(value);
  }
}

function printAddress(term: string, members: readonly AddressMember[]): string {
  const [first] = members;
  if (members.length === 1 && first !== undefined) {
    const whole = !isPrefix(first) || first.length === (first.version === 4 ? 32 : 128);
    return whole ? `${term} ${printMember(first)}` : `${term.replace(/ip$/, 'net')} ${printMember(first)}`;
  }
  return `${term} in [ ${members.map(printMember).join(' ')} ]`;
}

function printMember(member: AddressMember): string {
  if (!isPrefix(member)) return member.hostName;
  const { words, length, version } = member;
  const address = formatAddress(...words);
  return length === (version === 4 ? 32 : 128) ? address : `${address}/${length}`;
}
