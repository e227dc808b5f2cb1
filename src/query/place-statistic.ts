import type { ColumnName } from '../flow/fields.ts';
import type { Grouping } from './aggregation.ts';
import type { Cells, Chunk } from './chunk.ts';
import type { Rows } from './engine.ts';
import { CellsChunk } from './native/chunks.ts';
import type { Order } from './orders.ts';
import type { PlaceNames } from './output/cells.ts';
import { octetsAPacket, wide } from './output/numbers.ts';
import { addressColumns } from './sql/address.ts';

/** Two characters as the number that stands for them in a table's key. */
const NOWHERE = 0x2e2e;

const AS_COUNTERS = ['flows', 'packets', 'octets', 'outPackets', 'outOctets', 'firstMs', 'lastMs'] as const;

/** Columns of groups by AS number and address. */
export interface AsColumns {
  readonly as: ColumnName;
  readonly hi: ColumnName;
  readonly lo: ColumnName;
}

/** Those of a grouping whose first keys are an AS number and an address. */
export function asColumns({ keys: [as, of] }: Grouping): AsColumns {
  if (as === undefined || !('column' in as) || of === undefined || !('address' in of)) throw new Error('not by AS');
  return { as: as.column, ...addressColumns(of.address) };
}

/** What `addAsNumbers` reads. */
export function readOfGroups({ as, hi, lo }: AsColumns): ColumnName[] {
  return [as, hi, lo, 'proto', ...AS_COUNTERS];
}

interface Sums {
  /** An AS number, or the two letters of a country. */
  readonly place: number;
  readonly proto: number;
  flows: number;
  packets: number;
  octets: number;
  outPackets: number;
  outOctets: number;
  first: number;
  last: number;
}

/** Rows by address as rows of a statistic of what the addresses are in, a country or an AS; `top` 0 for all. */
export class PlaceStatistic {
  private readonly sums = new Map<number, Sums>();
  private readonly places: PlaceNames;

  constructor(places: PlaceNames) {
    this.places = places;
  }

  /** Rows of a statistic of addresses. */
  async addCountries(rows: Rows): Promise<void> {
    for await (const chunk of rows) {
      const [hi, lo, proto] = [chunk.words('hi'), chunk.words('lo'), chunk.narrow('proto')];
      const add = this.adder(chunk, ['flows', 'packets', 'octets', 'out_packets', 'out_octets', 'first', 'last']);
      for (let row = 0; row < chunk.rows; row++) {
        const { country } = this.find(hi, lo, row);
        const code = country.length === 2 ? (country.charCodeAt(0) << 8) | country.charCodeAt(1) : NOWHERE;
        add(row, code, proto[row]!);
      }
    }
  }

  /** Groups of flows by AS number and address, and by protocol if `byProtocol`. */
  async addAsNumbers(rows: Rows, names: AsColumns, byProtocol: boolean): Promise<void> {
    for await (const chunk of rows) {
      const [own, hi, lo] = [chunk.narrow(names.as), chunk.words(names.hi), chunk.words(names.lo)];
      const proto = byProtocol ? chunk.narrow('proto') : undefined;
      const add = this.adder(chunk, AS_COUNTERS);
      for (let row = 0; row < chunk.rows; row++) {
        add(row, own[row]! || this.find(hi, lo, row).asNumber, proto?.[row] ?? 0);
      }
    }
  }

  private find(hi: Uint32Array, lo: Uint32Array, row: number): ReturnType<PlaceNames['find']> {
    const at = row * 2;
    return this.places.find(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!);
  }

  /** Adds the counters of a row, which have these names in the chunk, to those of a place. */
  private adder(chunk: Chunk, names: readonly string[]): (row: number, place: number, proto: number) => void {
    const [flows, packets, octets, outPackets, outOctets, first, last] = names.map((name) => chunk.words(name));
    return (row, place, proto) => {
      const sum = this.sumOf(place, proto);
      sum.flows += wide(flows!, row);
      sum.packets += wide(packets!, row);
      sum.octets += wide(octets!, row);
      sum.outPackets += wide(outPackets!, row);
      sum.outOctets += wide(outOctets!, row);
      sum.first = Math.min(sum.first, wide(first!, row));
      sum.last = Math.max(sum.last, wide(last!, row));
    };
  }

  private sumOf(place: number, proto: number): Sums {
    const key = place * 256 + proto;
    const known = this.sums.get(key);
    if (known !== undefined) return known;
    const counters = { flows: 0, packets: 0, octets: 0, outPackets: 0, outOctets: 0 };
    const made = { place, proto, ...counters, first: Number.POSITIVE_INFINITY, last: 0 };
    this.sums.set(key, made);
    return made;
  }

  rows(order: Order, top: number): Chunk {
    const value = (sum: Sums) => measured(sum, order);
    const sorted = [...this.sums.values()].sort(
      (a, b) => (order.ascending ? value(a) - value(b) : value(b) - value(a)) || a.place - b.place || a.proto - b.proto,
    );
    const shown = top === 0 ? sorted : sorted.slice(0, top);
    const words = (pick: (sum: Sums) => number) => {
      const cells = new Uint32Array(shown.length * 2);
      shown.forEach((sum, row) => {
        const number = pick(sum);
        cells[row * 2] = number % 2 ** 32;
        cells[row * 2 + 1] = Math.floor(number / 2 ** 32);
      });
      return cells;
    };
    return new CellsChunk(
      shown.length,
      new Map<string, Cells>([
        ['hi', words(() => 0)],
        ['lo', words(({ place }) => place)],
        ['proto', Uint8Array.from(shown, ({ proto }) => proto)],
        ['flows', words(({ flows }) => flows)],
        ['packets', words(({ packets }) => packets)],
        ['octets', words(({ octets }) => octets)],
        ['out_packets', words(({ outPackets }) => outPackets)],
        ['out_octets', words(({ outOctets }) => outOctets)],
        ['first', words(({ first }) => first)],
        ['last', words(({ last }) => last)],
      ]),
    );
  }
}

/** What an order compares. */
function measured(sum: Sums, { measure, side }: Order): number {
  const of = (inside: number, outside: number) => (side === 'out' ? 0 : inside) + (side === 'in' ? 0 : outside);
  const [packets, octets] = [of(sum.packets, sum.outPackets), of(sum.octets, sum.outOctets)];
  const duration = sum.last - sum.first;
  switch (measure) {
    case 'packets':
      return packets;
    case 'bytes':
      return octets;
    case 'pps':
      return duration > 0 ? Math.floor((packets * 1000) / duration) : 0;
    case 'bps':
      return duration > 0 ? Math.floor((octets * 8000) / duration) : 0;
    case 'bpp':
      return octetsAPacket(octets, packets);
    default:
      return sum.flows;
  }
}
