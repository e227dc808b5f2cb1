import type { ExporterNames } from '../../flow/exporter-names.ts';
import { type ColumnName, columnByName } from '../../flow/fields.ts';
import type { Chunk } from '../chunk.ts';
import type { AddressRange } from '../filter/tree.ts';
import { formatMac } from '../filter/values.ts';
import { flagsText, protocolName } from '../names.ts';
import { Clock, writeDuration, writeSeconds } from './clock.ts';
import { octetsAPacket, rate, wide, writeCounter, writeWide } from './numbers.ts';
import type { TextBlock } from './text.ts';

/** Writes one cell of one row. */
export type CellWriter = (out: TextBlock, row: number) => void;

/** How cells print; `csv` has no padding, no scaling and no shortening. */
export interface Style {
  readonly csv: boolean;
  readonly plain: boolean;
  readonly longV6: boolean;
  /** -T: put before each address. */
  readonly marker: string;
  readonly clock: Clock;
  /** What exporters call their interfaces and the like; none where no store has told. */
  readonly names?: ExporterNames;
  /** -G: where addresses are and whose; none without. */
  readonly places?: PlaceNames;
  /** The ident of the files of all rows, or that rows have the column `ident`; without it nothing is known of it. */
  readonly ident?: { readonly ofAll: string } | 'column';
  /** --resolve: what hosts are called; none without. */
  readonly hosts?: HostNames;
}

/** Names of addresses (four words, most significant first), which come in rounds. */
export interface HostNames {
  /** Empty for none, and before `lookUp` has asked for it. */
  find(w0: number, w1: number, w2: number, w3: number): string;
  lookUp(): Promise<void>;
  /** What could not be looked up, in words. */
  warning(): string | undefined;
}

/** What is known of addresses (four words, most significant first); empty for nothing. */
export interface PlaceNames {
  find(
    w0: number,
    w1: number,
    w2: number,
    w3: number,
  ): {
    readonly country: string;
    readonly organisation: string;
    /** Continent, country, city and coordinates. */
    readonly location: string;
    /** 0 for nobody's. */
    readonly asNumber: number;
  };
  /** Whose an AS number is; empty for nobody's. */
  organisationOf(asNumber: number): string;
  /** The addresses of a country, in their order. */
  blocksOf(country: string): readonly AddressRange[];
  /** The addresses whose AS number `matches`, in their order. */
  blocksOfAs(matches: (asNumber: number) => boolean): readonly AddressRange[];
}

/** A cell before its rows are at hand: the columns it reads, and what makes its writer for each chunk. */
export interface Cell {
  readonly needs: readonly ColumnName[];
  readonly bind: (chunk: Chunk, firstRow: number) => CellWriter;
}

export type CellMaker = (style: Style) => Cell;

const utc = new Clock('utc');
const UNSET_TIME = '0000-00-00 00:00:00.000';

/** A column of any width, right-aligned. */
export function integer(name: ColumnName, width: number): CellMaker {
  return ({ csv }) => {
    const padTo = csv ? 0 : width;
    const isWide = columnByName.get(name)!.type === 'u64';
    return {
      needs: [name],
      bind: (chunk) => {
        if (isWide) {
          const words = chunk.words(name);
          return (out, row) => writeWide(out, words, row, padTo);
        }
        const cells = chunk.narrow(name);
        return (out, row) => out.uint(cells[row]!, padTo);
      },
    };
  };
}

/** A number made of a narrow column, right-aligned. */
export function computed(name: ColumnName, width: number, compute: (value: number) => number): CellMaker {
  return ({ csv }) => ({
    needs: [name],
    bind: (chunk) => {
      const cells = chunk.narrow(name);
      return (out, row) => out.uint(compute(cells[row]!), csv ? 0 : width);
    },
  });
}

/** A short text made of a narrow column. */
export function label(name: ColumnName, make: (value: number, style: Style) => string): CellMaker {
  return (style) => ({
    needs: [name],
    bind: (chunk) => {
      const cells = chunk.narrow(name);
      return (out, row) => out.ascii(make(cells[row]!, style));
    },
  });
}

/** The same text on every row: what a tag prints for data that weir does not store. */
export function constant(text: string, csvText = text.trim()): CellMaker {
  return ({ csv }) => ({ needs: [], bind: () => (out) => out.ascii(csv ? csvText : text) });
}

export function counter(name: ColumnName): CellMaker {
  return ({ csv, plain }) => ({
    needs: [name],
    bind: (chunk) => {
      const words = chunk.words(name);
      if (csv || plain) return (out, row) => writeWide(out, words, row, csv ? 0 : 8);
      return (out, row) => writeCounter(out, wide(words, row), 8, false);
    },
  });
}

