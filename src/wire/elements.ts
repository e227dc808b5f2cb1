import { ELEMENT_TABLE } from './element-table.ts';
import { REVERSE_PEN } from './protocol.ts';

/**
 * IPFIX information elements (IANA registry "IP Flow Information Export"): number, name and abstract data type
 * (RFC 7012 section 3.1). For names in messages and reports; which element goes to which column stands in
 * `src/flow/fields.ts`, and how it is converted in `template-fields.ts`.
 */
export type ElementType =
  | 'u8'
  | 'u16'
  | 'u32'
  | 'u64'
  | 'i32'
  | 'float64'
  | 'bool'
  | 'ipv4'
  | 'ipv6'
  | 'mac'
  | 'string'
  | 'octets'
  /** RFC 6759: an octet for the engine, then the number it gave. */
  | 'application'
  | 'seconds'
  | 'milliseconds'
  | 'microseconds'
  | 'nanoseconds'
  | 'list';

export interface Element {
  readonly id: number;
  readonly name: string;
  readonly type: ElementType;
}

/** Every element known by name, in ascending order. */
export const elements: readonly Element[] = ELEMENT_TABLE.trim()
  .split('\n')
  .map((line) => {
    const [id, name, type] = line.split(' ');
    return { id: Number(id), name: name!, type: type as ElementType };
  });

const byId = new Map(elements.map((element) => [element.id, element]));

/** The IANA element of this number; undefined when weir has no name for it. */
export function elementById(id: number): Element | undefined {
  return byId.get(id);
}

let byName: ReadonlyMap<string, Element> | undefined;

/** The IANA element of this name in any case; undefined when weir has no such name. */
export function elementByName(name: string): Element | undefined {
  byName ??= new Map(elements.map((element) => [element.name.toLowerCase(), element]));
  return byName.get(name.toLowerCase());
}

/**
 * Name for people: IANA's, that of RFC 5103 section 6.1 for the reverse of an element of IANA's, else the number, with
 * the enterprise before it when there is one.
 */
export function elementLabel(id: number, pen = 0): string {
  const name = pen === 0 || pen === REVERSE_PEN ? byId.get(id)?.name : undefined;
  if (name === undefined) return pen === 0 ? String(id) : `${pen}/${id}`;
  return pen === 0 ? name : `reverse${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}
