import { columnByName } from '../flow/fields.ts';
import { FlowFileError } from './flow-file-error.ts';
import { type CellWriter, type Extension, extension } from './nfcapd-cells.ts';
import { OLD_EXTENSIONS } from './nfcapd-extensions.ts';

/** Flags of a flow record of nfdump 1.6. */
const FLAG_V6 = 1;
const FLAG_PACKETS_64 = 2;
const FLAG_OCTETS_64 = 4;

const MAP_HEADER_BYTES = 8;

/** The two forms of the head of a flow record; the short one is that of versions with at most 255 exporters. */
export interface OldForm {
  readonly bytes: number;
  exporter(view: DataView, at: number): number;
}

export const OLD_LONG: OldForm = { bytes: 32, exporter: (view, at) => view.getUint16(at + 28, true) };
export const OLD_SHORT: OldForm = { bytes: 28, exporter: (view, at) => view.getUint8(at + 5) };

const HEAD = extension(
  28,
  [20, 'u8', 'forwardingStatus'],
  [21, 'u8', 'tcpFlags'],
  [22, 'u8', 'proto'],
  [23, 'u8', 'tos'],
  [24, 'u16', 'srcPort'],
  [26, 'u16', 'dstPort'],
);
const END_REASON = extension(32, [31, 'u8', 'endReason']);
const ADDRESSES_4 = extension(8, [0, 'v4', 'srcAddr'], [4, 'v4', 'dstAddr']);
const ADDRESSES_6 = extension(32, [0, 'v6', 'srcAddr'], [16, 'v6', 'dstAddr']);
const PACKETS_32 = extension(4, [0, 'u32', 'packets']);
const PACKETS_64 = extension(8, [0, 'u64', 'packets']);
const OCTETS_32 = extension(4, [0, 'u32', 'octets']);
const OCTETS_64 = extension(8, [0, 'u64', 'octets']);
const FIRST = columnByName.get('firstMs')!.index;
const LAST = columnByName.get('lastMs')!.index;

/** Extensions one after another. */
interface ExtensionMap {
  readonly extensions: readonly { readonly at: number; readonly extension: Extension }[];
  readonly bytes: number;
}

/** Flow records of nfdump 1.6: a head, the three things that every flow has, and extensions as a map says. */
export class OldRecords {
  private readonly maps = new Map<number, ExtensionMap>();

  /** Takes an extension map of `size` octets at `at`. */
  addMap(view: DataView, at: number, size: number): void {
    if (size < MAP_HEADER_BYTES) throw new FlowFileError('damaged: an extension map is too short');
    const extensions: { at: number; extension: Extension }[] = [];
    let bytes = 0;
    for (let from = at + MAP_HEADER_BYTES; from + 2 <= at + size; from += 2) {
      const number = view.getUint16(from, true);
      if (number === 0) break;
      // The first three are in every record, whatever the map says.
      if (number <= 3) continue;
      const known = OLD_EXTENSIONS[number];
      if (known === undefined) throw new FlowFileError(`extension ${number} of nfdump 1.6 is not known`);
      extensions.push({ at: bytes, extension: known });
      bytes += known.bytes;
    }
    this.maps.set(view.getUint16(at + 4, true), { extensions, bytes });
  }

  /** Writes the flow record of `size` octets at `start` to a row. */
  decode(view: DataView, start: number, size: number, form: OldForm, cells: CellWriter, row: number): void {
    if (size < form.bytes) throw new FlowFileError('damaged: a flow record is too short');
    const flags = view.getUint8(start + 4);
    const map = this.maps.get(view.getUint16(start + 6, true));
    if (map === undefined) throw new FlowFileError('damaged: a flow record without its extension map');
    const addresses = (flags & FLAG_V6) === 0 ? ADDRESSES_4 : ADDRESSES_6;
    const packets = (flags & FLAG_PACKETS_64) === 0 ? PACKETS_32 : PACKETS_64;
    const octets = (flags & FLAG_OCTETS_64) === 0 ? OCTETS_32 : OCTETS_64;
    let at = start + form.bytes;
    if (at + addresses.bytes + packets.bytes + octets.bytes + map.bytes > start + size) {
      throw new FlowFileError('damaged: a flow record ends too early');
    }
    cells.write(view, start, HEAD, row);
    if (form === OLD_LONG) cells.write(view, start, END_REASON, row);
    cells.array(FIRST)[row] = view.getUint32(start + 12, true) * 1000 + view.getUint16(start + 8, true);
    cells.array(LAST)[row] = view.getUint32(start + 16, true) * 1000 + view.getUint16(start + 10, true);
    for (const part of [addresses, packets, octets]) {
      cells.write(view, at, part, row);
      at += part.bytes;
    }
    for (const { at: offset, extension: one } of map.extensions) cells.write(view, at + offset, one, row);
  }
}
