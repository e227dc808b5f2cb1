import type { FlowColumns } from '../addon/flow-cache-memory.ts';
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
