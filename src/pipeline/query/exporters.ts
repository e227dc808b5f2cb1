import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExporterRefusals, StreamStats } from '../../collect/collector.ts';
import type { SessionStats } from '../../collect/session-listener.ts';
import { escapeControls } from '../../flow/json.ts';
import { UserError, unreadableDirectory } from '../../flow/user-error.ts';
import { VERSION_SFLOW } from '../../wire/protocol.ts';
import { ACCOUNT_NAME, type Account, readAccount } from '../collect/account.ts';
import { namesBeside } from '../collect/names-file.ts';

export interface ExportersOptions {
  /** Of a store (`collect -w`), or of several (`collect -M`). */
  directory: string;
  output: 'table' | 'json';
}

/** Prints what collectors wrote down of their exporters; returns the exit status. */
export async function runExporters(options: ExportersOptions, write: (text: string) => void): Promise<number> {
  const found = await findAccounts(options.directory);
  const accounts = found.map(({ account }) => account);
  if (accounts.length === 0) {
    throw new UserError(`${options.directory} has no account of exporters: is it the directory of a weir collect?`);
  }
  if (options.output === 'json') {
    const named = found.map(async ({ account, directory }) => {
      const names = await namesBeside([join(directory, ACCOUNT_NAME)]);
      return { ...account, names: names.toObject() };
    });
    write(`${escapeControls(JSON.stringify(await Promise.all(named), undefined, 2))}\n`);
  } else write(accounts.map(describeAccount).join('\n'));
  return 0;
}

async function findAccounts(directory: string): Promise<{ account: Account; directory: string }[]> {
  try {
    const own = await readAccount(directory);
    if (own !== undefined) return [{ account: own, directory }];
    const entries = await readdir(directory, { withFileTypes: true });
    const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
    const accounts: { account: Account; directory: string }[] = [];
    for (const name of names.sort()) {
      const path = join(directory, name);
      const account = await readAccount(path);
      if (account !== undefined) accounts.push({ account, directory: path });
    }
    return accounts;
  } catch (cause) {
    throw cause instanceof UserError ? cause : unreadableDirectory(directory, cause);
  }
}

/** A column of the table: its heading, and the text of a cell. */
type TableColumn = readonly [heading: string, cell: (stream: StreamStats, account: Account) => string];

const table: readonly TableColumn[] = [
  ['Exporter', (stream) => stream.exporter],
  ['Ver', ({ version }) => (version === VERSION_SFLOW ? 'sFlow' : String(version))],
  ['Domain', (stream) => String(stream.domain)],
  ['By', ({ transport }) => transport ?? 'udp'],
  ['Datagrams', (stream) => String(stream.datagrams)],
  ['Records', (stream) => String(stream.records)],
  ['Lost', (stream) => (stream.lost === 0 ? '0' : `${stream.lost} ${stream.lostUnit}`)],
  ['Late', (stream) => String(stream.reordered)],
  ['Twice', (stream) => String(stream.duplicated)],
  ['Resets', (stream) => String(stream.resets)],
  ['Templates', (stream) => String(stream.templates)],
  ['Unknown', (stream) => String(stream.setsWithoutTemplate)],
  ['Sampling', (stream) => (stream.samplingRate === 0 ? '-' : `1:${stream.samplingRate}`)],
  ['Skew', (stream) => (stream.datagrams === 0 ? '-' : `${(stream.skewMs / 1000).toFixed(1)} s`)],
  ['Last seen', (stream) => (stream.datagrams === 0 ? 'not yet' : stamp(stream.lastSeenMs))],
];

/** Elements that are listed of a stream. */
const MOST_UNKNOWN = 20;
/** Exporters that are listed with what was refused. */
const MOST_REFUSED = 20;

/** Columns of text stand to the left, numbers to the right. */
const LEFT = new Set(['Exporter', 'Last seen']);

