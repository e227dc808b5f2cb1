import type { FieldName } from '../../flow/fields.ts';
import { nearest } from '../../flow/suggest.ts';
import { UserError } from '../../flow/user-error.ts';
import type { Grouping } from '../aggregation.ts';
import { address } from './address-cells.ts';
import { type Tag, tagByName } from './tags.ts';

/** Named formats of text output. */
const TEXT_FORMATS: Readonly<Record<string, string>> = {
  line: '%ts %td %pr %sap -> %dap %pkt %byt %fl',
  gline: '%ts %td %pr %gsap -> %gdap %pkt %byt %fl',
  long: '%ts %td %pr %sap -> %dap %flg %tos %pkt %byt %fl',
  glong: '%ts %td %pr %gsap -> %gdap %flg %tos %pkt %byt %fl',
  extended: '%ts %td %pr %sap -> %dap %flg %tos %pkt %byt %pps %bps %bpp %fl',
  biline: '%ts %td %pr %sap <-> %dap %opkt %ipkt %obyt %ibyt %fl',
  bilong: '%ts %td %pr %sap <-> %dap %flg %tos %opkt %ipkt %obyt %ibyt %fl',
  nsel: '%ts %evt %xevt %pr %sap -> %dap %xsap -> %xdap %ibyt %obyt',
  nat: '%ts %evt %pr %sap -> %dap %nsap -> %ndap',
  // The name up to nfdump 1.7.4.
  nel: '%ts %evt %pr %sap -> %dap %nsap -> %ndap',
};
const CSV_FORMAT = '%ts,%td,%pr,%sa,%sp,%da,%dp,%pkt,%byt,%fl';
/** What formats are called in lists of tags. */
const LISTED_FORMATS: Readonly<Record<string, string>> = { ...TEXT_FORMATS, csv: CSV_FORMAT };
const WHOLE_FORMATS = ['raw', 'json', 'ndjson', 'csv-fast', 'csv-legacy', 'pipe', 'null'] as const;

/** What -o asks for. */
export type Format =
  | { readonly kind: 'text' | 'csv'; readonly parts: readonly FormatPart[]; readonly longV6: boolean }
  | { readonly kind: (typeof WHOLE_FORMATS)[number]; readonly longV6: boolean };

/** A tag, or the text between two tags. */
export type FormatPart = Tag | string;

const NO_FORMATS: ReadonlyMap<string, string> = new Map();

/**
 * Parses the value of -o: a name (any case, a 6 after it keeps IPv6 addresses whole), `fmt:` or `csv:` and a list of
 * tags and names of formats, or such a list alone. `own` are formats of the user by name (lower case), as `fmt:` or `csv:`
 * lists.
 */
export function parseFormat(text: string, own: ReadonlyMap<string, string> = NO_FORMATS): Format {
  const definition = own.get(text.toLowerCase()) ?? own.get(text.toLowerCase().replace(/6$/, ''));
  if (definition !== undefined) return { ...parseFormat(definition), longV6: !own.has(text.toLowerCase()) };
  if (text.startsWith('%')) return { kind: 'text', parts: parseParts(text, own), longV6: false };
  const list = /^(fmt|csv):(.*)$/is.exec(text);
  if (list !== null) {
    const kind = list[1]!.toLowerCase() === 'fmt' ? 'text' : 'csv';
    const parts = parseParts(list[2]!, own);
    return { kind, parts: kind === 'csv' ? csvTags(parts) : parts, longV6: false };
  }
  const name = text.toLowerCase();
  const longV6 = name.endsWith('6');
  const bare = longV6 ? name.slice(0, -1) : name;
  const format = Object.hasOwn(TEXT_FORMATS, bare) ? TEXT_FORMATS[bare] : undefined;
  if (format !== undefined) return { kind: 'text', parts: parseParts(format), longV6 };
  if (bare === 'csv') return { kind: 'csv', parts: csvTags(parseParts(CSV_FORMAT)), longV6 };
  const whole = WHOLE_FORMATS.find((one) => one === bare);
  if (whole !== undefined) return { kind: whole, longV6 };
  const names = [...Object.keys(TEXT_FORMATS), 'csv', ...WHOLE_FORMATS];
  const near = nearest(bare, names);
  throw new UserError(
    `-o ${text}: no such format; ${near === undefined ? `use one of ${names.join(' ')}, or fmt:` : `did you mean ${near}?`}`,
  );
}

