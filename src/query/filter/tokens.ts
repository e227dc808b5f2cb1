import { UserError } from '../../flow/user-error.ts';

/** A text that filters are read from: `name` is undefined for the command line. */
export interface Source {
  readonly text: string;
  readonly name: string | undefined;
}

export interface Token {
  readonly kind: 'word' | 'string' | 'symbol' | 'end';
  readonly text: string;
  readonly source: Source;
  /** Position of the first character in `source.text`. */
  readonly start: number;
}

/** Returns the text of a file named in `@include` or after `@`; throws a UserError when it cannot be read. */
export type ReadInclude = (path: string) => string;

const FILTER_SYNTAX_EXIT = 254;
const MAX_INCLUDE_DEPTH = 10;
/** Ten files that include one another ten times each would be without end all the same; a list has a million addresses. */
export const MAX_INCLUDED_FILES = 1000;
export const MAX_INCLUDED_CHARACTERS = 32 << 20;
const MAX_STRING = 256;

const SPACE_OR_COMMENT = /(?:\s+|#[^\n]*)+/y;
const INCLUDE = /@include[ \t]+(?:"([^"\n]+)"|'([^'\n]+)'|([^\s#()[\],]+))/y;
const SET = /@(?:"([^"\n]+)"|'([^'\n]+)'|([^\s#()[\],"']+))/y;
const WORD = /\$?[A-Za-z0-9_:.-]+/y;
const STRING = /"([^"\n]*)"|'([^'\n]*)'/y;
const SYMBOL = /==|!=|>=|<=|&&|\|\||[=<>!()[\]{},/]/y;

/**
 * Cuts a filter into tokens, the text of included files in place of their `@include`; the last token is `end`. Of a set
 * `@FILE` the tokens stand between the symbols `@[` and `@]`, which no text can have by itself.
 */
export function tokenize(source: Source, readInclude: ReadInclude): Token[] {
  const tokens: Token[] = [];
  tokenizeInto(tokens, source, { read: readInclude, files: 0, characters: 0 }, 0);
  tokens.push({ kind: 'end', text: '', source, start: source.text.length });
  return tokens;
}

/** What all files that a filter includes have in common: how they are read, and what they have come to so far. */
interface Included {
  readonly read: ReadInclude;
  files: number;
  characters: number;
}

function tokenizeInto(tokens: Token[], source: Source, included: Included, depth: number): void {
  const { text } = source;
  let at = 0;
  const include = ([whole, ...names]: RegExpExecArray) => {
    const refuse = (what: string) => syntaxError(what, source, at);
    if (depth === MAX_INCLUDE_DEPTH) throw refuse(`files included more than ${depth} deep`);
    if (included.files === MAX_INCLUDED_FILES) throw refuse(`more than ${MAX_INCLUDED_FILES} files included`);
    included.files++;
    const name = names.find((one) => one !== undefined)!;
    const theirs = { text: included.read(name), name };
    included.characters += theirs.text.length;
    if (included.characters > MAX_INCLUDED_CHARACTERS)
      throw refuse(`files of more than ${MAX_INCLUDED_CHARACTERS >> 20} MiB included`);
    tokenizeInto(tokens, theirs, included, depth + 1);
    at += whole.length;
  };
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  while (at < text.length) {
    const space = match(SPACE_OR_COMMENT);
    if (space !== null) {
      at += space[0].length;
      continue;
    }
    const start = at;
    const filter = match(INCLUDE);
    if (filter !== null) {
      include(filter);
      continue;
    }
    const set = match(SET);
    if (set !== null) {
      tokens.push({ kind: 'symbol', text: '@[', source, start });
      include(set);
      tokens.push({ kind: 'symbol', text: '@]', source, start });
      continue;
    }
    const word = match(WORD);
    const string = word === null ? match(STRING) : null;
    const found = word ?? string ?? match(SYMBOL);
    if (found === null) throw syntaxError(`unexpected character '${printable(text, at)}'`, source, start);
    if (found[0].length > MAX_STRING + 2)
      throw syntaxError(`a word longer than ${MAX_STRING} characters`, source, start);
    const kind = word !== null ? 'word' : string !== null ? 'string' : 'symbol';
    tokens.push({ kind, text: string === null ? found[0] : (string[1] ?? string[2]!), source, start });
    at += found[0].length;
  }
}

function printable(text: string, at: number): string {
  const character = String.fromCodePoint(text.codePointAt(at)!);
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) ? character : JSON.stringify(character).slice(1, -1);
}

/**
 * The error for a place in a filter: what is wrong, the line it is in, a caret under the place, and a hint if there is
 * one. Exit code 254 as nfdump has it.
 */
export function syntaxError(what: string, source: Source, start: number, hint?: string): UserError {
  const lineStart = source.text.lastIndexOf('\n', start - 1) + 1;
  const nextBreak = source.text.indexOf('\n', start);
  const line = source.text.slice(lineStart, nextBreak < 0 ? undefined : nextBreak);
  const lineNumber = source.text.slice(0, lineStart).split('\n').length;
  const column = start - lineStart;
  const from = Math.max(0, column - 100);
  const excerpt = line.slice(from, column + 100).replaceAll(/[^\x20-\x7e]/g, ' ');
  const where = source.name === undefined ? `line ${lineNumber}` : `${source.name} line ${lineNumber}`;
  const lines = [`filter: ${where}, column ${column + 1}: ${what}`, `  ${excerpt}`, `  ${' '.repeat(column - from)}^`];
  if (hint !== undefined) lines.push(`  ${hint}`);
  return new UserError(lines.join('\n'), { exitCode: FILTER_SYNTAX_EXIT });
}