function describeAccount(account: Account): string {
  const rows = [...account.streams].sort(inOrder).map((stream) => table.map(([, cell]) => cell(stream, account)));
  const widths = table.map(([heading], i) => Math.max(heading.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (LEFT.has(table[i]![0]) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  const { reception, decode } = account;
  const { denied, throttled, sessions } = reception;
  const bad = decode.tooShort + decode.unknownVersion + decode.badHeader + decode.truncated + decode.badSet;
  return [
    `Ident '${account.ident}', ${stamp(account.startedMs)} to ${stamp(account.writtenMs)}`,
    line(table.map(([heading]) => heading)),
    ...rows.map(line),
    ...account.streams.flatMap(describeQuirks),
    ...account.streams.flatMap(describeUnknown),
    ...describeRefusals(account.refusals ?? []),
    `Received: ${reception.datagrams} datagrams, lost in the kernel: ${reception.kernelDropped}, in our queue: ` +
      `${reception.queueDropped}, ignored: ${reception.ignored}, bad: ${bad}`,
    ...(reception.kernelDropped + reception.queueDropped > 0
      ? ['These are among what the exporters above lost; the rest was lost before it reached us']
      : []),
    // Accounts of earlier versions have none of these.
    ...(denied + throttled > 0 ? [`Turned away: ${denied} not allowed, ${throttled} beyond the rate`] : []),
    ...(sessions === undefined ? [] : [describeSessions(sessions)]),
    `Flows stored: ${account.storedFlows}, not stored: ${account.lostFlows}`,
    '',
  ].join('\n');
}

/** What devices do in their own way, and how often that was met. */
function describeQuirks({ exporter, version, domain, quirks }: StreamStats): string[] {
  const met = Object.entries(quirks ?? {}).map(([name, times]) => `${name} (${times})`);
  return met.length === 0 ? [] : [`Quirks of ${exporter} v${version} domain ${domain}: ${met.join(', ')}`];
}

/** Elements that weir only knows the number of, one line a stream. */
function describeUnknown({ exporter, version, domain, unknownElements }: StreamStats): string[] {
  // Accounts of older versions have none.
  const entries = Object.entries(unknownElements ?? {});
  if (entries.length === 0) return [];
  const listed = entries.map(([element, records]) => `${element} (${records} records)`);
  const more = listed.length - MOST_UNKNOWN;
  const shown = more > 0 ? [...listed.slice(0, MOST_UNKNOWN), `and ${more} more`] : listed;
  return [`Elements not known of ${exporter} v${version} domain ${domain}: ${shown.join(', ')}`];
}

/** What exporters told that there was no room for, one line each. */
function describeRefusals(refusals: readonly ExporterRefusals[]): string[] {
  const lines = refusals.slice(0, MOST_REFUSED).map(({ exporter, interfaces, optionEntries, sampleSources, names }) => {
    const kinds: [number, string][] = [
      [interfaces, 'counters of interfaces'],
      [optionEntries, 'samplers and elements'],
      [sampleSources, 'sources of samples'],
      [names, 'names'],
    ];
    const refused = kinds.filter(([times]) => times > 0).map(([times, what]) => `${what} (${times} times)`);
    return `Not kept of ${exporter}, which has its share of the room: ${refused.join(', ')}`;
  });
  const more = refusals.length - lines.length;
  return more > 0 ? [...lines, `and of ${more} more exporters`] : lines;
}

function describeSessions(sessions: SessionStats): string {
  const { open, accepted, refusedByLimit, refusedAddress, failedHandshakes, broken, timedOut, cut } = sessions;
  const failed = broken + timedOut + cut;
  return (
    `Sessions: ${open} of ${accepted} open, refused: ${refusedByLimit + refusedAddress + failedHandshakes}, ` +
    `ended before their time: ${failed}`
  );
}

function inOrder(a: StreamStats, b: StreamStats): number {
  const byNumbers = a.exporter.localeCompare(b.exporter, 'en', { numeric: true });
  return byNumbers || a.version - b.version || a.domain - b.domain;
}

function stamp(ms: number): string {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 19);
}
