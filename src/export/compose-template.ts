/** Reads `--fields`: a template composed by the user of information elements. */
import { type FieldName, type FieldRow, fieldByName, fields } from '../flow/fields.ts';
import { nearest } from '../flow/suggest.ts';
import { UserError } from '../flow/user-error.ts';
import { type ElementType, elementById, elementLabel, elements } from '../wire/elements.ts';
import { COLUMN_BYTES, type DerivedValue } from '../wire/encode-record.ts';
import { ENTERPRISE_BIT, SET_HEADER_BYTES, V9_HEADER_BYTES, VERSION_IPFIX, VERSION_V9 } from '../wire/protocol.ts';
import { MIN_DATAGRAM_BYTES } from './exporter-options.ts';
import {
  ADDRESS,
  DIRECTION,
  FIRST,
  ICMP4,
  ICMP6,
  IP_VERSION,
  LAST,
  type TemplateRow,
  type Wire,
} from './template-rows.ts';
import { templateFields } from './templates.ts';

/** An element that can be sent: its rows, one for each family where those differ, and the lengths it may have. */
interface Choice {
  readonly rows: readonly TemplateRow[];
  /** The first is the default; empty where the length is not for the user to choose. */
  readonly lengths: readonly number[];
}

/** Fields that are about an exporter, which a message header has, and what every biflow has without being named. */
const notToName: ReadonlySet<FieldName> = new Set<FieldName>(['exporter', 'domain', 'biflowDirection']);

const elementBytes: Partial<Record<ElementType, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  u64: 8,
  milliseconds: 8,
};

/** Fields that may be shorter than their column (RFC 7011 section 6.2), because the encoder knows what to do then. */
const shortened: Partial<Record<FieldName, readonly number[]>> = {
  octets: [8, 4],
  packets: [8, 4],
  tcpFlags: [2, 1],
  inIf: [4, 2],
  outIf: [4, 2],
  srcAs: [4, 2],
  dstAs: [4, 2],
  nextAs: [4, 2],
  prevAs: [4, 2],
  flowLabel: [4, 3],
};

const choices = new Map<number, Choice>();
/** By normalised name; element numbers are looked up in `choices`. */
const byName = new Map<string, Choice>();

for (const field of fields) {
  const { name, ie, ie6 } = field as FieldRow & { name: FieldName };
  if (ie === 0 || ie >= ENTERPRISE_BIT || notToName.has(name)) continue;
  const choice = name === 'direction' ? { rows: [DIRECTION], lengths: [] } : choiceOf(name, ie);
  choices.set(ie, choice);
  if (ie6 !== undefined) choices.set(ie6, choice);
  byName.set(normal(name), choice);
}
addSpecial([60], [IP_VERSION]);
addSpecial([32, 139], [ICMP4, ICMP6]);
addSpecial([176, 178], icmpHalves('icmpType', 176, 178));
addSpecial([177, 179], icmpHalves('icmpCode', 177, 179));
addSpecial([156], [row('firstNs', 8, 156)]);
addSpecial([157], [row('lastNs', 8, 157)]);
for (const [value, seconds, uptime] of [
  ['firstMs', 150, 22],
  ['lastMs', 151, 21],
] as const) {
  addSpecial([seconds], [row(value, 4, seconds)]);
  addSpecial([uptime], [row(value, 4, uptime)]);
}
// RFC 7133: the VLANs under the numbers that IPFIX gave them later.
addSpecial([243], [row('srcVlan', 2, 243)]);
addSpecial([254], [row('dstVlan', 2, 254)]);
byName.set('firstms', { rows: [FIRST], lengths: [] });
byName.set('lastms', { rows: [LAST], lengths: [] });
byName.set('ipversion', choices.get(60)!);
byName.set('icmptypecode', choices.get(32)!);
byName.set('icmptype', choices.get(176)!);
byName.set('icmpcode', choices.get(177)!);
for (const [id, choice] of choices) {
  const name = elementById(id)?.name;
  if (name !== undefined) byName.set(normal(name), choice);
}

/** An element that can be named. */
export interface SendableElement {
  readonly id: number;
  readonly name: string;
  /** Octets it may have, the default first (v9 may have another); none when there is nothing to choose. */
  readonly lengths: readonly number[];
}

/** Every element that can be named, in ascending order. */
export function sendableElements(): SendableElement[] {
  return [...choices].sort(([a], [b]) => a - b).map(([id, { lengths }]) => ({ id, name: elementLabel(id), lengths }));
}

/** What no template may pass, or a record would not fit the smallest datagram. */
const MAX_RECORD_BYTES = MIN_DATAGRAM_BYTES - V9_HEADER_BYTES - SET_HEADER_BYTES;

/**
 * Reads `NAME[:LENGTH],...`: names of IANA (`octetDeltaCount`), fields of weir (`srcAddr`) or element numbers; upper and
 * lower case, `_` and `-` do not matter. An element that is there once for each family stands for both, so that IPv4
 * and IPv6 flows have a template each. Throws UserError.
 */
