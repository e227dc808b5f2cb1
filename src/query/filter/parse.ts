import { nearest } from '../../flow/suggest.ts';
import { UserError } from '../../flow/user-error.ts';
import { flagBits, protocolByName } from '../names.ts';
import { type PhraseNode, phraseTree } from './phrase-tree.ts';
import { addressTerms, numberTerms, type Phrase } from './terms.ts';
import { type ReadInclude, syntaxError, type Token, tokenize } from './tokens.ts';
import { type AddressMember, type Comparator, type Filter, join } from './tree.ts';
import { makePrefix, parseIsoTime, parseMac, parseNetMask, parseNumber, parseShortAddress } from './values.ts';

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
const SIDES = new Set(['src', 'dst', 'source', 'destination']);
/** Parentheses and `not`s inside one another; deeper ones would only serve to exhaust the stack. */
const MAX_DEPTH = 500;

export interface ParseOptions {
  /** Name of the file that the filter was read from, for messages. */
  readonly name?: string;
  readonly readInclude?: ReadInclude;
}

/**
 * Parses a filter in nfdump's language (both dialects, see `terms.ts`); an empty one is `any`. Host names stay in the
 * tree until `resolveHostNames`.
 *
 * @throws UserError with the line, a caret under the place, and a hint where one is near.
 */
export function parseFilter(text: string, options: ParseOptions = {}): Filter {
  const readInclude = options.readInclude ?? refuseInclude;
  return new Parser(tokenize({ text, name: options.name }, readInclude)).parse();
}

function refuseInclude(path: string): string {
  throw new UserError(`@include ${path}: files cannot be included here`);
}

class Parser {
  private readonly tokens: readonly Token[];
  private at = 0;
  private depth = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  parse(): Filter {
    if (this.tokens.length === 1) return { kind: 'any' };
    const filter = this.alternatives();
    if (this.token.kind !== 'end') {
      this.fail(`unexpected '${this.token.text}'`, this.token, 'between two terms put "and" or "or"');
    }
    return filter;
  }

  private get token(): Token {
    return this.tokens[this.at]!;
  }

  /** Lower-case text of a token if it is a bare word or symbol, else undefined. */
  private plain(offset = 0): string | undefined {
    const token = this.tokens[this.at + offset];
    return token === undefined || token.kind === 'string' || token.kind === 'end'
      ? undefined
      : token.text.toLowerCase();
  }

  private accept(...texts: string[]): boolean {
    const text = this.plain();
    if (text === undefined || !texts.includes(text)) return false;
    this.at++;
    return true;
  }

  private expect(text: string, after: string): void {
    if (!this.accept(text)) this.fail(`expected '${text}' ${after}`);
  }

  private fail(what: string, token = this.token, hint?: string): never {
    throw syntaxError(
      token.kind === 'end' && token === this.token ? `${what}, but the filter ends` : what,
      token.source,
      token.start,
      hint,
    );
  }

  private alternatives(): Filter {
    const parts = [this.conjunction()];
    while (this.accept('or', '||')) parts.push(this.conjunction());
    return join('or', parts);
  }

  private conjunction(): Filter {
    const parts = [this.factor()];
    while (this.accept('and', '&&')) parts.push(this.factor());
    return join('and', parts);
  }

  private factor(): Filter {
    if (++this.depth > MAX_DEPTH) this.fail(`nested more than ${MAX_DEPTH} deep`);
    try {
      if (this.accept('not', '!')) return { kind: 'not', part: this.factor() };
      if (!this.accept('(')) return this.term();
      const inner = this.alternatives();
      this.expect(')', 'to close the parenthesis');
      return inner;
    } finally {
      this.depth--;
    }
  }

  private term(): Filter {
    const connective = this.plain(1);
    const [first, second] = [this.plain(), this.plain(2)];
    if (SIDES.has(first ?? '') && (connective === 'or' || connective === 'and') && SIDES.has(second ?? '')) {
      this.at += 3;
      const rest = this.at;
      const left = this.phrase([first!]);
      this.at = rest;
      return join(connective, [left, this.phrase([second!])]);
    }
    return this.phrase([]);
  }

  /** Reads the longest phrase that begins with the words `given` and goes on in the text. */
  private phrase(given: readonly string[]): Filter {
    const start = this.token;
    let node = phraseTree;
    for (const word of given) node = node.next.get(word)!;
    let found: { phrase: Phrase; end: number } | undefined;
    let at = this.at;
    for (;;) {
      if (node.phrase !== undefined) found = { phrase: node.phrase, end: at };
      const next = node.next.get(this.plain(at - this.at) ?? '');
      if (next === undefined) break;
      node = next;
      at++;
    }
    if (found === undefined) return this.unknownPhrase(node, at);
    this.at = found.end;
    return this.operand(found.phrase, start);
  }

  private unknownPhrase(node: PhraseNode, at: number): Filter {
    const token = this.tokens[at]!;
    const word = token.text.toLowerCase();
    const protocol = at === this.at ? protocolByName.get(word) : undefined;
    if (token.kind === 'word' && protocol !== undefined) {
      this.at++;
      return { kind: 'number', term: 'proto', comparator: '=', value: protocol };
    }
    const words = [...node.next.keys()];
    this.at = at;
    if (token.kind === 'end') this.fail(`expected ${node === phraseTree ? 'a term' : `one of ${words.join(' ')}`}`);
    const near = nearest(word, node === phraseTree ? [...words, 'not'] : words);
    const hint =
      near !== undefined
        ? `did you mean "${near}"?`
        : node === phraseTree
          ? undefined
          : `here may stand: ${words.join(' ')}`;
    return this.fail(`unknown word '${token.text}'`, token, hint);
  }

