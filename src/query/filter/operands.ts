import { parseAddress } from '../../flow/address.ts';
import { nearest } from '../../flow/suggest.ts';
import { flagBits } from '../names.ts';
import { addressTerms, numberTerms } from './terms.ts';
import type { TokenReader } from './token-reader.ts';
import type { Token } from './tokens.ts';
import { type AddressMember, type Comparator, type Filter, join, type NumberRange } from './tree.ts';
import {
  makeAddressRange,
  makePrefix,
  parseIsoTime,
  parseMac,
  parseNetMask,
  parseNumber,
  parseShortAddress,
  splitRange,
} from './values.ts';

const COMPARATORS = new Map<string, Comparator>([
  ['=', '='],
  ['==', '='],
  ['eq', '='],
  ['!=', '!='],
  ['ne', '!='],
  ['>', '>'],
  ['gt', '>'],
  ['<', '<'],
  ['lt', '<'],
  ['>=', '>='],
  ['ge', '>='],
  ['<=', '<='],
  ['le', '<='],
]);

export function readComparator(reader: TokenReader): Comparator | undefined {
  const comparator = COMPARATORS.get(reader.plain() ?? '');
  if (comparator !== undefined) reader.at++;
  return comparator;
}

/** What stands behind the words of a number term: a comparison, a range, or a list of numbers and ranges. */
export function numberOperand(reader: TokenReader, term: string): Filter {
  const list = reader.list(() => readRange(reader, term));
  if (list !== undefined) return rangesFilter(term, list.members, list.negated);
  const comparator = readComparator(reader) ?? '=';
  const start = reader.token;
  const range = readRange(reader, term);
  if (comparator === '=' || comparator === '!=') return rangesFilter(term, [range], comparator === '!=');
  if (range[0] !== range[1]) reader.fail(`a range cannot be compared with '${comparator}'`, start);
  return { kind: 'number', term, comparator, value: range[0] };
}

function rangesFilter(term: string, ranges: readonly NumberRange[], negated: boolean): Filter {
  const [first] = ranges;
  return ranges.length === 1 && first![0] === first![1]
    ? { kind: 'number', term, comparator: negated ? '!=' : '=', value: first![0] }
    : { kind: 'ranges', term, negated, ranges };
}

/** `A`, `A-B` or `A - B`. */
function readRange(reader: TokenReader, term: string): NumberRange {
  const token = reader.value(`a value for '${term}'`);
  const single = parseValue(term, token.text);
  const ends =
    single === undefined
      ? splitRange(token.text, (text) => parseValue(term, text))
      : reader.accept('-')
        ? ([single, readNumber(reader, term)] as const)
        : ([single, single] as const);
  if (ends === undefined) return refuseValue(reader, term, token);
  const { max, form } = numberTerms.get(term)!;
  const [from, to] = ends;
  if (to > max) reader.fail(`'${token.text}' is too large for '${term}': at most ${max}`, token);
  if (from > to) reader.fail(`the range '${token.text}' ends before it begins`, token);
  if (form === 'mac' && from === 0) reader.fail('the zero MAC address stands for none', token);
  return ends;
}

function readNumber(reader: TokenReader, term: string): number {
  const token = reader.value(`a value for '${term}'`);
  return parseValue(term, token.text) ?? refuseValue(reader, term, token);
}

function parseValue(term: string, text: string): number | undefined {
  const { form, names } = numberTerms.get(term)!;
  switch (form) {
    case 'time':
      return parseIsoTime(text);
    case 'mac':
      return parseMac(text);
    case 'number':
      return parseNumber(text) ?? names?.get(text.toLowerCase());
  }
}

function refuseValue(reader: TokenReader, term: string, token: Token): never {
  const { form, names } = numberTerms.get(term)!;
  const near = names === undefined ? undefined : nearest(token.text.toLowerCase(), names.keys());
  const wanted = { time: 'a time like 2026-11-20T10:30:00', mac: 'a MAC address', number: 'a number' }[form];
  return reader.fail(
    `'${token.text}' is not ${names === undefined ? wanted : 'a known name or number'} for '${term}'`,
    token,
    near && `did you mean "${near}"?`,
  );
}

export function flagsOperand(reader: TokenReader): Filter {
  const list = reader.list(() => oneFlags(reader, undefined));
  if (list !== undefined) {
    const any = join('or', list.members);
    return list.negated ? { kind: 'not', part: any } : any;
  }
  return oneFlags(reader, readComparator(reader));
}

