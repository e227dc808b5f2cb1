import { type ParseOptions, Parser, tokensOf } from './parse.ts';
import { type Sequence, type Stage, sidesOf, type VariableKind, type VariableUse, variableKind } from './sequence.ts';
import { numberTerms, type Phrase } from './terms.ts';
import type { Token } from './tokens.ts';
import { type Filter, join } from './tree.ts';

/** More steps than anybody has in mind; each is one more join. */
const MAX_STAGES = 8;
const COMPARATORS = ['=', '==', 'eq', '!=', 'ne', '>', 'gt', '<', 'lt', '>=', 'ge', '<=', 'le'];
const VARIABLE = /^(?:\$([A-Za-z_][A-Za-z0-9_]*)|([A-Z][A-Z0-9_]*))$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, '': 1e3, s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };
/** Each way to choose one of the fields behind each term is one more scan. */
const MAX_CHOICES = 16;
/** About 300 years: sums with times stay exact. */
const MAX_WITHIN_MS = 1e13;

/**
 * Parses a filter, or a sequence: `[every] first { FILTER } then { FILTER } [within TIME] ... [all within TIME]`. In a stage
 * `and` may be left out, and an upper-case word or `$name` in the place of a value is a variable.
 *
 * @throws UserError as `parseFilter` does.
 */
export function parseQuestion(text: string, options: ParseOptions = {}): Filter | Sequence {
  const parser = new SequenceParser(tokensOf(text, options));
  return parser.isSequence ? parser.sequence() : parser.parse();
}

export function isSequence(question: Filter | Sequence): question is Sequence {
  return 'stages' in question;
}

class SequenceParser extends Parser {
  private readonly bound = new Map<string, { stage: number; kind: VariableKind }>();
  private uses: VariableUse[] = [];
  private stage = -1;
  private lastVariable: Token | undefined;

  get isSequence(): boolean {
    const first = this.plain() === 'every' ? 1 : 0;
    return this.plain(first) === 'first' && this.plain(first + 1) === '{';
  }

  sequence(): Sequence {
    const stages: Stage[] = [];
    let withinMs: number | undefined;
    const every = this.accept('every');
    while (this.accept(stages.length === 0 ? 'first' : 'then')) {
      if (stages.length === MAX_STAGES) this.fail(`more than ${MAX_STAGES} stages`);
      stages.push(this.readStage());
    }
    if (this.accept('all')) {
      this.expect('within', "after 'all'");
      withinMs = this.time();
    }
    if (this.token.kind !== 'end') {
      this.fail(
        `unexpected '${this.token.text}'`,
        this.token,
        'after a stage stands: within TIME, then {, all within TIME',
      );
    }
    if (stages.length < 2) this.fail('a sequence has two stages or more: first { ... } then { ... }');
    return { every, stages, withinMs };
  }

  private readStage(): Stage {
    const start = this.token;
    this.stage++;
    this.uses = [];
    this.lastVariable = undefined;
    this.expect('{', 'before a stage');
    const filter = this.plain() === '}' ? ({ kind: 'any' } as const) : this.alternatives();
    if (filter.kind === 'or' && this.lastVariable !== undefined) this.refuseInside(this.lastVariable);
    this.expect('}', 'to close the stage');
    const joined = this.uses.some((use) => use.comparator === '=' && this.bound.get(use.variable)!.stage < this.stage);
    if (this.stage > 0 && !joined) {
      this.fail(
        'nothing joins this stage to those before it',
        start,
        'use a variable of an earlier stage: first { dst ip A ... } then { src ip A ... }',
      );
    }
    const withinMs = this.stage > 0 && this.accept('within') ? this.time() : undefined;
    return { filter: withoutAny(filter), uses: this.uses, withinMs };
  }

  private time(): number {
    const { text } = this.token;
    const match = /^(\d{1,15})(ms|[smhdw]|)$/.exec(text.toLowerCase());
    const ms = match === null ? Number.NaN : Number(match[1]) * UNIT_MS[match[2]!]!;
    if (!(ms <= MAX_WITHIN_MS)) this.fail(`'${text}' is not a time such as 500ms, 30s, 10m, 2h, 1d`);
    this.at++;
    return ms;
  }

  protected override joinsWithoutWord(): boolean {
    const next = this.plain();
    return this.stage >= 0 && next !== undefined && !['or', '||', ')', '}', ']'].includes(next);
  }

  protected override operand(phrase: Phrase, start: Token): Filter {
    if (this.stage < 0 || !('term' in phrase) || phrase.is === 'fixed') return super.operand(phrase, start);
    const compared = COMPARATORS.includes(this.plain() ?? '');
    const token = this.tokens[this.at + (compared ? 1 : 0)]!;
    const name = variableName(token, phrase.term);
    if (name === undefined) return super.operand(phrase, start);
    const comparator = this.comparator() ?? '=';
    this.at++;
    this.use({ term: phrase.term, comparator, variable: name }, token);
    return { kind: 'any' };
  }

  private use(use: VariableUse, token: Token): void {
    const { term, comparator, variable } = use;
    if (this.isInside) this.refuseInside(token);
    const kind = variableKind(term);
    if (kind === undefined) this.fail(`'${term}' cannot be compared with a variable`, token);
    const known = this.bound.get(variable);
    if (known === undefined) {
      if (comparator !== '=' || sidesOf(term) > 1) {
        this.fail(
          `nothing is known of ${variable} yet`,
          token,
          'a variable gets its value where it stands first, after a term about one field: dst ip A, src port P',
        );
      }
      this.bound.set(variable, { stage: this.stage, kind });
    } else {
      if ((known.kind === 'address') !== (kind === 'address')) {
        this.fail(`${variable} is ${known.kind === 'address' ? 'an address' : 'a number'} already`, token);
      }
      if (kind === 'address' && comparator !== '=' && comparator !== '!=') {
        this.fail(`addresses cannot be compared with '${comparator}'`, token);
      }
      if (comparator !== '=' && sidesOf(term) > 1) {
        this.fail(`with '${comparator}' and a variable say which side is meant`, token);
      }
    }
    this.lastVariable = token;
    this.uses.push(use);
    const choices = this.uses.reduce((product, one) => product * sidesOf(one.term), 1);
    if (choices > MAX_CHOICES) this.fail('too many terms about two fields in one stage', token, 'say src or dst');
  }

  private refuseInside(token: Token): never {
    return this.fail(`the variable ${token.text} stands inside of "or", "not" or parentheses`, token);
  }
}

function variableName(token: Token, term: string): string | undefined {
  if (token.kind !== 'word') return undefined;
  const match = VARIABLE.exec(token.text);
  if (match === null) return undefined;
  if (match[2] !== undefined && numberTerms.get(term)?.names?.get(token.text.toLowerCase()) !== undefined)
    return undefined;
  return match[1] ?? match[2];
}

/** Variables leave `any` behind, which is nothing in a conjunction. */
function withoutAny(filter: Filter): Filter {
  if (filter.kind !== 'and') return filter;
  const parts = filter.parts.filter(({ kind }) => kind !== 'any');
  return parts.length === 0 ? { kind: 'any' } : join('and', parts);
}
