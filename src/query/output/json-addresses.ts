import { formatAddress, isV4 } from '../../flow/address.ts';
import type { ColumnName, FieldName } from '../../flow/fields.ts';
import { jsonText } from '../../flow/json.ts';
import type { Chunk } from '../chunk.ts';
import { writeNetwork } from './address-cells.ts';
import type { Member } from './json-members.ts';
import { Label } from './text.ts';

const NOTHING = new Label('""');

/** The two words of each half of an address, and which of the families it is. */
function readAddress(chunk: Chunk, field: FieldName): (row: number) => readonly [number, number, number, number] {
  const [hi, lo] = [chunk.words(`${field}Hi`), chunk.words(`${field}Lo`)];
  return (row) => [hi[row * 2 + 1]!, hi[row * 2]!, lo[row * 2 + 1]!, lo[row * 2]!];
}

/** Where an address is, by the database of -G; an empty text without. */
export function geography(field: FieldName, key4: string, key6: string): Member {
  return {
    needs: [`${field}Hi`, `${field}Lo`] as ColumnName[],
    ifStored: [`${field}Hi` as ColumnName],
    bind: (chunk, { before, places }) => {
      const [hi, lo] = [chunk.words(`${field}Hi`), chunk.words(`${field}Lo`)];
      const [start4, start6] = [before(key4), before(key6)];
      return (out, row) => {
        const at = row * 2;
        const [w0, w1, w2, w3] = [hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!];
        if ((w0 | w1 | w2 | w3) === 0) return;
        out.label(isV4(w0, w1, w2) ? start4 : start6);
        if (places === undefined) out.label(NOTHING);
        else out.text(jsonText(places.find(w0, w1, w2, w3).country));
      };
    },
  };
}

/** What a host is called (--resolve); nothing without. */
export function hostName(key: string, field: FieldName): Member {
  return {
    needs: [`${field}Hi`, `${field}Lo`] as ColumnName[],
    ifStored: [`${field}Hi` as ColumnName],
    bind: (chunk, { before, hosts }) => {
      if (hosts === undefined) return () => {};
      const words = readAddress(chunk, field);
      const start = before(key);
      return (out, row) => {
        const name = hosts.find(...words(row));
        if (name === '') return;
        out.label(start);
        out.text(jsonText(name));
      };
    },
  };
}

/** The network of an address; empty where neither prefix has a length. */
export function net(key: string, field: FieldName, mask: 'srcMask' | 'dstMask'): Member {
  return {
    needs: [`${field}Hi`, `${field}Lo`, 'srcMask', 'dstMask'] as ColumnName[],
    bind: (chunk, { before }) => {
      const [hi, lo] = [chunk.words(`${field}Hi`), chunk.words(`${field}Lo`)];
      const [masks, source, destination] = [chunk.narrow(mask), chunk.narrow('srcMask'), chunk.narrow('dstMask')];
      const start = before(key);
      return (out, row) => {
        out.label(start);
        out.byte(0x22);
        if ((source[row]! | destination[row]!) !== 0) {
          const at = row * 2;
          writeNetwork(out, [hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!], masks[row]!, 0, false);
        }
        out.byte(0x22);
      };
    },
  };
}

/** Both ends of a pair of addresses, where one of them is there: 0.0.0.0 for one that is not. */
export function addressPair(ends: readonly (readonly [field: FieldName, key4: string, key6: string])[]): Member {
  const needs = ends.flatMap(([field]) => [`${field}Hi`, `${field}Lo`]) as ColumnName[];
  const none = { v4: '0.0.0.0', v6: '::' };
  return {
    needs,
    ifStored: needs,
    bind: (chunk, { before }) => {
      const words = ends.map(([field]) => readAddress(chunk, field));
      return (out, row) => {
        const both = words.map((read) => read(row));
        const known = both.find(([w0, w1, w2, w3]) => (w0 | w1 | w2 | w3) !== 0);
        if (known === undefined) return;
        const isV4 = (known[0] | known[1]) === 0 && known[2] === 0xffff;
        for (const [i, [, key4, key6]] of ends.entries()) {
          const one = both[i]!;
          out.label(before(isV4 ? key4 : key6));
          const text = (one[0] | one[1] | one[2] | one[3]) === 0 ? none[isV4 ? 'v4' : 'v6'] : formatAddress(...one);
          out.ascii(`"${text}"`);
        }
      };
    },
  };
}
