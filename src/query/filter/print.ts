import { formatAddress } from '../../flow/address.ts';
import { elementByName } from '../../wire/elements.ts';
import { numberTerms } from './terms.ts';
import { type AddressMember, type ElementFilter, type Filter, isBlock, isPrefix, type NumberRange } from './tree.ts';
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
    case 'ranges': {
      const { term, negated } = filter;
      const [first] = filter.ranges;
      if (filter.ranges.length === 1) return `${term} ${negated ? '!= ' : ''}${printRange(term, first!)}`;
      return `${term} ${negated ? 'not ' : ''}in [ ${filter.ranges.map((range) => printRange(term, range)).join(' ')} ]`;
    }
    case 'address':
      return printAddress(filter.term, filter.negated, filter.members);
    case 'element':
      return printElement(filter);
    case 'portBlock':
      return `${filter.term} in nat pblock`;
    case 'flags': {
      const letters = [...FLAG_LETTERS].filter((_, index) => filter.bits & (0x80 >> index)).join('');
      return `flags ${filter.exact ? '= ' : ''}${letters}`;
    }
    case 'family':
      return `ipv${filter.version}`;
    case 'ttlEqual':
      return 'ttl equal';
    case 'ident':
      return `ident ${/^[\w:.-]+$/.test(filter.name) ? filter.name : quoted(filter.name)}`;
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

function printRange(term: string, [from, to]: NumberRange): string {
  return from === to ? printValue(term, from) : `${printValue(term, from)}-${printValue(term, to)}`;
}

function printElement({ name, comparator, values }: ElementFilter): string {
  const texts = values.map((value) => (typeof value === 'number' ? String(value) : quoted(value)));
  const known = /^\d/.test(name) || elementByName(name.replace(/^reverse/, '')) !== undefined;
  const element = known ? name : quoted(name);
  if (values.length === 1) return `ie ${element} ${comparator} ${texts[0]}`;
  return `ie ${element} ${comparator === '!=' ? 'not in' : 'in'} [ ${texts.join(' ')} ]`;
}

/** The parser gives no text with both kinds of quotes. */
function quoted(text: string): string {
  return text.includes('"') ? `'${text}'` : `"${text}"`;
}

function printAddress(term: string, negated: boolean, members: readonly AddressMember[]): string {
  const [first] = members;
  if (first !== undefined && 'country' in first) return printCountries(term, negated, members);
  if (members.length === 1 && first !== undefined) {
    const whole = !isPrefix(first) || first.length === (first.version === 4 ? 32 : 128);
    return `${whole ? term : term.replace(/ip$/, 'net')} ${negated ? '!= ' : ''}${printMember(first)}`;
  }
  return `${term} ${negated ? 'not ' : ''}in [ ${members.map(printMember).join(' ')} ]`;
}

function printCountries(term: string, negated: boolean, members: readonly AddressMember[]): string {
  const geo = term.replace(/ip$/, 'geo');
  if (members.length === 1) return `${geo} ${negated ? '!= ' : ''}${printMember(members[0]!)}`;
  return `${geo} ${negated ? 'not ' : ''}in [ ${members.map(printMember).join(' ')} ]`;
}

function printMember(member: AddressMember): string {
  if (!isBlock(member)) return 'country' in member ? member.country : member.hostName;
  if (!isPrefix(member)) return `${formatAddress(...member.from)}-${formatAddress(...member.to)}`;
  const { words, length, version } = member;
  const address = formatAddress(...words);
  return length === (version === 4 ? 32 : 128) ? address : `${address}/${length}`;
}