function oneFlags(reader: TokenReader, comparator: Comparator | undefined): Filter {
  const { token } = reader;
  const bits = token.kind === 'word' || token.kind === 'string' ? flagBits(token.text) : undefined;
  if (bits === undefined) {
    if (token.kind !== 'word' || parseNumber(token.text.split('-')[0]!) === undefined) {
      reader.fail(`expected flags (letters of CEUAPRSF, X for FSRPAU) or a number`);
    }
    const value = readRange(reader, 'flag byte');
    if (comparator === undefined || comparator === '=' || comparator === '!=' || value[0] !== value[1]) {
      return rangesFilter('flag byte', [value], comparator === '!=');
    }
    return { kind: 'number', term: 'flag byte', comparator, value: value[0] };
  }
  if (comparator === '!=') {
    reader.at++;
    return { kind: 'number', term: 'flag byte', comparator, value: bits };
  }
  if (comparator !== undefined && comparator !== '=')
    reader.fail(`flag letters cannot be compared with '${comparator}'`);
  reader.at++;
  return { kind: 'flags', exact: comparator === '=', bits };
}

/** What stands behind `ident`: the name of a source. */
export function identOperand(reader: TokenReader): Filter {
  const token = reader.value('the ident of a source');
  if (token.text === '') reader.fail('no source has an empty ident', token);
  return { kind: 'ident', name: token.text };
}

/** What stands behind the words of an address term: an address, a network, a range, or a list of these. */
export function addressOperand(reader: TokenReader, term: string, is: 'ip' | 'net'): Filter {
  if (!addressTerms.has(term)) throw new Error(`no address term ${term}`);
  const list = reader.list(() => readAddress(reader, 'list'));
  if (list !== undefined) return { kind: 'address', term, ...list };
  const comparator = readComparator(reader) ?? '=';
  if (comparator !== '=' && comparator !== '!=') reader.fail(`addresses cannot be compared with '${comparator}'`);
  return { kind: 'address', term, negated: comparator === '!=', members: [readAddress(reader, is)] };
}

/** What stands behind the words of a country term: two letters, or a list of these. */
export function countryOperand(reader: TokenReader, term: string): Filter {
  const list = reader.list(() => readCountry(reader));
  if (list !== undefined) return { kind: 'address', term, ...list };
  const comparator = readComparator(reader) ?? '=';
  if (comparator !== '=' && comparator !== '!=') reader.fail(`countries cannot be compared with '${comparator}'`);
  return { kind: 'address', term, negated: comparator === '!=', members: [readCountry(reader)] };
}

function readCountry(reader: TokenReader): AddressMember {
  const token = reader.value('a country');
  if (!/^[a-z]{2}$/i.test(token.text)) reader.fail(`'${token.text}' is not the two letters of a country`, token);
  return { country: token.text.toUpperCase() };
}

function readAddress(reader: TokenReader, is: 'ip' | 'net' | 'list'): AddressMember {
  const token = reader.value('an address');
  const range = addressRange(reader, token);
  if (range !== undefined) return range;
  const words = parseShortAddress(token.text);
  if (words === undefined || (reader.plain() !== '/' && is !== 'net' && !isFullAddress(token.text))) {
    return hostName(reader, token, is);
  }
  const asV6 = token.text.includes(':');
  const mask = reader.token;
  let length: number | undefined;
  if (reader.accept('/')) {
    const digits = reader.token;
    length = /^\d{1,3}$/.test(digits.text) ? Number(digits.text) : undefined;
    if (length === undefined || length > (asV6 ? 128 : 32)) {
      reader.fail(`expected a prefix length up to ${asV6 ? 128 : 32}`);
    }
    reader.at++;
  } else if (is === 'net') {
    length = mask.kind === 'word' && !asV6 ? parseNetMask(mask.text) : undefined;
    if (length === undefined) reader.fail(`expected /LENGTH after the network ${token.text}`);
    reader.at++;
  }
  return makePrefix(words, length, asV6);
}

/** `A-B` or `A - B` of full addresses. */
function addressRange(reader: TokenReader, token: Token): AddressMember | undefined {
  const from = parseAddress(token.text);
  const ends =
    from === undefined
      ? splitRange(token.text, parseAddress)
      : reader.accept('-')
        ? ([from, parseAddress(reader.value('the last address of the range').text)] as const)
        : undefined;
  if (ends === undefined) return undefined;
  const [first, last] = ends;
  const range = last === undefined ? undefined : makeAddressRange(first, last);
  if (range === undefined) {
    reader.fail(`the range at '${token.text}' does not go from an address to a later one of its family`, token);
  }
  return range;
}

function hostName(reader: TokenReader, token: Token, is: 'ip' | 'net' | 'list'): AddressMember {
  const name = token.text;
  const couldBeName = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.?$/i.test(name) && !/^[\d.]+$/.test(name);
  if (is === 'net' || !couldBeName) reader.fail(`'${name}' is not an address`, token);
  // A word of nfdump's since 1.7.5: the name server is not what is meant.
  if (name.toLowerCase() === 'tor') reader.fail('there is no database of Tor exits', token, 'a host is "tor."');
  return { hostName: name };
}

function isFullAddress(text: string): boolean {
  return text.includes(':') || text.split('.').length === 4;
}
