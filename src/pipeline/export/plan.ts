import { accessSync, constants } from 'node:fs';
import { biflowKey, describeKey } from '../../cache/key-fields.ts';
import { timeoutNames } from '../../cache/timeout-presets.ts';
import { checkFilter } from '../../capture/bpf-filter.ts';
import { type CaptureInterface, confWords } from '../../capture/interface.ts';
import { describeTemplates, type TemplateDescription } from '../../export/describe-templates.ts';
import { parseCollector } from '../../export/destination.ts';
import { completeOptions } from '../../export/exporter-options.ts';
import { UserError } from '../../flow/user-error.ts';
import { parseStreamFormat } from '../../query/flow-printer.ts';
import { elementLabel } from '../../wire/elements.ts';
import type { RecordField } from '../../wire/encode-record.ts';
import { captureFiles, STANDARD_INPUT } from './capture-files.ts';
import { openAsn, routeFields } from './enrichment.ts';
import type { ExportOptions } from './options.ts';

/**
 * Rejects with a `UserError` for what is wrong with the options and can be found without reading, sending or writing anything:
 * files that cannot be read, formats and destinations that cannot be, values that no datagram carries, filters that nothing can be captured with.
 */
export async function checkPlan(options: ExportOptions): Promise<void> {
  for (const path of captureFiles(options.files)) {
    if (path === STANDARD_INPUT) continue;
    try {
      accessSync(path, constants.R_OK);
    } catch (cause) {
      throw new UserError(`${path}: cannot read: ${(cause as Error).message}`, { cause });
    }
  }
  const { filter, interfaces } = options;
  await checkFilter(filter);
  for (const one of interfaces) await checkFilter(one.filter, `-i ${one.device}: `);
  await openAsn(options);
  if (options.print !== undefined) parseStreamFormat(options.print);
  for (const destination of options.destinations) parseCollector(destination);
  const { version, domain, sampling } = options;
  if (options.destinations.length > 0) {
    completeOptions({ version, domain, sampling, transports: [], clock: 'wall', bootMs: Date.now });
  }
}

/** What a run with these options would do, for people: inputs, metering, outputs and the templates in full. */
export function describePlan(options: ExportOptions): string[] {
  const {
    interfaces,
    localMacs,
    localNets,
    localVlans,
    filter,
    sampling,
    speed,
    destinations,
    directory,
    print,
    version,
    template,
  } = options;
  const lines = interfaces.map(describeInterface);
  if (interfaces.length === 0) lines.push(...captureFiles(options.files).map((file) => `read    ${file}`));
  if (speed > 0) lines.push(`        at ${speed} times the speed of the capture`);
  if (filter !== undefined) lines.push(`filter  ${filter}`);
  const telling: [number, string][] = [
    [localMacs.length, 'local MAC address(es)'],
    [localNets.length, 'local network(s)'],
    [localVlans.length, 'local VLAN(s)'],
  ];
  for (const [count, what] of telling) if (count > 0) lines.push(`        direction told by ${count} ${what}`);
  const picked = sampling.random
    ? `1 packet of ${sampling.rate}, at random`
    : `the first of each ${sampling.rate} packets`;
  lines.push(
    `meter   ${sampling.rate > 1 ? picked : 'every packet'}; at most ${options.maxFlows} flows at a time, ` +
      (options.whenFull === 'evict' ? 'the longest idle leaves for a new one' : 'packets of others are not metered'),
    `        flows told apart by ${describeKey(options.biflow ? biflowKey(options.key) : options.key)}`,
    `        timeouts in seconds: ${timeoutNames.map((name) => `${name} ${options.timeouts[name]}`).join(', ')}`,
  );
  if (options.biflow) lines.push('        both ways of a connection are one flow (biflow)');
  if (options.workers > 1) lines.push(`        by ${options.workers} workers, each with its share of the flows`);
  if (options.decap) lines.push('        packets inside of tunnels');
  if (options.dedupMs !== undefined) lines.push(`        duplicates within ${options.dedupMs} ms left out`);
  const routes = routeFields(options);
  if (routes.size > 0) lines.push(`routes  of this host: ${[...routes].join(', ')}`);
  if (options.asnFile !== undefined) lines.push(`asn     ${options.asnFile}`);
  if (directory !== undefined) lines.push(`write   ${directory}, a file each ${options.intervalSec} s`);
  if (print !== undefined) lines.push(`print   ${print}`);
  for (const destination of destinations) lines.push(`send    ${destination}${options.balance ? ', its share' : ''}`);
  if (destinations.length === 0) return lines;
  lines.push(
    `        ${version === 10 ? 'IPFIX' : `NetFlow v${version}`}, domain ${options.domain}` +
      (version === 5
        ? ''
        : `; templates again each ${options.refreshSeconds} s or ${options.refreshDatagrams} datagrams`),
  );
  for (const one of describeTemplates(version, template, options.biflow)) lines.push('', ...describeTemplate(one));
  return lines;
}

function describeInterface({ device, conf, index, name, filter }: CaptureInterface): string {
  const words = [`conf=${conf}: ${confWords(conf).join(', ') || 'nothing'}`];
  if (index !== undefined) words.push(`ifIndex ${index}`);
  if (name !== undefined) words.push(`named ${name}`);
  if (filter !== undefined) words.push(`filter ${filter}`);
  return `read    interface ${device} (${words.join('; ')})`;
}

function describeTemplate({
  id,
  family,
  directionKnown,
  icmp,
  reverse,
  fields,
  recordBytes,
}: TemplateDescription): string[] {
  const kinds = [
    `IPv${family}`,
    ...(icmp ? ['ICMP'] : []),
    ...(reverse ? ['both ways'] : []),
    ...(directionKnown ? ['direction known'] : []),
  ].join(', ');
  const title = id === 0 ? 'record' : `template ${id}`;
  return [
    `${title} (${kinds}): ${fields.length} fields, ${recordBytes} octets`,
    ...(id === 0 ? fixedFields(fields) : fields.map(describeField)),
  ];
}

function describeField({ element, pen, length, value }: RecordField): string {
  const label = `${pen === undefined ? '' : 'reverse '}${elementLabel(element)}`;
  return `  ${String(element).padStart(5)}  ${String(length).padStart(2)}  ${value.padEnd(16)}  ${label}`;
}

/** The record of v5: octets from its start, since its fields have places and no numbers. */
function fixedFields(fields: readonly RecordField[]): string[] {
  let end = 0;
  return fields.map(({ element, length, value }) => {
    const start = end;
    end += length;
    const place = length === 1 ? `${start}` : `${start}-${end - 1}`;
    const name = value === 'constant' ? '(zero)' : value;
    return `  ${place.padStart(5)}  ${String(length).padStart(2)}  ${name.padEnd(16)}  ${element === 0 ? '' : 'system uptime, ms'}`.trimEnd();
  });
}
