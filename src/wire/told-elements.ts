import { type ElementType, elementByName } from './elements.ts';
import { REVERSE_PEN } from './protocol.ts';
import { elementKey } from './template-fields.ts';

/** What an exporter said of one of its enterprise's elements (RFC 5610). */
export interface ToldElement {
  /** Undefined where it is no name that a key of `extra` may have: then the element keeps `PEN/id`. */
  readonly name: string | undefined;
  readonly type: ElementType | undefined;
}

/** As `save` gives and `restore` takes it; type as on the wire, -1 unknown. */
export type SavedElement = readonly [pen: number, id: number, type: number, name: string];

/** By number of informationElementDataType (339). */
const TYPES: readonly ElementType[] = [
  'octets',
  'u8',
  'u16',
  'u32',
  'u64',
  // Signed numbers are read at the length that they have.
  'i32',
  'i32',
  'i32',
  'i32',
  'float64',
  'float64',
  'bool',
  'mac',
  'string',
  'seconds',
  'milliseconds',
  'microseconds',
  'nanoseconds',
  'ipv4',
  'ipv6',
  'list',
  'list',
  'list',
];

/** A name that stays one in JSON, in filters and in SQL. */
const NAME = /^[A-Za-z][\w.-]{0,63}$/;

/** Whether a name that an exporter gave an element may be a key of `extra`. */
export function isToldName(name: string): boolean {
  return NAME.test(name) && elementByName(name) === undefined;
}

/** What one exporter said of elements that nobody else knows. */
export class ToldElements {
  /** Grows with each thing learned; 0: nothing is known. */
  revision = 0;
  private readonly byKey = new Map<number, ToldElement>();
  private readonly saved = new Map<number, SavedElement>();

  get size(): number {
    return this.byKey.size;
  }

  of(pen: number, id: number): ToldElement | undefined {
    return this.byKey.get(elementKey(pen, id));
  }

  /** Takes one options record; false when it is nothing new. `mayAdd` is asked before one more is kept. */
  learn(element: SavedElement, mayAdd: () => boolean): boolean {
    const [pen, id, type, name] = element;
    // IANA's are known, and their reverse.
    if (pen === 0 || pen === REVERSE_PEN || id < 1 || id > 0x7fff) return false;
    const key = elementKey(pen, id);
    const before = this.saved.get(key);
    if (before !== undefined && before[2] === type && before[3] === name) return false;
    if (before === undefined && !mayAdd()) return false;
    this.byKey.set(key, { name: isToldName(name) ? name : undefined, type: TYPES[type] });
    this.saved.set(key, element);
    this.revision++;
    return true;
  }

  save(): readonly SavedElement[] {
    return [...this.saved.values()];
  }
}
