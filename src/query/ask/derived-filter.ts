import { parseAddress } from '../../flow/address.ts';
import { fields } from '../../flow/fields.ts';
import { addressTerms } from '../filter/terms.ts';
import { type AddressBlock, type Filter, join } from '../filter/tree.ts';
import { makePrefix } from '../filter/values.ts';

/** The view that the filter is about. */
const FLOWS = 'flows';
/** Terms about one address, by its column in the view. */
const TERMS: ReadonlyMap<string, string> = new Map(
  [...addressTerms].flatMap(([term, { fields: of }]) => {
    const column = of.length === 1 ? fields.find(({ name }) => name === of[0])?.column : undefined;
    return column === undefined || term.startsWith('ie ') ? [] : [[column, term] as const];
  }),
);
const BEGINNINGS: ReadonlySet<unknown> = new Set(['starts_with', 'prefix', '^@', '~~']);

type Node = Readonly<Record<string, unknown>>;

/**
 * What a statement asks of addresses, as a filter of flows: no flow that it leaves out can matter to the answer. The view
 * shows addresses as text made of numbers, so the engine cannot tell by `src_addr = '192.0.2.1'` which parts of the files to
 * leave out; a filter can. Undefined where the statement asks nothing of the kind, and where it might see the flows in
 * another way than through the condition: the view must stand in one place, alone behind FROM.
 *
 * @param serialized the statement as `json_serialize_sql` gives it
 */
export function derivedFilter(serialized: string): Filter | undefined {
  const { statements } = JSON.parse(serialized) as Node;
  if (!Array.isArray(statements) || statements.length !== 1) return undefined;
  const selects: Node[] = [];
  let mentions = 0;
  let isPlain = true;
  walk(statements[0], (node) => {
    // Functions that make tables may find the view by a name in a text.
    if (node['type'] === 'TABLE_FUNCTION') isPlain = false;
    if (isFlows(node)) mentions++;
    if (node['type'] === 'SELECT_NODE' && isFlows(nodeOf(node['from_table']))) selects.push(node);
  });
  const [select] = selects;
  if (!isPlain || mentions !== 1 || select === undefined) return undefined;
  const from = nodeOf(select['from_table']);
  // A sample is taken of what there is before the condition.
  if (from['sample'] !== null || select['sample'] !== null) return undefined;
  if (!Array.isArray(from['column_name_alias']) || from['column_name_alias'].length > 0) return undefined;
  return condition(nodeOf(select['where_clause']), (textOf(from['alias']) || FLOWS).toLowerCase());
}

function isFlows(node: Node): boolean {
  return node['type'] === 'BASE_TABLE' && textOf(node['table_name']).toLowerCase() === FLOWS;
}

/** `view`: what the view is called in the statement. */
function condition(node: Node, view: string): Filter | undefined {
  const children = [node['children'], [node['left'], node['right']]].find(Array.isArray)?.map(nodeOf) ?? [];
  switch (node['type']) {
    case 'CONJUNCTION_AND': {
      const parts = children.map((child) => condition(child, view)).filter((part) => part !== undefined);
      return parts.length === 0 ? undefined : join('and', parts);
    }
    case 'CONJUNCTION_OR': {
      const parts = children.map((child) => condition(child, view));
      return parts.every((part) => part !== undefined) ? join('or', parts) : undefined;
    }
    case 'COMPARE_EQUAL': {
      const [one, other] = children as [Node, Node];
      return isOneOf(one, [other], wholeAddress, view) ?? isOneOf(other, [one], wholeAddress, view);
    }
    case 'COMPARE_IN':
      return isOneOf(children[0]!, children.slice(1), wholeAddress, view);
    case 'FUNCTION': {
      if (!BEGINNINGS.has(node['function_name']) || children.length !== 2) return undefined;
      const isPattern = node['function_name'] === '~~';
      return isOneOf(children[0]!, children.slice(1), isPattern ? networkOfPattern : networkOfBeginning, view);
    }
    default:
      return undefined;
  }
}

function isOneOf(
  subject: Node,
  values: readonly Node[],
  blockOf: (text: string) => AddressBlock | undefined,
  view: string,
): Filter | undefined {
  if (subject['type'] !== 'COLUMN_REF' || !Array.isArray(subject['column_names'])) return undefined;
  const [column, ...qualifiers] = subject['column_names'].map((name) => textOf(name).toLowerCase()).reverse();
  const term = TERMS.get(column ?? '');
  if (term === undefined || qualifiers.length > 1 || (qualifiers[0] ?? view) !== view) return undefined;
  const members = values.map((value) => {
    const constant = nodeOf(value['value']);
    const isText = value['type'] === 'VALUE_CONSTANT' && nodeOf(constant['type'])['id'] === 'VARCHAR';
    return isText ? blockOf(textOf(constant['value'])) : undefined;
  });
  if (!members.every((member) => member !== undefined)) return undefined;
  return { kind: 'address', term, negated: false, members };
}

function wholeAddress(text: string): AddressBlock | undefined {
  const words = parseAddress(text);
  return words && makePrefix(words, undefined, false);
}

/** Of a pattern that is a beginning and `%`. */
function networkOfPattern(pattern: string): AddressBlock | undefined {
  return /^[\da-f.:]+%$/.test(pattern) ? networkOfBeginning(pattern.slice(0, -1)) : undefined;
}

/** All addresses whose text can begin so, by the octets or groups that are whole. */
function networkOfBeginning(text: string): AddressBlock | undefined {
  const octets = /^(?:\d{1,3}\.){1,3}/.exec(text)?.[0].split('.').slice(0, -1);
  if (octets !== undefined) {
    const words = parseAddress([...octets, '0', '0', '0'].slice(0, 4).join('.'));
    return words && makePrefix(words, octets.length * 8, false);
  }
  const groups = /^(?:[\da-f]{1,4}:){1,7}/.exec(text)?.[0].split(':').slice(0, -1);
  const words = groups && parseAddress(`${groups.join(':')}::`);
  return words && makePrefix(words, groups.length * 16, true);
}

function walk(value: unknown, visit: (node: Node) => void): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) visit(value as Node);
  for (const child of Object.values(value)) walk(child, visit);
}

function nodeOf(value: unknown): Node {
  return typeof value === 'object' && value !== null ? (value as Node) : {};
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
