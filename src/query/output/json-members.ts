import type { ExporterNames, NameKind } from '../../flow/exporter-names.ts';
import type { ColumnName, FieldName } from '../../flow/fields.ts';
import { escapeControls, jsonText } from '../../flow/json.ts';
import type { Chunk } from '../chunk.ts';
import { formatMac } from '../filter/values.ts';
import { type AddressWriter, addressWriter } from './address-cells.ts';
import type { HostNames, PlaceNames } from './cells.ts';
import type { Clock } from './clock.ts';
import { ExtraReader, extraNames, nameReader } from './exporter-name.ts';
import { wide, writeWide } from './numbers.ts';
import { presence } from './presence.ts';
import type { Label, TextBlock } from './text.ts';

/** Octets of UTF-8 without which `escapeControls` finds nothing: DEL itself, and the first of U+0080 to U+00BF. */
const DEL = 0x7f;
const C1_LEAD = 0xc2;
const decoder = new TextDecoder();

/** Writes the members of one flow: for each `JsonContext.before` its key, then the value. */
export type MemberWriter = (out: TextBlock, row: number) => void;

export interface JsonContext {
  /** What stands before the value of a member: a comma, the key and a colon. */
  readonly before: (key: string) => Label;
  readonly clock: Clock;
  readonly firstRow: number;
  readonly stored: (name: ColumnName) => boolean;
  /** The rows are groups: members only of columns that are `stored`. */
  readonly ofKey: boolean;
  readonly names?: ExporterNames | undefined;
  readonly places?: PlaceNames | undefined;
  readonly hosts?: HostNames | undefined;
}

export interface Member {
  readonly needs: readonly ColumnName[];
  /** Written only if the files have one of these columns; undefined: always. */
  readonly ifStored?: readonly ColumnName[];
  readonly bind: (chunk: Chunk, context: JsonContext) => MemberWriter;
}

/** Of one column, left out where the files do not have it. */
function ofColumn(name: ColumnName, bind: Member['bind']): Member {
  return { needs: [name], ifStored: [name], bind };
}

export function number(key: string, name: ColumnName): Member {
  return ofColumn(name, (chunk, { before }) => {
    const cells = chunk.narrow(name);
    const start = before(key);
    return (out, row) => {
      out.label(start);
      out.uint(cells[row]!);
    };
  });
}

export function wideNumber(key: string, name: ColumnName): Member {
  return ofColumn(name, (chunk, { before }) => {
    const words = chunk.words(name);
    const start = before(key);
    return (out, row) => {
      out.label(start);
      writeWide(out, words, row);
    };
  });
}

export function time(key: string, name: ColumnName): Member {
  return ofColumn(name, (chunk, { before, clock }) => {
    const words = chunk.words(name);
    const start = before(key);
    return (out, row) => {
      out.label(start);
      out.byte(0x22);
      clock.writeRfc3339(out, wide(words, row));
      out.byte(0x22);
    };
  });
}

/** An address under `key4` or `key6`; nothing if the flow has none. */
export function address(field: FieldName, key4: string, key6: string): Member {
  const needs = [`${field}Hi`, `${field}Lo`] as ColumnName[];
  return {
    needs,
    ifStored: [needs[0]!],
    bind: (chunk, { before }) => {
      const hi = chunk.words(needs[0]!);
      const lo = chunk.words(needs[1]!);
      const [start4, start6] = [before(key4), before(key6)];
      const write: AddressWriter = addressWriter(chunk, field);
      return (out, row) => {
        const at = row * 2;
        const mapped = (hi[at]! | hi[at + 1]!) === 0 && lo[at + 1] === 0xffff;
        if (!mapped && (hi[at]! | hi[at + 1]! | lo[at]! | lo[at + 1]!) === 0) return;
        out.label(mapped ? start4 : start6);
        out.byte(0x22);
        write(out, row, 0, false);
        out.byte(0x22);
      };
    },
  };
}

export function mac(key: string, name: ColumnName): Member {
  return ofColumn(name, (chunk, { before }) => {
    const words = chunk.words(name);
    const start = before(key);
    return (out, row) => {
      out.label(start);
      out.ascii(`"${formatMac(wide(words, row))}"`);
    };
  });
}

/**
 * Members that stand together: all of them in a flow that has one of the columns `keys`, none in another. nfdump asks
 * the template of the record; flows do not know theirs.
 */
export function section(keys: readonly ColumnName[], members: readonly Member[]): Member {
  return {
    needs: [...new Set([...keys, ...members.flatMap(({ needs }) => needs)])],
    ifStored: keys,
    bind: (chunk, context) => {
      const isPresent = presence(chunk, keys, context.stored);
      const { ofKey, stored } = context;
      const shown = members.filter(({ needs }) => !ofKey || needs.every(stored));
      const writers = shown.map(({ bind }) => bind(chunk, context));
      return (out, row) => {
        if (!isPresent(row)) return;
        for (const write of writers) write(out, row);
      };
    },
  };
}

/** Members whose values are in the row's `extra`; `write` gets their reader. */
export function ofExtra(
  write: (extra: (name: string) => string, out: TextBlock, before: JsonContext['before']) => void,
): Member {
  return {
    needs: ['extra'],
    ifStored: ['extra'],
    bind: (chunk, { before }) => {
      const reader = new ExtraReader(chunk);
      return (out, row) => {
        if (chunk.text('extra', row).length > 0) write((name) => reader.member(row, name), out, before);
      };
    },
  };
}

/** What is JSON already; `escapeControls` for the few objects that may need it. */
export const extra: Member = {
  needs: ['extra'],
  ifStored: ['extra'],
  bind: (chunk, { before }) => {
    const start = before('extra');
    return (out, row) => {
      const object = chunk.text('extra', row);
      if (object.length === 0) return;
      out.label(start);
      if (object.includes(DEL) || object.includes(C1_LEAD)) out.text(escapeControls(decoder.decode(object)));
      else out.copy(object);
    };
  },
};

/** What the exporter calls a number; nothing when it did not say. */
export function named(key: string, kind: NameKind, name: ColumnName): Member {
  return {
    needs: ['exporterHi', 'exporterLo', name],
    ifStored: [name],
    bind: (chunk, { before, names }) => {
      if (names === undefined || names.isEmpty) return () => {};
      const read = nameReader(chunk, names, kind, name);
      const start = before(key);
      return (out, row) => {
        const text = read(row);
        if (text === '') return;
        out.label(start);
        out.text(jsonText(text));
      };
    },
  };
}

/** Numbers in `extra` that have names. */
export const namedExtras: Member = {
  needs: ['exporterHi', 'exporterLo', 'extra'],
  ifStored: ['extra'],
  bind: (chunk, { before, names }) => {
    if (names === undefined || names.isEmpty) return () => {};
    const read = extraNames(chunk, names);
    return (out, row) => {
      for (const [key, text] of read(row)) {
        out.label(before(key));
        out.text(jsonText(text));
      }
    };
  },
};
