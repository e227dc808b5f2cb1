import type { SamplingSetting } from '../../collect/sampling.ts';
import type { Destination } from '../../export/destination.ts';
import type { Prefix } from '../../flow/prefix.ts';
import type { LogFormat } from '../daemon/log-output.ts';
import type { Identity } from '../daemon/privileges.ts';
import type { InputOptions } from './inputs.ts';
import type { SourcePlan } from './source-plan.ts';

export interface CollectOptions extends InputOptions {
  plan: SourcePlan;
  /** Blocks whose exporters are heard; empty: all. */
  allowed: readonly Prefix[];
  /** Datagrams a second that an exporter may send; 0: any number. */
  exporterRate: number;
  intervalSec: number;
  /** Sub-directories of the store, 0 to 8. */
  layout: number;
  /** What the operator says about sampling. */
  sampling?: SamplingSetting;
  flushMs: number;
  /** Delete old files after each slot, by the limits that are kept for the store. */
  expires: boolean;
  /** Collectors that get the same datagrams. */
  repeatTo: readonly Destination[];
  /** They get them under the address of the exporter. */
  keepsSource: boolean;
  /** Where counters are served by HTTP. */
  metrics?: Destination;
  /** Run after each slot. */
  command?: string;
  pidFile?: string;
  identity: Identity;
  /** Where the settings come from, beside the command line: SIGHUP reads it again. */
  configFile?: string;
  logFile?: string;
  logFormat: LogFormat;
  /** This process was started to run in the background: no terminal, somebody waits for `reportReady`. */
  isBackground: boolean;
  quiet: boolean;
  /** Lines about options that have no effect. */
  notes: readonly string[];
}
