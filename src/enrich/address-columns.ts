import type { FlowBatch } from '../flow/batch.ts';

const none = new Uint32Array(0);

/** Source and destination of the rows of a batch as four words each; words of a missing column are 0. */
export class AddressColumns {
  srcHi = none;
  srcLo = none;
  dstHi = none;
  dstLo = none;
  private zeros = none;

  /** The columns of a batch, until the next call. */
  bind(batch: FlowBatch): void {
    if (this.zeros.length < batch.rows * 2) this.zeros = new Uint32Array(batch.capacity * 2);
    this.srcHi = batch.get('srcAddrHi') ?? this.zeros;
    this.srcLo = batch.get('srcAddrLo') ?? this.zeros;
    this.dstHi = batch.get('dstAddrHi') ?? this.zeros;
    this.dstLo = batch.get('dstAddrLo') ?? this.zeros;
  }
}
