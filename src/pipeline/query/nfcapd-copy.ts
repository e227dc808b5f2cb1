import { basename } from 'node:path';
import { FlowBatchPool } from '../../flow/batch.ts';
import { UserError } from '../../flow/user-error.ts';
import { FlowFileError } from '../../import/flow-file-error.ts';
import { NfcapdFile } from '../../import/nfcapd-file.ts';
import { readNfcapd } from '../../import/nfcapd-flows.ts';
import { nfcapdSlotMs } from '../../import/nfcapd-names.ts';
import { SlotArchive } from '../../store/slot-archive.ts';
import { DEFAULT_INTERVAL_SECONDS } from '../../store/slots.ts';

/**
 * Writes the flows of an nfcapd file to a segment in a directory that is made for it; resolves to its path.
 *
 * @throws UserError when the file is damaged
 */
export async function copyNfcapdFile(file: string, directory: string, log: (message: string) => void): Promise<string> {
  const archive = await SlotArchive.open({ directory, layout: 0, indexed: false, log });
  try {
    const opened = await NfcapdFile.open(file);
    await opened.close();
    const ident = opened.ident || 'none';
    // -g tells the time in the name; 0 where there is none.
    const startMs = nfcapdSlotMs(basename(file)) ?? 0;
    const slot = await archive.begin({ startMs, intervalSeconds: DEFAULT_INTERVAL_SECONDS, ident });
    await readNfcapd(file, new FlowBatchPool(), (batch) => slot.append(batch));
    return await slot.seal();
  } catch (error) {
    throw error instanceof FlowFileError ? new UserError(`${file}: ${error.message}`, { cause: error }) : error;
  } finally {
    await archive.close();
  }
}
