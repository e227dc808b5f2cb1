import { type AddressWords, formatAddress, isV4 } from '../../flow/address.ts';
import type { ColumnName, FieldName } from '../../flow/fields.ts';
import type { Chunk } from '../chunk.ts';
import { type CellMaker, type CellWriter, type HostNames, integer, type PlaceNames } from './cells.ts';
import type { TextBlock } from './text.ts';
import { toldText } from './told-text.ts';

/** IPv6 text of more than 16 characters as its first and last seven. */
export function condense(text: string): string {
  return text.length <= 16 ? text : `${text.slice(0, 7)}..${text.slice(-7)}`;
}

/** A host name in a column: the beginning, which tells the host. */
export function cutName(name: string, width: number): string {
  return name.length <= width ? name : `${name.slice(0, width - 2)}..`;
}

/** Address of a row: writes it right-aligned and tells whether it was IPv6. */
export type AddressWriter = (out: TextBlock, row: number, width: number, shorten: boolean) => boolean;

/** Reads both columns of an address field; one that is absent prints as 0.0.0.0, or the text given. */
export function addressWriter(chunk: Chunk, field: FieldName, absent?: string, hosts?: HostNames): AddressWriter {
  const hi = chunk.words(`${field}Hi`);
  const lo = chunk.words(`${field}Lo`);
  return (out, row, width, shorten) => {
    const at = row * 2;
    const w0 = hi[at + 1]!;
    const w1 = hi[at]!;
    const w2 = lo[at + 1]!;
    const w3 = lo[at]!;
    if (absent !== undefined && (w0 | w1 | w2 | w3) === 0) {
      out.right(absent, width);
      return true;
    }
    const name = hosts?.find(w0, w1, w2, w3) ?? '';
    if (name !== '') {
      out.right(width === 0 ? name : cutName(name, width), width);
      return false;
    }
    if (isV4(w0, w1, w2) || (w0 | w1 | w2 | w3) === 0) {
      out.v4(w3, width);
      return false;
    }
    if (width === 0 && !shorten) {
      out.v6(w0, w1, w2, w3);
      return true;
    }
    const text = formatAddress(w0, w1, w2, w3);
    out.right(shorten ? condense(text) : text, width);
    return true;
  };
}

function addressNeeds(field: FieldName): ColumnName[] {
  return [`${field}Hi` as ColumnName, `${field}Lo` as ColumnName];
}

/** What the database of -G says of an address, right-aligned; `absent` where it has nothing, or is not there. */
export function place(
  field: FieldName,
  what: 'country' | 'organisation',
  width: number,
  absent: string,
  csvAbsent = absent,
): CellMaker {
  return ({ csv, places }) => {
    const none = csv ? csvAbsent : absent.padStart(width);
    if (places === undefined) return { needs: [], bind: () => (out) => out.ascii(none) };
    return {
      needs: addressNeeds(field),
      bind: (chunk) => {
        const [hi, lo] = [chunk.words(`${field}Hi`), chunk.words(`${field}Lo`)];
        return (out, row) => {
          const at = row * 2;
          const text = places.find(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!)[what];
          out.text(text === '' ? none : csv ? toldText(text, csv) : text.slice(0, width).padStart(width));
        };
      },
    };
  };
}

/** Where an address is, by a file of cities that -G names. */
export function location(field: FieldName): CellMaker {
  return ({ csv, places }) => ({
    needs: places === undefined ? [] : addressNeeds(field),
    bind: (chunk) => {
      const none = csv ? 'no location info' : '<no location info>';
      if (places === undefined) return (out) => out.ascii(none);
      const [hi, lo] = [chunk.words(`${field}Hi`), chunk.words(`${field}Lo`)];
      return (out, row) => {
        const at = row * 2;
        const text = places.find(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!).location || none;
        // Names of cities may have commas.
        out.text(csv ? text.replaceAll(',', ';') : text);
      };
    },
  });
}

/** The AS number that a flow carries, else the one that -G knows for its address. */
export function asNumber(column: 'srcAs' | 'dstAs', field: FieldName): CellMaker {
  return (style) => {
    const { csv, places } = style;
    if (places === undefined) return integer(column, 6)(style);
    return {
      needs: [column, ...addressNeeds(field)],
      bind: (chunk) => {
        const cells = chunk.narrow(column);
        const [hi, lo] = [chunk.words(`${field}Hi`), chunk.words(`${field}Lo`)];
        return (out, row) => {
          const at = row * 2;
          const own = cells[row]!;
          out.uint(own || places.find(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!).asNumber, csv ? 0 : 6);
        };
      },
    };
  };
}

