import { parseAddress } from '../../src/flow/address.ts';
import type { FlowBatch } from '../../src/flow/batch.ts';

/** Writes an address into a row of a batch. */
export function putAddress(batch: FlowBatch, field: 'srcAddr' | 'dstAddr', row: number, text: string): void {
  const [w0, w1, w2, w3] = parseAddress(text)!;
  batch.use(`${field}Hi`).set([w1, w0], row * 2);
  batch.use(`${field}Lo`).set([w3, w2], row * 2);
}
