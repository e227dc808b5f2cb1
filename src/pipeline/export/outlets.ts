import { FlowPrinter } from '../../query/flow-printer.ts';
import { FlowStore } from '../../store/flow-store.ts';
import type { Log } from '../daemon/log.ts';
import { becomeIdentity, givesUpPrivileges } from '../daemon/privileges.ts';
import type { FlowOutputOptions } from '../flow-output.ts';
import { meteredColumns } from './metered-columns.ts';
import type { ExportOperations } from './operations.ts';
import type { ExportOptions } from './options.ts';
import type { PacketInputs } from './packet-inputs.ts';
import { SenderSwitch } from './sender-switch.ts';
import { abortLinks, openLinks, type RunFacts, Senders } from './senders.ts';

/** Where flows go, and what operators reach the run by. */
export interface Outlets {
  readonly destinations: FlowOutputOptions['destinations'];
  readonly senders: SenderSwitch;
  readonly store: FlowStore | undefined;
  readonly printer: FlowPrinter | undefined;
  readonly operations: ExportOperations | undefined;
}

/**
 * Opens what needs privileges, gives them up, and opens the rest; on failure nothing stays open. `ready` resolves when
 * the meter needs no file of weir any more.
 */
export async function openOutlets(
  options: ExportOptions,
  reader: PacketInputs['reader'],
  facts: RunFacts,
  ready: () => Promise<void>,
  warn: Log,
): Promise<Outlets> {
  let links: Awaited<ReturnType<typeof openLinks>> = [];
  let operations: ExportOperations | undefined;
  try {
    links = await openLinks(options, warn);
    if (options.metrics !== undefined || options.control !== undefined) {
      const { ExportOperations: Operations } = await import('./operations.ts');
      operations = await Operations.listen(options, warn);
    }
    // Without a reader there is nothing left to do for a run that only prints.
    const onReaderGone = () => links.length === 0 && options.directory === undefined && reader.stop();
    const printer =
      options.print === undefined
        ? undefined
        : await FlowPrinter.open(options.print, process.stdout, meteredColumns(options), onReaderGone);
    if (givesUpPrivileges(options.identity)) {
      // Who weir is from now on may not be able to read it where it is installed. The second is for a reload.
      await ready();
      await import('../../export/tcp-transport.ts');
      becomeIdentity(options.identity);
    }
    const senders = new SenderSwitch(links.length > 0 ? new Senders(options, links, facts) : undefined);
    const store =
      options.directory === undefined
        ? undefined
        : await FlowStore.open({
            directory: options.directory,
            mode: options.interfaces.length > 0 ? 'live' : 'replay',
            ident: options.ident,
            intervalSeconds: options.intervalSec,
            layout: options.layout,
            log: warn,
          });
    const destinations: Outlets['destinations'][number][] = [...senders.destinations];
    if (store !== undefined) destinations.push({ name: options.directory!, consumer: store });
    if (printer !== undefined) destinations.push({ name: 'standard output', consumer: printer });
    return { destinations, senders, store, printer, operations };
  } catch (error) {
    operations?.close();
    abortLinks(links);
    throw error;
  }
}