export function parseTemplateFields(text: string): TemplateRow[] {
  const rows: TemplateRow[] = [];
  const written = new Set<string>();
  let bytes = 0;
  for (const item of text.split(',')) {
    const [, name = '', length] = /^\s*([^:\s]*)\s*(?::\s*(\S+))?\s*$/.exec(item) ?? [];
    if (name === '') throw new UserError(`--fields ${text}: "${item}" is not NAME or NAME:LENGTH`);
    if (written.has(normal(name))) throw new UserError(`--fields: ${name} is there twice`);
    written.add(normal(name));
    for (const found of sized(choiceNamed(name), name, length)) {
      if (rows.some((one) => sameElement(one, found))) continue;
      rows.push(found);
      bytes += longest(found);
    }
  }
  if (bytes > MAX_RECORD_BYTES) {
    throw new UserError(`--fields: a record would have ${bytes} octets, ${MAX_RECORD_BYTES} fit the smallest datagram`);
  }
  // A set is padded by up to three octets, which must not pass for a record (RFC 7011 section 3.3.1).
  if (shortest(rows) < 4) throw new UserError(`--fields ${text}: a record needs at least 4 octets: name more fields`);
  return rows;
}

function shortest(rows: readonly TemplateRow[]): number {
  const bytes = ([4, 6] as const).flatMap((family) =>
    [VERSION_V9, VERSION_IPFIX].map((version) =>
      templateFields(rows, version, { family, directionKnown: false, icmp: false, reverse: false }).reduce(
        (sum, { length }) => sum + length,
        0,
      ),
    ),
  );
  return Math.min(...bytes);
}

function choiceNamed(name: string): Choice {
  const isNumber = /^\d+$/.test(name);
  const found = isNumber ? choices.get(Number(name)) : byName.get(normal(name));
  if (found !== undefined) return found;
  const known = isNumber
    ? elementById(Number(name))
    : elements.find((element) => normal(element.name) === normal(name));
  if (known !== undefined) {
    throw new UserError(`--fields: weir has no ${known.name} (element ${known.id}) of a flow to send`);
  }
  const near = nearest(normal(name), byName.keys());
  throw new UserError(
    `--fields: unknown element "${name}"; ${near === undefined ? 'docs/export.md lists all' : `did you mean ${spelling(near)}?`}`,
  );
}

function sized({ rows, lengths }: Choice, name: string, length: string | undefined): readonly TemplateRow[] {
  if (length === undefined) return rows;
  const bytes = /^\d+$/.test(length) ? Number(length) : Number.NaN;
  if (lengths.length === 0 && rows.every((one) => longest(one) === bytes && one.v9![0] !== ADDRESS)) return rows;
  if (!lengths.includes(bytes)) {
    const what = lengths.length === 0 ? 'has no length to choose' : `can have ${lengths.join(' or ')} octets`;
    throw new UserError(`--fields ${name}:${length}: ${name} ${what}`);
  }
  return rows.map((one) => ({ ...one, v9: withLength(one.v9!, bytes), ipfix: withLength(one.ipfix!, bytes) }));
}

function withLength([, element]: Wire, bytes: number): Wire {
  return element === undefined ? [bytes] : [bytes, element];
}

function choiceOf(name: FieldName, ie: number): Choice {
  const { type } = fieldByName(name);
  const element = elementById(ie);
  if (type === 'addr') return { rows: [plainRow(name, ADDRESS, ADDRESS)], lengths: [] };
  if (element?.type === 'mac') return { rows: [plainRow(name, 6, 6)], lengths: [] };
  if (element?.type === 'octets') return { rows: [plainRow(name, 3, 3)], lengths: [] };
  if (type === 'text') throw new Error(`${name} has no element and is in no template`);
  const own = COLUMN_BYTES[type];
  const most = Math.max(own, elementBytes[element?.type ?? 'u8'] ?? own);
  const lengths = [...new Set([...(shortened[name] ?? [own]), ...[2, 4, 8].filter((w) => w > own && w <= most)])];
  // What v9 collectors expect.
  const v9 = name === 'tcpFlags' ? 1 : name === 'flowLabel' ? 3 : own;
  const made = { value: name, v9: [v9, ie], ipfix: [own, ie] } as const;
  if (name === 'flowLabel') return { rows: [{ ...made, only: { family: 6 } }], lengths };
  const { ie6 } = fieldByName(name) as FieldRow;
  return { rows: [ie6 === undefined ? made : plainRow(name, own, own)], lengths };
}

/** Under the registry's element of the flow's family. */
function plainRow(value: FieldName, v9: number, ipfix: number): TemplateRow {
  return { value, v9: [v9], ipfix: [ipfix] };
}

function row(value: FieldName, length: number, element: number): TemplateRow {
  return { value, v9: [length, element], ipfix: [length, element] };
}

function icmpHalves(value: DerivedValue, element4: number, element6: number): TemplateRow[] {
  return [
    { value, v9: [1, element4], ipfix: [1, element4], only: { family: 4 } },
    { value, v9: [1, element6], ipfix: [1, element6], only: { family: 6 } },
  ];
}

function addSpecial(ids: readonly number[], rows: readonly TemplateRow[]): void {
  for (const id of ids) choices.set(id, { rows, lengths: [] });
}

function sameElement(a: TemplateRow, b: TemplateRow): boolean {
  return a.value === b.value && a.v9?.[1] === b.v9?.[1] && a.ipfix?.[1] === b.ipfix?.[1];
}

/** Octets of a row in the wider of the families and versions. */
function longest({ v9, ipfix }: TemplateRow): number {
  return Math.max(...[v9, ipfix].map((wire) => (wire === undefined ? 0 : wire[0] === ADDRESS ? 16 : wire[0])));
}

function normal(name: string): string {
  return name.toLowerCase().replaceAll(/[_-]/g, '');
}

/** A normalised name as it is written: IANA's way, else weir's. */
function spelling(name: string): string {
  const all = [...elements.map((element) => element.name), ...fields.map((field) => field.name)];
  return all.find((one) => normal(one) === name) ?? name;
}
