import { wide } from '../flow/u64.ts';
import type { Cells, Chunk } from './chunk.ts';
import type { Rows } from './engine.ts';
import { CellsChunk } from './native/chunks.ts';
import type { Order } from './orders.ts';
import type { PlaceNames } from './output/cells.ts';
import { octetsAPacket } from './output/numbers.ts';

/** Two characters as the number that stands for them in a table's key. */
const NOWHERE = 0x2e2e;

interface Sums {
  readonly country: number;
  readonly proto: number;
  flows: number;
  packets: number;
  octets: number;
  outPackets: number;
  outOctets: number;
  first: number;
  last: number;
}

/** Rows of a statistic of addresses as rows of one of countries, in some order; `top` 0 for all. */
export class CountryStatistic {
  private readonly sums = new Map<number, Sums>();

  async add(rows: Rows, places: PlaceNames): Promise<void> {
    for await (const chunk of rows) this.addChunk(chunk, places);
  }

  private addChunk(chunk: Chunk, places: PlaceNames): void {
    const [hi, lo, proto] = [chunk.words('hi'), chunk.words('lo'), chunk.narrow('proto')];
    const names = ['flows', 'packets', 'octets', 'out_packets', 'out_octets', 'first', 'last'];
    const [flows, packets, octets, outPackets, outOctets, first, last] = names.map((name) => chunk.words(name));
    for (let row = 0; row < chunk.rows; row++) {
      const at = row * 2;
      const { country } = places.find(hi[at + 1]!, hi[at]!, lo[at + 1]!, lo[at]!);
      const code = country.length === 2 ? (country.charCodeAt(0) << 8) | country.charCodeAt(1) : NOWHERE;
      const sum = this.sumOf(code, proto[row]!);
      sum.flows += wide(flows!, row);
      sum.packets += wide(packets!, row);
      sum.octets += wide(octets!, row);
      sum.outPackets += wide(outPackets!, row);
      sum.outOctets += wide(outOctets!, row);
      sum.first = Math.min(sum.first, wide(first!, row));
      sum.last = Math.max(sum.last, wide(last!, row));
    }
  }

  private sumOf(country: number, proto: number): Sums {
    const key = country * 256 + proto;
    const known = this.sums.get(key);
    if (known !== undefined) return known;
    const counters = { flows: 0, packets: 0, octets: 0, outPackets: 0, outOctets: 0 };
    const made = { country, proto, ...counters, first: Number.POSITIVE_INFINITY, last: 0 };
    this.sums.set(key, made);
    return made;
  }

  rows(order: Order, top: number): Chunk {
    const value = (sum: Sums) => measured(sum, order);
    const sorted = [...this.sums.values()].sort(
      (a, b) =>
        (order.ascending ? value(a) - value(b) : value(b) - value(a)) || a.country - b.country || a.proto - b.proto,
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
        ['lo', words(({ country }) => country)],
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
