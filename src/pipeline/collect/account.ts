import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CollectorStats, ExporterRefusals, StreamStats } from '../../collect/collector.ts';
import type { InterfaceStats } from '../../collect/interface-counters.ts';
import type { SessionStats } from '../../collect/session-listener.ts';
import { isMissing } from '../../flow/missing.ts';
import { UserError } from '../../flow/user-error.ts';
import type { InputStats } from './inputs.ts';

/** Name of the account in the directory of a store. */
export const ACCOUNT_NAME = '.weir.exporters.json';
/** Grows when a member changes its meaning or goes; new members do not change it. */
const SCHEMA = 1;

/** What reached the process, whatever exporter or source it was of. */
export interface Reception {
  readonly datagrams: number;
  readonly kernelDropped: number;
  readonly queueDropped: number;
  readonly ignored: number;
  /** Turned away by --allow and --exporter-rate. */
  readonly denied: number;
  readonly throttled: number;
  /** Of connections, where there are listeners for them. */
  readonly sessions?: SessionStats;
}

/** Everything that a collector can say of the exporters of one source, since it started. */
export interface Account {
  readonly schema: number;
  readonly ident: string;
  /** Start of the collector and time of writing, milliseconds since 1970. */
  readonly startedMs: number;
  readonly writtenMs: number;
  readonly reception: Reception;
  readonly decode: CollectorStats['decode'];
  readonly pending: CollectorStats['pending'];
  readonly overflowDatagrams: number;
  readonly storedFlows: number;
  readonly lostFlows: number;
  readonly streams: readonly StreamStats[];
  /** Accounts of earlier versions have none. */
  readonly interfaces?: readonly InterfaceStats[];
  readonly refusals?: readonly ExporterRefusals[];
}

export function receptionOf(stats: InputStats, ignored: number): Reception {
  const { datagrams, kernelDropped, queueDropped, denied, throttled, sessions } = stats;
  const reception = { datagrams, kernelDropped, queueDropped, ignored, denied, throttled };
  return sessions === undefined ? reception : { ...reception, sessions };
}

export function makeAccount(
  source: { ident: string; startedMs: number; nowMs: number },
  reception: Reception,
  collected: CollectorStats,
  store: { storedFlows: number; lostFlows: number },
): Account {
  const { decode, pending, overflowDatagrams, streams, interfaces, refusals } = collected;
  const { storedFlows, lostFlows } = store;
  return {
    schema: SCHEMA,
    ident: source.ident,
    startedMs: source.startedMs,
    writtenMs: source.nowMs,
    reception,
    decode,
    pending,
    overflowDatagrams,
    storedFlows,
    lostFlows,
    streams,
    interfaces,
    refusals,
  };
}

/** The account of a store; undefined when there is none. Throws UserError when it cannot be read. */
export async function readAccount(directory: string): Promise<Account | undefined> {
  const path = join(directory, ACCOUNT_NAME);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new UserError(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  let account: Partial<Account> | null;
  try {
    account = JSON.parse(text) as Partial<Account> | null;
  } catch (error) {
    throw new UserError(`${path} is damaged: ${(error as Error).message}`, { cause: error });
  }
  if (account?.schema !== SCHEMA || !Array.isArray(account.streams) || typeof account.reception !== 'object') {
    throw new UserError(`${path} is no account that this version of weir reads`);
  }
  return account as Account;
}