/** Writes the country of an address in brackets; two dots where nobody knows it. */
function countryWriter(chunk: Chunk, field: FieldName, places: PlaceNames | undefined): CellWriter {
  if (places === undefined) return (out) => out.ascii('(..)');
  const [hi, lo] = [chunk.words(`${field}Hi`), chunk.words(`${field}Lo`)];
  return (out, row) => {
    const at = row * 2;
    const { country } = places.find(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!);
    out.text(`(${country === '' ? '..' : country})`);
  };
}

const NO_COUNTRY: CellWriter = () => undefined;

/** An address, and after it its country if asked for. */
export function address(field: FieldName, withCountry = false, absent?: string): CellMaker {
  return ({ csv, longV6, marker, places, hosts }) => ({
    needs: addressNeeds(field),
    bind: (chunk) => {
      const write = addressWriter(chunk, field, absent, hosts);
      const writeCountry = withCountry ? countryWriter(chunk, field, places) : NO_COUNTRY;
      const width = csv ? 0 : longV6 ? 39 : 16;
      return (out, row) => {
        out.ascii(marker);
        write(out, row, width, !csv && !longV6);
        writeCountry(out, row);
      };
    },
  });
}

/** Address and port; `port` writes what stands after the colon, in five columns. */
export function addressPort(
  field: FieldName,
  port: 'srcPort' | 'dstPort' | 'natSrcPort' | 'natDstPort',
  withCountry = false,
): CellMaker {
  return ({ longV6, marker, places, hosts }) => ({
    needs: [...addressNeeds(field), port, 'proto'],
    bind: (chunk) => {
      const write = addressWriter(chunk, field, undefined, hosts);
      const writeCountry = withCountry ? countryWriter(chunk, field, places) : NO_COUNTRY;
      const ports = chunk.narrow(port);
      const protocols = chunk.narrow('proto');
      const width = longV6 ? 39 : 16;
      const icmp = port === 'dstPort';
      return (out, row) => {
        out.ascii(marker);
        const v6 = write(out, row, width, !longV6);
        writeCountry(out, row);
        out.byte(v6 ? 0x2e : 0x3a);
        const proto = protocols[row]!;
        if (icmp && (proto === 1 || proto === 58)) out.left(icmpText(ports[row]!), 5);
        else out.uintLeft(ports[row]!, 5);
      };
    },
  });
}

function icmpText(word: number): string {
  return `${word >> 8}.${word & 255}`;
}

/** The destination port as a number, ICMP as type.code. */
export const dstPort: CellMaker = ({ csv }) => ({
  needs: ['dstPort', 'proto'],
  bind: (chunk) => {
    const ports = chunk.narrow('dstPort');
    const protocols = chunk.narrow('proto');
    return (out, row) => {
      const proto = protocols[row]!;
      if (proto === 1 || proto === 58) out.right(icmpText(ports[row]!), csv ? 0 : 6);
      else out.uint(ports[row]!, csv ? 0 : 6);
    };
  },
});

/** Network of an address by the prefix length in the record. */
export function network(field: FieldName, maskName: 'srcMask' | 'dstMask'): CellMaker {
  return ({ csv, longV6, marker }) => ({
    needs: [...addressNeeds(field), maskName],
    bind: (chunk) => {
      const hi = chunk.words(`${field}Hi`);
      const lo = chunk.words(`${field}Lo`);
      const masks = chunk.narrow(maskName);
      const width = csv ? 0 : longV6 ? 39 : 16;
      return (out, row) => {
        const at = row * 2;
        out.ascii(marker);
        writeNetwork(out, [hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!], masks[row]!, width, !csv && !longV6);
        out.byte(0x2f);
        out.uintLeft(masks[row]!, csv ? 0 : 2);
      };
    },
  });
}

/** The network of an address, right-aligned; of one that is absent 0.0.0.0. */
export function writeNetwork(
  out: TextBlock,
  [w0, w1, w2, w3]: AddressWords,
  length: number,
  width: number,
  shorten: boolean,
): void {
  if (isV4(w0, w1, w2) || (w0 | w1 | w2 | w3) === 0) {
    out.v4(firstBits(w3, length), width);
    return;
  }
  const text = formatAddress(
    firstBits(w0, length),
    firstBits(w1, length - 32),
    firstBits(w2, length - 64),
    firstBits(w3, length - 96),
  );
  out.right(shorten ? condense(text) : text, width);
}

function firstBits(word: number, count: number): number {
  return count <= 0 ? 0 : count >= 32 ? word : (word & (-1 << (32 - count))) >>> 0;
}
