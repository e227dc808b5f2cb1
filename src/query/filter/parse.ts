import { nearest } from '../../flow/suggest.ts';
import { UserError } from '../../flow/user-error.ts';
import { protocolByName } from '../names.ts';
import { extraOperand, readElement } from './element-operand.ts';
import {
  addressOperand,
  countryOperand,
  flagsOperand,
  identOperand,
  numberOperand,
  readComparator,
} from './operands.ts';
import { type PhraseNode, phraseTree } from './phrase-tree.ts';
import type { Phrase } from './terms.ts';
import { TokenReader } from './token-reader.ts';
import { type ReadInclude, type Token, tokenize } from './tokens.ts';
import { type Comparator, type Filter, join } from './tree.ts';

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
  return new Parser(tokensOf(text, options)).parse();
}

export function tokensOf(text: string, { name, readInclude }: ParseOptions): Token[] {
  return tokenize({ text, name }, readInclude ?? refuseInclude);
}

function refuseInclude(path: string): string {
  throw new UserError(`filter: ${path}: files cannot be included here`);
}

/** Reads filters; what reads more than a filter builds on it. */
export class Parser extends TokenReader {
  private depth = 0;
  private betweenSides = false;

  parse(): Filter {
    if (this.tokens.length === 1) return { kind: 'any' };
    const filter = this.alternatives();
    if (this.token.kind !== 'end') {
      this.fail(`unexpected '${this.token.text}'`, this.token, 'between two terms put "and" or "or"');
    }
    return filter;
  }

  /** Whether the term at hand is part of something else than the conjunction on top. */
  protected get isInside(): boolean {
    return this.depth > 1 || this.betweenSides;
  }

  /** Whether two terms may follow one another without `and`. */
  protected joinsWithoutWord(): boolean {
    return false;
  }

  protected comparator(): Comparator | undefined {
    return readComparator(this);
  }

  protected alternatives(): Filter {
    const parts = [this.conjunction()];
    while (this.accept('or', '||')) parts.push(this.conjunction());
    return join('or', parts);
  }

  private conjunction(): Filter {
    const parts = [this.factor()];
    while (this.accept('and', '&&') || this.joinsWithoutWord()) parts.push(this.factor());
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
      this.betweenSides = connective === 'or';
      const left = this.phrase([first!]);
      this.at = rest;
      const right = this.phrase([second!]);
      this.betweenSides = false;
      return join(connective, [left, right]);
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

  protected operand(phrase: Phrase, start: Token): Filter {
    switch (phrase.is) {
      case 'number':
        return numberOperand(this, phrase.term);
      case 'ip':
      case 'net':
        return addressOperand(this, phrase.term, phrase.is);
      case 'geo':
        return countryOperand(this, phrase.term);
      case 'flags':
        return flagsOperand(this);
      case 'element':
        return this.elementOperand(start);
      case 'extra':
        return extraOperand(this, phrase.name);
      case 'portBlock':
        return { kind: 'portBlock', term: phrase.term };
      case 'fixed':
        return { kind: 'number', term: phrase.term, comparator: '=', value: phrase.value };
      case 'family':
        return { kind: 'family', version: phrase.version };
      case 'any':
      case 'ttlEqual':
        return { kind: phrase.is };
      case 'ident':
        return identOperand(this);
      case 'refused':
        return this.fail(`'${start.text}' cannot be asked for: ${phrase.why}`, start);
    }
  }

  private elementOperand(start: Token): Filter {
    const element = readElement(this);
    return element.is === 'extra' ? extraOperand(this, element.name) : this.operand(element, start);
  }
}
