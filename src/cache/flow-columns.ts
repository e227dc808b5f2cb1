import type { FlowColumns } from '../addon/flow-cache-memory.ts';
import type { FlowBatch } from '../flow/batch.ts';

/** The columns that every flow of a cache has. */
export function flowColumns(batch: FlowBatch): FlowColumns {
  return {
    srcAddrHi: batch.use('srcAddrHi'),
    srcAddrLo: batch.use('srcAddrLo'),
    dstAddrHi: batch.use('dstAddrHi'),
    dstAddrLo: batch.use('dstAddrLo'),
    srcPort: batch.use('srcPort'),
    dstPort: batch.use('dstPort'),
    proto: batch.use('proto'),
    tos: batch.use('tos'),
    tcpFlags: batch.use('tcpFlags'),
    inIf: batch.use('inIf'),
    packets: batch.use('packets'),
    octets: batch.use('octets'),
    firstMs: batch.use('firstMs'),
    lastMs: batch.use('lastMs'),
    receivedMs: batch.use('receivedMs'),
    exportMs: batch.use('exportMs'),
    endReason: batch.use('endReason'),
  };
}
