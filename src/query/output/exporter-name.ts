import { formatAddress } from '../../flow/address.ts';
import type { ExporterNames, NameKind } from '../../flow/exporter-names.ts';
import type { ColumnName } from '../../flow/fields.ts';
import type { Chunk } from '../chunk.ts';
import type { CellMaker } from './cells.ts';
import { toldText } from './told-text.ts';

const NO_NAMES: readonly ColumnName[] = [];
const decoder = new TextDecoder();

/** What a number of the exporter's is called: an interface by ifIndex, a VRF by id; empty when nobody said. */
export function exporterName(kind: NameKind, column: ColumnName, width: number): CellMaker {
  return ({ csv, names }) => ({
    needs: names === undefined || names.isEmpty ? NO_NAMES : ['exporterHi', 'exporterLo', column],
    bind: (chunk) => {
      if (names === undefined || names.isEmpty) return () => {};
      const read = nameReader(chunk, names, kind, column);
      return (out, row) => {
        const name = toldText(read(row), csv);
        out.text(csv ? name : name.padStart(width));
      };
    },
  });
}

/** Reads the name of each row's number. */
export function nameReader(
  chunk: Chunk,
  names: ExporterNames,
  kind: NameKind,
  column: ColumnName,
): (row: number) => string {
  const exporter = exporterReader(chunk);
  const ids = chunk.narrow(column);
  return (row) => (ids[row] === 0 ? '' : names.name(exporter(row), kind, String(ids[row])));
}

/** The application of each row, by the id in `extra`: its name, else the id. */
export function application(width: number): CellMaker {
  return ({ csv, names }) => ({
    needs: ['exporterHi', 'exporterLo', 'extra'],
    bind: (chunk) => {
      const exporter = exporterReader(chunk);
      const extras = new ExtraReader(chunk);
      return (out, row) => {
        const id = extras.member(row, 'applicationId');
        const name = toldText(id === '' ? '' : names?.name(exporter(row), 'applications', id) || id, csv);
        out.text(csv ? name : name.padStart(width));
      };
    },
  });
}

/** Reads, under keys of JSON, the names of what each row has numbers of in `extra`. */
export function extraNames(chunk: Chunk, names: ExporterNames): (row: number) => [key: string, name: string][] {
  const exporter = exporterReader(chunk);
  const extras = new ExtraReader(chunk);
  return (row) => {
    const found: [string, string][] = [];
    for (const [key, kind, member] of NAMED_MEMBERS) {
      const id = extras.member(row, member);
      const name = id === '' ? '' : names.name(exporter(row), kind, id);
      if (name !== '') found.push([key, name]);
    }
    return found;
  };
}

const NAMED_MEMBERS: readonly (readonly [key: string, kind: NameKind, member: string])[] = [
  ['application_name', 'applications', 'applicationId'],
  ['sampler_name', 'samplers', 'samplerId'],
  ['selector_name', 'samplers', 'selectorId'],
];

/** Members of the objects in `extra`; neighbours mostly have the same. */
export class ExtraReader {
  private readonly chunk: Chunk;
  private text = new Uint8Array(0);
  private object: Record<string, unknown> = {};

  constructor(chunk: Chunk) {
    this.chunk = chunk;
  }

  /** A text or a number as text; empty without. */
  member(row: number, name: string): string {
    const text = this.chunk.text('extra', row);
    if (Buffer.compare(text, this.text) !== 0) {
      this.text = text.slice();
      this.object = parsed(text);
    }
    const value = this.object[name];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  }
}

/** Numbers that a double may not hold become texts; a number in a text is part of one of the texts that stay as they are. */
function withExactNumbers(json: string): string {
  if (!/\d{16}/.test(json)) return json;
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g, (token) =>
    /^\d{16,}$/.test(token) ? `"${token}"` : token,
  );
}

function parsed(text: Uint8Array): Record<string, unknown> {
  if (text.length === 0) return {};
  try {
    const value: unknown = JSON.parse(withExactNumbers(decoder.decode(text)));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    // Other programs write files, too.
    return {};
  }
}

/** Address of each row's exporter; neighbours mostly have the same. */
export function exporterReader(chunk: Chunk): (row: number) => string {
  const hi = chunk.words('exporterHi');
  const lo = chunk.words('exporterLo');
  let last = -1;
  let text = '';
  return (row) => {
    const at = row * 2;
    const isSame =
      last >= 0 &&
      lo[at] === lo[last] &&
      lo[at + 1] === lo[last + 1] &&
      hi[at] === hi[last] &&
      hi[at + 1] === hi[last + 1];
    if (!isSame) text = formatAddress(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!);
    last = at;
    return text;
  };
}
