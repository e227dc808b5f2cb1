import type { FlowBatch } from '../flow/batch.ts';
import { AddressColumns } from './address-columns.ts';
import type { AsnDatabase } from './asn-database.ts';

/** Fills in the AS numbers of source and destination. */
export class AsnColumns {
  private readonly database: AsnDatabase;
  private readonly addresses = new AddressColumns();

  constructor(database: AsnDatabase) {
    this.database = database;
  }

  fill(batch: FlowBatch): void {
    const { database, addresses } = this;
    addresses.bind(batch);
    const { srcHi, srcLo, dstHi, dstLo } = addresses;
    const srcAs = batch.use('srcAs');
    const dstAs = batch.use('dstAs');
    for (let row = 0, at = 0; row < batch.rows; row++, at += 2) {
      srcAs[row] = database.find(srcHi[at + 1]!, srcHi[at]!, srcLo[at + 1]!, srcLo[at]!);
      dstAs[row] = database.find(dstHi[at + 1]!, dstHi[at]!, dstLo[at + 1]!, dstLo[at]!);
    }
  }
}
