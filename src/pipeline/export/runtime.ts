import type { MeteringCache } from '../../cache/flow-cache-options.ts';
import type { NamedTimeouts } from '../../cache/timeout-presets.ts';
import type { FlowStore } from '../../store/flow-store.ts';
import type { FlowOutput } from '../flow-output.ts';
import type { ExportOptions } from './options.ts';
import type { PacketInputs } from './packet-inputs.ts';
import type { SenderSwitch } from './sender-switch.ts';

/** A running exporter as metrics, the control socket and reload see it. */
export interface ExportRuntime {
  readonly startedMs: number;
  /** Those in force. */
  options: ExportOptions;
  readonly inputs: PacketInputs;
  readonly cache: MeteringCache;
  /** Packets left out so far because they were there already. */
  duplicates(): number;
  readonly output: FlowOutput;
  readonly senders: SenderSwitch;
  readonly store: FlowStore | undefined;
  /** Throws UserError, and then the former ones stay. */
  setTimeouts(timeouts: NamedTimeouts): void;
  /** Ends every flow, no faster than they are taken; gives how many. */
  expireAll(): Promise<number>;
  /** Ends the run in good order. */
  stop(why: string): void;
}
