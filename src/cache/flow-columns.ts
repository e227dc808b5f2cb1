import { addon } from '../addon/addon.ts';
import type { FlowColumns, FlowWriter } from '../addon/flow-cache-memory.ts';
import type { FlowBatch } from '../flow/batch.ts';

/** The columns that every flow of a cache has, whose every row is written. */
export function flowColumns(batch: FlowBatch): FlowColumns {
  return {
    srcAddrHi: batch.claim('srcAddrHi'),
    srcAddrLo: batch.claim('srcAddrLo'),
    dstAddrHi: batch.claim('dstAddrHi'),
    dstAddrLo: batch.claim('dstAddrLo'),
    srcPort: batch.claim('srcPort'),
    dstPort: batch.claim('dstPort'),
    proto: batch.claim('proto'),
    tos: batch.claim('tos'),
    tcpFlags: batch.claim('tcpFlags'),
    inIf: batch.claim('inIf'),
    packets: batch.claim('packets'),
    octets: batch.claim('octets'),
    firstMs: batch.claim('firstMs'),
    lastMs: batch.claim('lastMs'),
    receivedMs: batch.claim('receivedMs'),
    exportMs: batch.claim('exportMs'),
    endReason: batch.claim('endReason'),
  };
}

/** Of batches that are filled again and again: to be told an array takes the addon as long as to write some rows. */
const writers = new WeakMap<FlowBatch, FlowWriter>();

/** What writes these columns of a batch. */
export function flowWriter(batch: FlowBatch): FlowWriter {
  const columns = flowColumns(batch);
  let writer = writers.get(batch);
  if (writer === undefined) {
    writer = new (addon().FlowWriter)(columns);
    writers.set(batch, writer);
  }
  return writer;
}
