import { closeSync, openSync, readSync } from 'node:fs';
import { isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { nearest } from '../flow/suggest.ts';
import { UserError } from '../flow/user-error.ts';
import { keyOf, type OptionRow, type OptionTable } from './option.ts';
import type { RawValues } from './option-values.ts';

/** What a configuration file says, by the name of the option; and where it says it. */
export interface ConfigFile {
  readonly values: RawValues;
  readonly entries: readonly ConfigEntry[];
}

/** One value of the file; a list has an entry for each. */
export interface ConfigEntry {
  readonly name: string;
  readonly text: string;
  /** `FILE:LINE` */
  readonly place: string;
}

/** A file of settings is a page long: more is a mistake, or nothing that should be parsed. */
const MAX_OCTETS = 256 * 1024;

/**
 * Reads a configuration file (YAML: one mapping, whose keys are long names of options) for the options of `table`.
 * Values are not looked at beyond their kind: text and numbers, true and false, lists where an option is repeatable.
 * Throws UserError with the file, the line and the key.
 */
export function readConfigFile(path: string, table: OptionTable): ConfigFile {
  return parseConfig(readText(path), path, table);
}

/** The same from text; `path` is for messages. */
export function parseConfig(text: string, path: string, table: OptionTable): ConfigFile {
  const lines = new LineCounter();
  const at = (offset: number | undefined) => `${path}:${lines.linePos(offset ?? 0).line || 1}`;
  const document = parseYaml(text, path, lines);
  const [fault] = [...document.errors, ...document.warnings];
  if (fault !== undefined) throw new UserError(`${at(fault.pos[0])}: not YAML: ${oneLine(fault.message)}`);
  const root = document.contents;
  const values: Record<string, string | boolean | string[]> = {};
  const entries: ConfigEntry[] = [];
  if (root === null || (isScalar(root) && root.value === null)) return { values, entries };
  if (!isMap(root)) {
    throw new UserError(`${at(root.range?.[0])}: a configuration file is a list of "key: value" lines`);
  }
  const options = optionsByKey(table);
  for (const pair of root.items as Pair<Node, Node | null>[]) {
    const place = at(pair.key.range?.[0]);
    const key = isScalar(pair.key) ? String(pair.key.value) : '';
    const option = options.get(key);
    if (option === undefined) throw new UserError(`${place}: ${unknownKey(key, table, [...options.keys()])}`);
    const before = entries.find(({ name }) => name === option.name)?.place;
    if (before !== undefined) throw new UserError(`${place}: ${key} is set already (${before}): keep one of them`);
    values[option.name] = settingOf(pair.value, option.row, (what, node) => {
      throw new UserError(`${at((node ?? pair.key).range?.[0])}: ${key} ${what}`);
    });
    const nodes = isSeq(pair.value) ? (pair.value.items as Node[]) : [pair.value];
    for (const node of nodes) {
      entries.push({ name: option.name, text: isScalar(node) ? String(node.value) : '', place: at(node?.range?.[0]) });
    }
  }
  return { values, entries };
}

function parseYaml(text: string, path: string, lines: LineCounter) {
  try {
    return parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false, stringKeys: false });
  } catch (cause) {
    // Nested so deeply that the parser runs out of stack.
    throw new UserError(`${path}: not YAML that can be read: ${oneLine((cause as Error).message)}`, { cause });
  }
}

function readText(path: string): string {
  const buffer = Buffer.alloc(MAX_OCTETS + 1);
  let length = 0;
  try {
    const file = openSync(path, 'r');
    try {
      for (let read = -1; read !== 0 && length < buffer.length; length += read) {
        read = readSync(file, buffer, length, buffer.length - length, null);
      }
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    throw new UserError(`cannot read the configuration ${path} (--config): ${(cause as Error).message}`, { cause });
  }
  if (length > MAX_OCTETS) throw new UserError(`${path}: a configuration file has at most ${MAX_OCTETS} octets`);
  return buffer.toString('utf8', 0, length);
}

interface NamedOption {
  readonly name: string;
  readonly row: OptionRow;
}

function optionsByKey(table: OptionTable): Map<string, NamedOption> {
  const options = new Map<string, NamedOption>();
  for (const [name, row] of Object.entries(table)) {
    const key = keyOf(name, row);
    if (key !== undefined) options.set(key, { name, row });
  }
  return options;
}

function unknownKey(key: string, table: OptionTable, keys: readonly string[]): string {
  const row = Object.hasOwn(table, key) ? table[key]! : undefined;
  if (row?.commandLineOnly) return `${key} belongs on the command line`;
  const meant = row === undefined ? nearest(key.replaceAll('_', '-').toLowerCase(), keys) : keyOf(key, row);
  return `there is no setting "${oneLine(key)}"${meant === undefined ? '' : `: did you mean ${meant}?`}`;
}

type Refuse = (what: string, node: Node | null) => never;

function settingOf(node: Node | null, row: OptionRow, refuse: Refuse): string | boolean | string[] {
  if (isSeq(node)) {
    if (!row.repeatable) return refuse('takes one value, not a list', node);
    return (node.items as Node[]).map((item) => textOf(item, refuse));
  }
  if (row.type === 'boolean') {
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    return refuse('takes true or false', node);
  }
  const text = textOf(node, refuse);
  return row.repeatable ? [text] : text;
}

/** A number or text as it would be typed. */
function textOf(node: Node | null, refuse: Refuse): string {
  if (!isScalar(node)) return refuse('takes text or a number', node);
  const { value, source } = node;
  if (typeof value === 'string') return value;
  // As written: what is too long for a number is for the option to judge.
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : (source ?? String(value));
  if (value === null) return refuse('has no value: set it, or leave the line out', node);
  return refuse(`takes text or a number; put "${source ?? String(value)}" into quotes if it is text`, node);
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, ' ').slice(0, 200);
}
