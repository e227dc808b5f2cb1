/** Rows that flow templates are made of: what is sent, as which element, in how many bytes. */
import type { FieldName } from '../flow/fields.ts';
import type { DerivedValue, Family } from '../wire/encode-record.ts';

/** The kinds of flows that need templates of their own. */
export interface FlowClass {
  readonly family: Family;
  /** Flows of unknown direction go without element 61 rather than with a guess. */
  readonly directionKnown: boolean;
  readonly icmp: boolean;
  /** Biflows that had packets both ways (RFC 5103). */
  readonly reverse: boolean;
}

export interface TemplateRow {
  readonly value: FieldName | DerivedValue;
  readonly v9?: Wire;
  readonly ipfix?: Wire;
  readonly only?: Partial<FlowClass>;
  readonly constant?: number;
  /** Enterprise of the element, in IPFIX. */
  readonly pen?: number;
}

/** Element and length; the element comes from the field registry where it is left out. */
export type Wire = readonly [length: number, element?: number];

/** Length that stands for the family's: 4 or 16 bytes. */
export const ADDRESS = 0;

/** v9 has uptimes (goflow2 reads no others there), IPFIX absolute milliseconds (RFC 7011 section 5.1). */
export const FIRST: TemplateRow = { value: 'firstMs', v9: [4, 22], ipfix: [8, 152] };
export const LAST: TemplateRow = { value: 'lastMs', v9: [4, 21], ipfix: [8, 153] };
export const IP_VERSION: TemplateRow = { value: 'ipVersion', v9: [1, 60], ipfix: [1, 60] };
export const DIRECTION = both('direction', 1);
export const ICMP4: TemplateRow = { value: 'icmpTypeCode', v9: [2, 32], ipfix: [2, 32], only: { family: 4 } };
export const ICMP6: TemplateRow = { value: 'icmpTypeCode', v9: [2, 139], ipfix: [2, 139], only: { family: 6 } };

/** A field under its own element, alike in both protocols. */
export function both(value: FieldName, length: number): TemplateRow {
  return { value, v9: [length], ipfix: [length] };
}