/** Whether a list of tags has one of these. */
export function printsTag(format: Format, names: ReadonlySet<string>): boolean {
  return 'parts' in format && format.parts.some((part) => typeof part !== 'string' && names.has(part.name));
}

/** Whether the ident of each flow's file is printed. */
export function printsIdent(format: Format): boolean {
  return printsTag(format, IDENT_TAGS);
}

const IDENT_TAGS: ReadonlySet<string> = new Set(['%idt']);

/** Tags of addresses with their country. */
const WITH_COUNTRY: Readonly<Record<string, string>> = { '%sa': '%gsa', '%da': '%gda' };

/** The format that -A makes of its fields. */
export function groupingFormat(kind: 'text' | 'csv', { tags: plain, keys }: Grouping, withCountries: boolean): Format {
  const tags = withCountries && kind === 'text' ? plain.map((tag) => WITH_COUNTRY[tag] ?? tag) : plain;
  // Two blanks on both sides of the fields of the list, as nfdump has it.
  const parts = parseParts(`%ts %td  ${tags.join(' ')}  %pkt %byt %bps %bpp %fl`);
  const own = parts.map((part) => {
    // Cut to nothing by a prefix length for IPv4 alone, an IPv6 address is all zeros.
    const key = keys.find((one) => 'v4' in one && one.v6 === undefined && ADDRESS_TAGS.get(one.address) === part);
    return key === undefined || typeof part === 'string' || !('address' in key)
      ? part
      : { ...part, cell: address(key.address, false, '::') };
  });
  return { kind, parts: kind === 'csv' ? csvTags(own) : own, longV6: false };
}

const ADDRESS_TAGS = new Map<FieldName, Tag | undefined>([
  ['srcAddr', tagByName.get('%sa')],
  ['dstAddr', tagByName.get('%da')],
]);

function parseParts(text: string, own: ReadonlyMap<string, string> = NO_FORMATS): FormatPart[] {
  const parts: FormatPart[] = [];
  for (const match of text.matchAll(/%([a-z0-9]*)|[^%]+/gi)) {
    const [whole, name] = match;
    const tag = tagByName.get(whole);
    const format = name === undefined ? undefined : listed(name, own);
    if (tag !== undefined) parts.push(tag);
    else if (whole === '%n') parts.push('\n');
    else if (name === undefined) parts.push(whole);
    else if (format !== undefined) parts.push(...parseParts(format));
    else {
      const near = nearest(whole, tagByName.keys());
      throw new UserError(`-o: unknown tag '${whole}'${near === undefined ? '' : `; did you mean ${near}?`}`);
    }
  }
  if (parts.length === 0) throw new UserError('-o: the format is empty; give tags such as %ts %sa %byt');
  return parts;
}

/** The tags of a format, by its name in any case. */
function listed(name: string, own: ReadonlyMap<string, string>): string | undefined {
  const lower = name.toLowerCase();
  const named = Object.hasOwn(LISTED_FORMATS, lower) ? LISTED_FORMATS[lower] : undefined;
  return own.get(lower)?.slice('fmt:'.length) ?? named;
}

/** In CSV the text between tags is always a comma. */
function csvTags(parts: readonly FormatPart[]): Tag[] {
  return parts.flatMap((part) => {
    if (typeof part === 'string') return [];
    if (part.csv === undefined) throw new UserError(`-o csv: the tag ${part.name} has no CSV column`);
    return [part];
  });
}

/** Header line without its newline. */
export function header(format: Extract<Format, { parts: unknown }>, longV6: boolean): string {
  if (format.kind === 'csv') return format.parts.map((part) => (typeof part === 'string' ? part : part.csv)).join(',');
  return format.parts
    .map((part) => {
      if (typeof part === 'string') return part === '\n' ? '' : ' '.repeat(part.length);
      return longV6 && part.isAddress ? ' '.repeat(23) + part.heading : part.heading;
    })
    .join('');
}
