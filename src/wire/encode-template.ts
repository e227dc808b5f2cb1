/**
 * Template sets, options template sets and options data sets of NetFlow v9 (RFC 3954 sections 5.2, 6) and IPFIX
 * (RFC 7011 section 3.4). They are rare, so they are written plainly and handed around as bytes.
 */
import {
  ENTERPRISE_BIT,
  FIELD_SPECIFIER_BYTES,
  FIRST_TEMPLATE_ID,
  IPFIX_OPTIONS_TEMPLATE_SET,
  IPFIX_TEMPLATE_SET,
  LAST_TEMPLATE_ID,
  SET_HEADER_BYTES,
  V9_OPTIONS_TEMPLATE_SET,
  V9_TEMPLATE_SET,
  VERSION_V9,
} from './protocol.ts';

export interface FieldSpec {
  /** Information element; in a scope of v9 the scope type. */
  readonly element: number;
  /** Enterprise that the element is of (IPFIX); IANA's without. */
  readonly pen?: number;
  /** Bytes; strings fill theirs. */
  readonly length: number;
}

export type OptionValue = number | bigint | string;

/** Options records of one template: what they speak of (scopes) and what they say. */
export interface OptionsTable {
  readonly scopes: readonly FieldSpec[];
  readonly fields: readonly FieldSpec[];
  /** Values of scopes, then fields. */
  readonly rows: readonly (readonly OptionValue[])[];
}

/**
 * Number of a template, made from its fields: other fields give another number, the same fields always the same.
 * `taken` numbers are stepped over (two templates may fall on one of the 65 280 numbers).
 */
export function templateId(
  scopes: readonly FieldSpec[],
  fields: readonly FieldSpec[],
  taken: ReadonlySet<number>,
): number {
  const numbers = [
    scopes.length,
    ...[...scopes, ...fields].flatMap((field) => [
      field.element,
      field.length,
      ...(field.pen === undefined ? [] : [field.pen]),
    ]),
  ];
  // FNV-1a over 16-bit units.
  let hash = 0x811c9dc5;
  for (const number of numbers) {
    hash = Math.imul(hash ^ (number & 255), 0x01000193);
    hash = Math.imul(hash ^ (number >>> 8), 0x01000193);
  }
  const span = LAST_TEMPLATE_ID - FIRST_TEMPLATE_ID + 1;
  let id = (hash >>> 0) % span;
  while (taken.has(FIRST_TEMPLATE_ID + id)) id = (id + 1) % span;
  return FIRST_TEMPLATE_ID + id;
}

/** A set of one template. */
export function templateSet(version: number, id: number, fields: readonly FieldSpec[]): Uint8Array {
  const out = new SetBuilder(version === VERSION_V9 ? V9_TEMPLATE_SET : IPFIX_TEMPLATE_SET);
  out.u16(id);
  out.u16(fields.length);
  out.specs(fields);
  return out.finish();
}

/** A set that withdraws a template (RFC 7011 section 8.1): IPFIX only, and never over UDP. */
export function withdrawalSet(id: number): Uint8Array {
  const out = new SetBuilder(IPFIX_TEMPLATE_SET);
  out.u16(id);
  out.u16(0);
  return out.finish();
}

/**
 * A set of one options template (one only: nfcapd reads no second one in a set). The v9 header counts bytes of scopes
 * and of options, the IPFIX one all fields and scope fields.
 */
export function optionsTemplateSet(version: number, id: number, table: OptionsTable): Uint8Array {
  const { scopes, fields } = table;
  const isV9 = version === VERSION_V9;
  const out = new SetBuilder(isV9 ? V9_OPTIONS_TEMPLATE_SET : IPFIX_OPTIONS_TEMPLATE_SET);
  out.u16(id);
  out.u16(isV9 ? scopes.length * FIELD_SPECIFIER_BYTES : scopes.length + fields.length);
  out.u16(isV9 ? fields.length * FIELD_SPECIFIER_BYTES : scopes.length);
  out.specs(scopes);
  out.specs(fields);
  return out.finish();
}

/** The data set of an options table. */
export function optionsDataSet(id: number, table: OptionsTable): Uint8Array {
  const specs = [...table.scopes, ...table.fields];
  const out = new SetBuilder(id);
  for (const row of table.rows) {
    for (const [i, spec] of specs.entries()) out.value(row[i]!, spec.length);
  }
  return out.finish();
}

class SetBuilder {
  private readonly bytes: number[] = [];

  constructor(setId: number) {
    this.u16(setId);
    this.u16(0);
  }

  u16(value: number): void {
    this.bytes.push((value >>> 8) & 255, value & 255);
  }

  specs(specs: readonly FieldSpec[]): void {
    for (const { element, length, pen } of specs) {
      if (element >= ENTERPRISE_BIT) throw new Error(`element ${element} has no such number`);
      this.u16(pen === undefined ? element : element | ENTERPRISE_BIT);
      this.u16(length);
      if (pen === undefined) continue;
      this.u16(pen >>> 16);
      this.u16(pen & 0xffff);
    }
  }

  value(value: OptionValue, length: number): void {
    if (typeof value === 'string') this.text(value, length);
    else this.unsigned(BigInt(value), length);
  }

  /** Pads to 4 bytes, which is shorter than any record, and fills in the length. */
  finish(): Uint8Array {
    while (this.bytes.length % 4 !== 0) this.bytes.push(0);
    const bytes = Uint8Array.from(this.bytes);
    if (bytes.length < SET_HEADER_BYTES + 4 || bytes.length > 0xffff) throw new Error('a set of impossible length');
    new DataView(bytes.buffer).setUint16(2, bytes.length);
    return bytes;
  }

  private unsigned(value: bigint, length: number): void {
    const wide = new Uint8Array(Math.max(length, 8));
    new DataView(wide.buffer).setBigUint64(wide.length - 8, value);
    this.bytes.push(...wide.subarray(wide.length - length));
  }

  private text(value: string, length: number): void {
    const utf8 = new TextEncoder().encode(value);
    if (utf8.length !== length) throw new Error(`"${value}" is not ${length} bytes`);
    this.bytes.push(...utf8);
  }
}
