import { Collector } from '../../../src/collect/collector.ts';
import { parseAddress } from '../../../src/flow/address.ts';
import { FlowBatchPool } from '../../../src/flow/batch.ts';
import { FlowFile } from '../../../src/pipeline/query/flow-file.ts';
import type { CapturedDatagram } from '../../support/udp.ts';

/** Collects datagrams as `weir collect` does, all flows into one flow file. */
export async function collectIntoFile(datagrams: readonly CapturedDatagram[], path: string): Promise<void> {
  const pool = new FlowBatchPool();
  const file = new FlowFile(path, { ident: undefined, compression: undefined });
  let written = Promise.resolve();
  const collector = new Collector({
    acquire: () => pool.acquire(),
    sink: (batch) => {
      written = written.then(() => file.write(batch));
    },
  });
  for (const { payload, from, ms } of datagrams) {
    const [hiHigh, hiLow, loHigh, loLow] = parseAddress(from)!;
    collector.addDatagram(payload, { receivedMs: ms, hiHigh, hiLow, loHigh, loLow, port: 30_000, session: 0 });
  }
  collector.flush();
  await written;
  await file.close();
}
