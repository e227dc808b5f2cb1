import type { Decoding } from './decoding.ts';
import { elementLabel } from './elements.ts';
import {
  ENTERPRISE_BIT,
  FIELD_SPECIFIER_BYTES,
  FIRST_TEMPLATE_ID,
  OPTIONS_TEMPLATE_HEADER_BYTES,
  TEMPLATE_HEADER_BYTES,
  VARIABLE_LENGTH,
  VERSION_V9,
} from './protocol.ts';
import { type CompiledTemplate, type FieldSpecifier, MAX_TEMPLATE_FIELDS } from './template.ts';
import { compileTemplate } from './template-compile.ts';
import type { ToldElements } from './told-elements.ts';

/**
 * Reads the template records of a set (RFC 3954 sections 5.2 and 6.1, RFC 7011 section 3.4) from `start` to `end` and
 * gives new and changed ones to the stream. A definition that cannot be is counted, and ends the set when it also
 * hides where the next one begins.
 */
export function decodeTemplates(
  decoding: Decoding,
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  isOptions: boolean,
): void {
  const { counters, context } = decoding;
  const headerBytes = headerLength(isOptions);
  let at = start;
  while (at + TEMPLATE_HEADER_BYTES <= end) {
    const id = view.getUint16(at);
    if (id < FIRST_TEMPLATE_ID) {
      // Padding is zero; the id of the set with count 0 withdraws all templates of its kind (RFC 7011 section 8.1).
      if (id === 0) return;
      if (view.getUint16(at + 2) === 0) withdraw(decoding, undefined, isOptions);
      else counters.templatesRefused++;
      return;
    }
    if (view.getUint16(at + 2) === 0 && context.version !== VERSION_V9) {
      withdraw(decoding, id, isOptions);
      at += TEMPLATE_HEADER_BYTES;
      continue;
    }
    if (at + headerBytes > end) break;
    const shape = isOptions ? optionsShape(view, at, context.version) : { fields: view.getUint16(at + 2), scopes: 0 };
    const next = shape === undefined ? -1 : skipFields(view, at + headerBytes, end, shape.fields, context.version);
    if (shape === undefined || next < 0) break;
    counters.templates++;
    take(decoding, bytes, at, next, id, shape.fields, shape.scopes, isOptions);
    at = next;
  }
  if (at + TEMPLATE_HEADER_BYTES <= end) counters.templatesRefused++;
}

function withdraw({ context, counters }: Decoding, id: number | undefined, isOptions: boolean): void {
  if (context.stream.withdraw(id, isOptions)) counters.templatesWithdrawn++;
  else counters.withdrawalsIgnored++;
}

/** Number of fields (scopes included) and of scopes; undefined when the header contradicts itself. */
function optionsShape(view: DataView, at: number, version: number): { fields: number; scopes: number } | undefined {
  const first = view.getUint16(at + 2);
  const second = view.getUint16(at + 4);
  if (version === VERSION_V9) {
    // v9 tells lengths in bytes: of the scopes, then of the options.
    if (first % FIELD_SPECIFIER_BYTES !== 0 || second % FIELD_SPECIFIER_BYTES !== 0) return undefined;
    return { fields: (first + second) / FIELD_SPECIFIER_BYTES, scopes: first / FIELD_SPECIFIER_BYTES };
  }
  return second > first ? undefined : { fields: first, scopes: second };
}

/** Where the field specifiers that begin at `at` end; -1 when they would run beyond `end`. */
function skipFields(view: DataView, at: number, end: number, count: number, version: number): number {
  if (version === VERSION_V9) {
    const next = at + count * FIELD_SPECIFIER_BYTES;
    return next <= end ? next : -1;
  }
  let next = at;
  for (let i = 0; i < count; i++) {
    if (next + FIELD_SPECIFIER_BYTES > end) return -1;
    next += view.getUint16(next) >= ENTERPRISE_BIT ? 2 * FIELD_SPECIFIER_BYTES : FIELD_SPECIFIER_BYTES;
  }
  return next <= end ? next : -1;
}

