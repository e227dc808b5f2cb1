import { columnByName } from '../flow/fields.ts';
import { type ElementType, elementById, elementLabel } from './elements.ts';
import { REVERSE_PEN, VERSION_V9 } from './protocol.ts';
import type { FieldSpecifier, TemplateExtra } from './template.ts';
import { elementKey } from './template-fields.ts';
import type { ToldElements } from './told-elements.ts';
import { vendorType } from './vendor-elements.ts';

/** Index of the column that the elements without a column of their own go to. */
export const EXTRA_COLUMN = columnByName.get('extra')!.index;

/** Says nothing about a flow: padding, and the version that the addresses tell as well. */
const EMPTY_ELEMENTS: ReadonlySet<number> = new Set([210, 60]);

const encoder = new TextEncoder();

/** What is left of a template's fields when those that `isUsed` went to columns; undefined when nothing is. */
export function templateExtra(
  version: number,
  fields: readonly FieldSpecifier[],
  isUsed: (slot: number) => boolean,
  told: ToldElements,
): TemplateExtra | undefined {
  const byName = new Map<string, { type: ElementType | undefined; slots: number[] }>();
  const unknown = new Set<string>();
  const owners = new Map<string, number>();
  fields.forEach((field, slot) => {
    const { element, pen, length } = field;
    if (length === 0 || isUsed(slot) || (pen === 0 && EMPTY_ELEMENTS.has(element))) return;
    const label = elementLabel(field.element, field.pen);
    const toldName = told.of(pen, element)?.name ?? label;
    const key = elementKey(pen, element);
    // Enterprises may use one name for different things.
    const name = (owners.get(toldName) ?? key) === key ? toldName : label;
    owners.set(name, key);
    const type = told.of(pen, element)?.type ?? typeOf(field, version);
    if (type === undefined) unknown.add(name);
    const known = byName.get(name);
    if (known === undefined) byName.set(name, { type, slots: [slot] });
    else known.slots.push(slot);
  });
  if (byName.size === 0) return undefined;
  const elements = [...byName].map(([name, rest]) => ({ key: encoder.encode(`${JSON.stringify(name)}:`), ...rest }));
  return {
    elements,
    slots: Int32Array.from(elements.flatMap(({ slots }) => slots)),
    unknown: [...unknown],
  };
}

function typeOf({ element, pen }: FieldSpecifier, version: number): ElementType | undefined {
  if (pen === 0 || pen === REVERSE_PEN) {
    return elementById(element)?.type ?? (version === VERSION_V9 ? vendorType(0, element) : undefined);
  }
  return vendorType(pen, element);
}
