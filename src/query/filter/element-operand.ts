import { nearest } from '../../flow/suggest.ts';
import { elementByName, elementLabel, elements } from '../../wire/elements.ts';
import { REVERSE_PEN } from '../../wire/protocol.ts';
import { isToldName } from '../../wire/told-elements.ts';
import { readComparator } from './operands.ts';
import { addressTerms, elementTerms } from './terms.ts';
import type { TokenReader } from './token-reader.ts';
import type { Filter } from './tree.ts';
import { parseNumber } from './values.ts';

/** What an information element is in filters: a term about its column, or a key of the column `extra`. */
export type NamedElement =
  | { readonly is: 'number' | 'ip'; readonly term: string }
  | { readonly is: 'extra'; readonly name: string };

/**
 * Reads what stands behind `ie`: the name or number of an IANA element, or PEN/NUMBER. Elements with a column mean the
 * column, whatever their family or width.
 */
export function readElement(reader: TokenReader): NamedElement {
  const token = reader.value('the name or the number of an information element');
  let name: string;
  if (/^\d{1,10}$/.test(token.text)) {
    const first = Number(token.text);
    if (reader.accept('/')) {
      const digits = reader.token;
      const id = /^\d{1,5}$/.test(digits.text) ? Number(digits.text) : 0;
      if (first > 0xffff_ffff || id < 1 || id > 0x7fff) reader.fail('expected PEN/NUMBER, the number up to 32767');
      reader.at++;
      name = elementLabel(id, first);
    } else {
      if (first < 1 || first > 0xffff) reader.fail('elements have numbers from 1 to 65535', token);
      name = elementLabel(first);
    }
  } else {
    const reverse = /^reverse(.+)$/i.exec(token.text)?.[1];
    const element = elementByName(reverse ?? token.text);
    // In quotes: a name that an exporter gave an element of its enterprise (RFC 5610).
    if (element === undefined && token.kind === 'string') {
      if (!isToldName(token.text)) reader.fail('no exporter can give an element such a name', token);
      return { is: 'extra', name: token.text };
    }
    if (element === undefined) {
      const near = nearest(
        token.text,
        elements.map((one) => one.name),
      );
      reader.fail(
        `unknown information element '${token.text}'`,
        token,
        near === undefined ? 'elements without a name are written as NUMBER or PEN/NUMBER' : `did you mean "${near}"?`,
      );
    }
    name = reverse === undefined ? element.name : elementLabel(element.id, REVERSE_PEN);
  }
  const term = elementTerms.get(name);
  if (term === undefined) return { is: 'extra', name };
  return addressTerms.has(term) ? { is: 'ip', term } : { is: 'number', term };
}

/** What an element without a column is compared with. */
export function extraOperand(reader: TokenReader, name: string): Filter {
  const list = reader.list(() => readValue(reader, name));
  if (list !== undefined) {
    return { kind: 'element', name, comparator: list.negated ? '!=' : '=', values: list.members };
  }
  const comparator = readComparator(reader) ?? '=';
  const { token } = reader;
  const value = readValue(reader, name);
  if (typeof value === 'string' && comparator !== '=' && comparator !== '!=') {
    reader.fail(`text cannot be compared with '${comparator}'`, token);
  }
  return { kind: 'element', name, comparator, values: [value] };
}

/** Bare numbers are numbers, everything else is text. */
function readValue(reader: TokenReader, name: string): string | number {
  const { kind, text } = reader.value(`a value for '${name}'`);
  const number = kind === 'word' ? parseNumber(text) : undefined;
  return number !== undefined && Number.isSafeInteger(number) ? number : text;
}
