import type { FlowBatch } from '../flow/batch.ts';
import { type ColumnName, fields } from '../flow/fields.ts';
import { AddressMap } from './address-map.ts';
import { CryptoPan, type NfanonMapping } from './crypto-pan.ts';

/** Every field with an address. */
const ADDRESSES = fields
  .filter(({ type }) => type === 'addr')
  .map(({ name }) => [`${name}Hi`, `${name}Lo`] as [ColumnName, ColumnName]);
/** Fields that would tell an address all but its last bits: emptied, as nfanon does. */
const EMPTIED = ['srcAs', 'dstAs', 'nextAs', 'prevAs'] as const satisfies readonly ColumnName[];

/** Makes the addresses of flows anonymous, the same address the same each time. */
export class FlowAnonymizer {
  private readonly addresses: AddressMap;
  private numbers = new Int32Array(0);

  /** @param key 32 octets, see `parseAnonymizerKey` */
  constructor(key: Uint8Array, mapping: NfanonMapping) {
    const cryptoPan = new CryptoPan(key, mapping);
    this.addresses = new AddressMap((words) => cryptoPan.map(words));
  }

  /** Changes the flows of a batch in place. What is no address (both halves 0) stays none. */
  apply(batch: FlowBatch): void {
    if (this.numbers.length < batch.rows) this.numbers = new Int32Array(batch.capacity);
    for (const [highName, lowName] of ADDRESSES) {
      const high = batch.get(highName) as Uint32Array | undefined;
      const low = batch.get(lowName) as Uint32Array | undefined;
      if (high !== undefined && low !== undefined) this.change(high, low, batch.rows);
    }
    for (const name of EMPTIED) batch.get(name)?.fill(0, 0, batch.rows);
  }

  private change(high: Uint32Array, low: Uint32Array, rows: number): void {
    const { addresses, numbers } = this;
    addresses.prune();
    for (let row = 0; row < rows; row++) {
      const at = row * 2;
      const [w0, w1, w2, w3] = [high[at + 1]!, high[at]!, low[at + 1]!, low[at]!];
      numbers[row] = (w0 | w1 | w2 | w3) === 0 ? -1 : addresses.numberOf(w0, w1, w2, w3);
    }
    const results = addresses.results();
    for (let row = 0; row < rows; row++) {
      const from = numbers[row]! * 4;
      if (from < 0) continue;
      const at = row * 2;
      high[at + 1] = results[from]!;
      high[at] = results[from + 1]!;
      low[at + 1] = results[from + 2]!;
      low[at] = results[from + 3]!;
    }
  }
}
