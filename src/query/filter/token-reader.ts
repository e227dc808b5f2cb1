import { syntaxError, type Token } from './tokens.ts';

/** Walks over the tokens of a filter. */
export class TokenReader {
  readonly tokens: readonly Token[];
  at = 0;

  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  get token(): Token {
    return this.tokens[this.at]!;
  }

  /** Lower-case text of a token if it is a bare word or symbol, else undefined. */
  plain(offset = 0): string | undefined {
    const token = this.tokens[this.at + offset];
    return token === undefined || token.kind === 'string' || token.kind === 'end'
      ? undefined
      : token.text.toLowerCase();
  }

  accept(...texts: string[]): boolean {
    const text = this.plain();
    if (text === undefined || !texts.includes(text)) return false;
    this.at++;
    return true;
  }

  expect(text: string, after: string): void {
    if (!this.accept(text)) this.fail(`expected '${text}' ${after}`);
  }

  /** A word or string; `what` it should have been, if it is none. */
  value(what: string): Token {
    const { token } = this;
    if (token.kind !== 'word' && token.kind !== 'string') this.fail(`expected ${what}`);
    this.at++;
    return token;
  }

  /**
   * The members behind `in`: `[ a b, c ]`, `@FILE`, or files among the members. Undefined when something else stands
   * here; what was read of it is not lost.
   */
  list<T>(member: () => T): { members: T[]; negated: boolean } | undefined {
    const negated = this.plain() === 'not' && this.plain(1) === 'in';
    const after = negated ? 2 : 1;
    if (!negated && this.plain() !== 'in') return undefined;
    const open = this.plain(after);
    if (open !== '[' && open !== '@[') return undefined;
    this.at += after + 1;
    const members: T[] = [];
    this.membersUntil(open === '[' ? ']' : '@]', member, members);
    if (members.length === 0) this.fail('an empty list matches nothing', this.tokens[this.at - 1]!);
    return { members, negated };
  }

  private membersUntil<T>(close: string, member: () => T, into: T[]): void {
    while (!this.accept(close)) {
      if (this.token.kind === 'end') this.fail(`expected ']' to close the list`);
      // Files are read to a bounded depth, so this does not go deep.
      if (this.accept('@[')) this.membersUntil('@]', member, into);
      else into.push(member());
      this.accept(',');
    }
  }

  fail(what: string, token = this.token, hint?: string): never {
    throw syntaxError(
      token.kind === 'end' && token === this.token ? `${what}, but the filter ends` : what,
      token.source,
      token.start,
      hint,
    );
  }
}