  private operand(phrase: Phrase, start: Token): Filter {
    switch (phrase.is) {
      case 'number':
        return this.numberOperand(phrase.term);
      case 'ip':
      case 'net':
        return this.addressOperand(phrase.term, phrase.is);
      case 'flags':
        return this.flagsOperand();
      case 'fixed':
        return { kind: 'number', term: phrase.term, comparator: '=', value: phrase.value };
      case 'family':
        return { kind: 'family', version: phrase.version };
      case 'any':
      case 'ttlEqual':
        return { kind: phrase.is };
      case 'refused':
        return this.fail(`'${start.text}' cannot be asked for: ${phrase.why}`, start);
    }
  }

  private numberOperand(term: string): Filter {
    if (this.plain() === 'in' && this.plain(1) === '[') {
      const values = this.list(() => this.number(term));
      return values.length === 1
        ? { kind: 'number', term, comparator: '=', value: values[0]! }
        : { kind: 'list', term, values };
    }
    const comparator = this.comparator();
    return { kind: 'number', term, comparator: comparator ?? '=', value: this.number(term) };
  }

  private comparator(): Comparator | undefined {
    const comparator = COMPARATORS.get(this.plain() ?? '');
    if (comparator !== undefined) this.at++;
    return comparator;
  }

  private number(term: string): number {
    const token = this.token;
    const { form, names, max } = numberTerms.get(term)!;
    if (token.kind !== 'word' && token.kind !== 'string') this.fail(`expected a value for '${term}'`);
    const value =
      form === 'time'
        ? parseIsoTime(token.text)
        : form === 'mac'
          ? parseMac(token.text)
          : (names?.get(token.text.toLowerCase()) ?? parseNumber(token.text));
    if (value === undefined) {
      const near = names === undefined ? undefined : nearest(token.text.toLowerCase(), names.keys());
      const wanted = { time: 'a time like 2026-11-20T10:30:00', mac: 'a MAC address', number: 'a number' }[form];
      this.fail(
        `'${token.text}' is not ${names === undefined ? wanted : 'a known name or number'} for '${term}'`,
        token,
        near && `did you mean "${near}"?`,
      );
    }
    if (value > max) this.fail(`'${token.text}' is too large for '${term}': at most ${max}`, token);
    if (form === 'mac' && value === 0) this.fail('the zero MAC address stands for none', token);
    this.at++;
    return value;
  }

  private flagsOperand(): Filter {
    const comparator = this.comparator();
    const { token } = this;
    if (token.kind === 'word' && parseNumber(token.text) !== undefined) {
      return { kind: 'number', term: 'flag byte', comparator: comparator ?? '=', value: this.number('flag byte') };
    }
    const bits = token.kind === 'word' ? flagBits(token.text) : undefined;
    if (bits === undefined) this.fail(`expected flags (letters of CEUAPRSF, X for FSRPAU) or a number`);
    if (comparator !== undefined && comparator !== '=')
      this.fail(`flag letters cannot be compared with '${comparator}'`);
    this.at++;
    return { kind: 'flags', exact: comparator === '=', bits };
  }

  private addressOperand(term: string, is: 'ip' | 'net'): Filter {
    if (!addressTerms.has(term)) throw new Error(`no address term ${term}`);
    if (this.plain() === 'in' && this.plain(1) === '[') {
      return { kind: 'address', term, members: this.list(() => this.address('list')) };
    }
    this.accept('=', '==', 'eq');
    return { kind: 'address', term, members: [this.address(is)] };
  }

  private address(is: 'ip' | 'net' | 'list'): AddressMember {
    const { token } = this;
    if (token.kind !== 'word' && token.kind !== 'string') this.fail('expected an address');
    this.at++;
    const words = parseShortAddress(token.text);
    if (words === undefined || (this.plain() !== '/' && is !== 'net' && !isFullAddress(token.text))) {
      return this.hostName(token, is);
    }
    const asV6 = token.text.includes(':');
    const mask = this.token;
    let length: number | undefined;
    if (this.accept('/')) {
      const digits = this.token;
      length = /^\d{1,3}$/.test(digits.text) ? Number(digits.text) : undefined;
      if (length === undefined || length > (asV6 ? 128 : 32)) {
        this.fail(`expected a prefix length up to ${asV6 ? 128 : 32}`);
      }
      this.at++;
    } else if (is === 'net') {
      length = mask.kind === 'word' && !asV6 ? parseNetMask(mask.text) : undefined;
      if (length === undefined) this.fail(`expected /LENGTH after the network ${token.text}`);
      this.at++;
    }
    return makePrefix(words, length, asV6);
  }

  private hostName(token: Token, is: 'ip' | 'net' | 'list'): AddressMember {
    const name = token.text;
    const couldBeName = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.?$/i.test(name) && !/^[\d.]+$/.test(name);
    if (is === 'net' || !couldBeName) this.fail(`'${name}' is not an address`, token);
    return { hostName: name };
  }

  private list<T>(member: () => T): T[] {
    this.at += 2;
    const members: T[] = [];
    while (!this.accept(']')) {
      if (this.token.kind === 'end') this.fail(`expected ']' to close the list`);
      members.push(member());
      this.accept(',');
    }
    if (members.length === 0) this.fail('an empty list matches nothing', this.tokens[this.at - 1]!);
    return members;
  }
}

function isFullAddress(text: string): boolean {
  return text.includes(':') || text.split('.').length === 4;
}
