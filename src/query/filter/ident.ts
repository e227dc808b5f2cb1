import { type Filter, hasTerm, join } from './tree.ts';

const ANY: Filter = { kind: 'any' };
/** No flow passes it. */
const NONE: Filter = { kind: 'not', part: ANY };

/** Whether a filter asks for idents whose files are not known yet. */
export function asksIdent(filter: Filter): boolean {
  return hasTerm(filter, (term) => term.kind === 'ident' && term.files === undefined);
}

export function isNone(filter: Filter): boolean {
  return filter.kind === 'not' && filter.part.kind === 'any';
}

/** What a filter asks of the flows of a file with this ident: the same filter without idents. */
export function forIdent(filter: Filter, ident: string): Filter {
  switch (filter.kind) {
    case 'ident':
      return filter.name === ident ? ANY : NONE;
    case 'and':
    case 'or': {
      const [decides, isIdle] = filter.kind === 'and' ? [isNone, isAny] : [isAny, isNone];
      const parts = filter.parts.map((part) => forIdent(part, ident));
      const decided = parts.find(decides);
      if (decided !== undefined) return decided;
      const left = parts.filter((part) => !isIdle(part));
      return left.length === 0 ? parts[0]! : join(filter.kind, left);
    }
    case 'not': {
      const part = forIdent(filter.part, ident);
      return isNone(part) ? ANY : { kind: 'not', part };
    }
    default:
      return filter;
  }
}

function isAny({ kind }: Filter): boolean {
  return kind === 'any';
}

/** The same filter with every ident known as that of some files: see `Filter`. */
export function inFiles(filter: Filter, filesOf: (ident: string) => readonly (readonly [number, number])[]): Filter {
  switch (filter.kind) {
    case 'ident':
      return { ...filter, files: filesOf(filter.name) };
    case 'and':
    case 'or':
      return { kind: filter.kind, parts: filter.parts.map((part) => inFiles(part, filesOf)) };
    case 'not':
      return { kind: 'not', part: inFiles(filter.part, filesOf) };
    default:
      return filter;
  }
}