function take(
  decoding: Decoding,
  bytes: Uint8Array,
  start: number,
  end: number,
  id: number,
  count: number,
  scopeCount: number,
  isOptions: boolean,
): void {
  const { stream, version } = decoding.context;
  const known = stream.template(id);
  if (known !== undefined && known.isOptions === isOptions && isSameDefinition(known, bytes, start, end)) {
    stream.refreshed(known);
    return;
  }
  // Most templates of a flood come when there is no room any more; to compile them would be the larger part of the work.
  if (!stream.admits(id, count)) return;
  const template = compile(version, bytes.slice(start, end), id, count, scopeCount, isOptions, stream.told);
  if (template === undefined) decoding.counters.templatesRefused++;
  else stream.define(template);
}

function compile(
  version: number,
  definition: Uint8Array,
  id: number,
  count: number,
  scopeCount: number,
  isOptions: boolean,
  told: ToldElements,
): CompiledTemplate | undefined {
  if (count > MAX_TEMPLATE_FIELDS) return undefined;
  const fields = readFields(viewOf(definition), headerLength(isOptions), count, version);
  // A record of no octets would be found without end in any set (and one longer than a set in none).
  const least = fields.reduce((sum, field) => sum + (field.length === VARIABLE_LENGTH ? 1 : field.length), 0);
  if (least === 0 || least > 0xffff) return undefined;
  return compileTemplate(version, id, fields, { isOptions, scopeCount, definition }, told);
}

/**
 * Compiles a definition that was kept, `CompiledTemplate.definition`; undefined when it is none. An empty definition (a
 * withdrawal) is none either.
 */
export function compileDefinition(
  version: number,
  definition: Uint8Array,
  isOptions: boolean,
  told: ToldElements,
): CompiledTemplate | undefined {
  const headerBytes = headerLength(isOptions);
  if (definition.length < headerBytes) return undefined;
  const view = viewOf(definition);
  const id = view.getUint16(0);
  const shape = isOptions ? optionsShape(view, 0, version) : { fields: view.getUint16(2), scopes: 0 };
  if (id < FIRST_TEMPLATE_ID || shape === undefined) return undefined;
  if (skipFields(view, headerBytes, definition.length, shape.fields, version) !== definition.length) return undefined;
  return compile(version, definition, id, shape.fields, shape.scopes, isOptions, told);
}

function headerLength(isOptions: boolean): number {
  return isOptions ? OPTIONS_TEMPLATE_HEADER_BYTES : TEMPLATE_HEADER_BYTES;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function isSameDefinition(known: CompiledTemplate, bytes: Uint8Array, start: number, end: number): boolean {
  const { definition } = known;
  if (definition.length !== end - start) return false;
  for (let i = 0; i < definition.length; i++) {
    if (definition[i] !== bytes[start + i]) return false;
  }
  return true;
}

function readFields(view: DataView, start: number, count: number, version: number): FieldSpecifier[] {
  const fields: FieldSpecifier[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    let element = view.getUint16(at);
    const length = view.getUint16(at + 2);
    let pen = 0;
    at += FIELD_SPECIFIER_BYTES;
    if (version !== VERSION_V9 && element >= ENTERPRISE_BIT) {
      element -= ENTERPRISE_BIT;
      pen = view.getUint32(at);
      at += FIELD_SPECIFIER_BYTES;
    }
    fields.push({ element, pen, length });
  }
  return fields;
}

/** The fields of a compiled template for people, scopes first: IANA's names with their lengths, `v` for variable. */
export function describeFields(template: CompiledTemplate, told: ToldElements): string[] {
  const { definition, version, scopeCount } = template;
  return readFields(viewOf(definition), headerLength(template.isOptions), template.declared.length, version).map(
    ({ element, pen, length }, slot) => {
      const isScope = version === VERSION_V9 && slot < scopeCount;
      const name = isScope ? `scope ${element}` : (told.of(pen, element)?.name ?? elementLabel(element, pen));
      return `${name}(${length === VARIABLE_LENGTH ? 'v' : length})`;
    },
  );
}
