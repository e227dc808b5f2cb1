import type { FlowBatch, FlowBatchPool } from '../flow/batch.ts';
import { NfcapdDecoder } from './nfcapd-decoder.ts';
import { NfcapdFile } from './nfcapd-file.ts';

/** What was read of one file. */
export interface NfcapdContent {
  readonly flows: number;
  /** What has no column, by name, and how many flows had it. */
  readonly lost: ReadonlyMap<string, number>;
}

/**
 * Reads the flows of an nfcapd file in their order. `write` gets them batch by batch, one at a time; while it is busy
 * with one the next is filled.
 *
 * @throws FlowFileError when the file is cut, damaged or no such file; what `write` rejected with
 */
export async function readNfcapd(
  path: string,
  pool: FlowBatchPool,
  write: (batch: FlowBatch) => Promise<void>,
): Promise<NfcapdContent> {
  const file = await NfcapdFile.open(path);
  const decoder = new NfcapdDecoder();
  let flows = 0;
  let batch = pool.acquire();
  let written: Promise<void> = Promise.resolve();
  const hand = async (): Promise<void> => {
    const full = batch;
    batch = pool.acquire();
    flows += full.rows;
    await written;
    written = write(full).finally(() => pool.release(full));
    // Its failure is thrown where it is waited for.
    written.catch(() => undefined);
  };
  try {
    for await (const block of file.blocks()) {
      decoder.begin(block);
      while (!decoder.decode(batch)) await hand();
    }
    if (batch.rows > 0) await hand();
    await written;
  } finally {
    await written.catch(() => undefined);
    pool.release(batch);
    await file.close();
  }
  return { flows, lost: decoder.lost() };
}

/** Time of the first flow of a file, milliseconds since 1970; of its beginning when it has no flows, 0 when it has none. */
export async function firstFlowMs(path: string, pool: FlowBatchPool): Promise<number> {
  const file = await NfcapdFile.open(path);
  const batch = pool.acquire();
  try {
    const decoder = new NfcapdDecoder();
    for await (const block of file.blocks()) {
      decoder.begin(block);
      decoder.decode(batch);
      if (batch.rows > 0) return batch.get('receivedMs')?.[0] || (batch.get('firstMs')?.[0] ?? 0);
    }
    return file.createdMs;
  } finally {
    pool.release(batch);
    await file.close();
  }
}