/** `counter * factor` a second. */
export function rateOf(name: 'packets' | 'octets', factor: number): CellMaker {
  return ({ csv, plain }) => ({
    needs: [name, 'firstMs', 'lastMs'],
    bind: (chunk) => {
      const counters = chunk.words(name);
      const durationOf = durations(chunk);
      return (out, row) => {
        writeCounter(out, rate(wide(counters, row), factor, durationOf(row)), csv ? 0 : 8, csv || plain);
      };
    },
  });
}

export const bytesAPacket: CellMaker = ({ csv }) => ({
  needs: ['packets', 'octets'],
  bind: (chunk) => {
    const packets = chunk.words('packets');
    const octets = chunk.words('octets');
    return (out, row) => out.uint(octetsAPacket(wide(octets, row), wide(packets, row)), csv ? 0 : 6);
  },
});

/** Milliseconds from first to last packet; 0 where one is unknown or they are the wrong way round. */
function durations(chunk: Chunk): (row: number) => number {
  const first = chunk.words('firstMs');
  const last = chunk.words('lastMs');
  return (row) => {
    const from = wide(first, row);
    const to = wide(last, row);
    return from === 0 || to < from ? 0 : to - from;
  };
}

export function duration(always?: 'seconds'): CellMaker {
  return ({ csv, plain }) => ({
    needs: ['firstMs', 'lastMs'],
    bind: (chunk) => {
      const durationOf = durations(chunk);
      if (csv || plain || always === 'seconds') return (out, row) => writeSeconds(out, durationOf(row), csv ? 0 : 16);
      return (out, row) => writeDuration(out, durationOf(row));
    },
  });
}

export function time(name: ColumnName, form: 'local' | 'utc' | 'raw'): CellMaker {
  return (style) => ({
    needs: [name],
    bind: (chunk) => {
      const words = chunk.words(name);
      if (form === 'raw') return (out, row) => writeSeconds(out, wide(words, row), 14);
      const clock = form === 'utc' ? utc : style.clock;
      return (out, row) => {
        const ms = wide(words, row);
        if (ms === 0) out.ascii(UNSET_TIME);
        else clock.write(out, ms);
      };
    },
  });
}

/** Epoch milliseconds as a number. */
export function millisecondsCell(name: ColumnName, width: number): CellMaker {
  return ({ csv }) => ({
    needs: [name],
    bind: (chunk) => {
      const words = chunk.words(name);
      return (out, row) => writeWide(out, words, row, csv ? 0 : width);
    },
  });
}

export const protocol: CellMaker = ({ csv, plain }) => {
  const texts = Array.from({ length: 256 }, (_, n) =>
    csv ? String(n) : (plain ? String(n) : protocolName(n)).padEnd(5),
  );
  return {
    needs: ['proto'],
    bind: (chunk) => {
      const cells = chunk.narrow('proto');
      return (out, row) => out.ascii(texts[cells[row]!]!);
    },
  };
};

/** TCP flags; other protocols have none. */
export const tcpFlags: CellMaker = ({ csv, plain }) => ({
  needs: ['tcpFlags', 'proto'],
  bind: (chunk) => {
    const flags = chunk.narrow('tcpFlags');
    const protocols = chunk.narrow('proto');
    return (out, row) => {
      const value = protocols[row] === 6 ? flags[row]! : 0;
      // In csv they are letters, with -N as well.
      if (plain && !csv) out.uint(value, 8);
      else out.ascii(flagsText(value));
    };
  },
});

/** `label-exp-bottom` right-aligned in 12. */
export function writeMpls(out: TextBlock, entry: number, width: number): void {
  out.uint(entry >>> 4, width);
  out.byte(0x2d);
  out.uint((entry & 0xf) >> 1);
  out.byte(0x2d);
  out.uint(entry & 1);
}

export function mplsEntry(name: ColumnName): CellMaker {
  return () => ({
    needs: [name],
    bind: (chunk) => {
      const cells = chunk.narrow(name);
      return (out, row) => writeMpls(out, cells[row]!, 8);
    },
  });
}

export const mplsStack: CellMaker = () => {
  const names = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map((n) => `mpls${n}` as ColumnName);
  return {
    needs: names,
    bind: (chunk) => {
      const columns = names.map((name) => chunk.narrow(name));
      return (out, row) => {
        for (const cells of columns) {
          writeMpls(out, cells[row]!, 8);
          out.byte(0x20);
        }
      };
    },
  };
};

export function mac(name: ColumnName): CellMaker {
  return () => ({
    needs: [name],
    bind: (chunk) => {
      const words = chunk.words(name);
      return (out, row) => out.ascii(formatMac(wide(words, row)));
    },
  });
}
