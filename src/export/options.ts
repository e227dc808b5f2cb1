/** What the exporter says about itself in options records: sampling, start, counts, keys, interfaces. */
import type { RecordField } from '../wire/encode-record.ts';
import type { FieldSpec, OptionsTable, OptionValue } from '../wire/encode-template.ts';
import { V9_SCOPE_SYSTEM, VERSION_V9 } from '../wire/protocol.ts';

export interface InterfaceName {
  /** SNMP ifIndex. */
  readonly index: number;
  readonly name: string;
  readonly description?: string;
}

export interface SamplingOptions {
  /** One of so many packets is metered; 1 meters all. */
  readonly rate: number;
  readonly random: boolean;
}

export interface ExportCounts {
  readonly messages: number;
  readonly bytes: number;
  readonly records: number;
}

/** What the metering and exporting processes counted since they started. */
export interface ProcessCounts {
  /** Packets that came to the sampler, and that it took. */
  readonly observedPackets: number;
  readonly selectedPackets: number;
  /** IP packets that were not metered: dropped before they were read, or broken. */
  readonly ignoredPackets: number;
  readonly observedFlows: number;
  /** Flows that were metered and then not sent to this collector, and what they had counted. */
  readonly notSentFlows: number;
  readonly notSentPackets: number;
  readonly notSentOctets: number;
}

const SYSTEM_SCOPE = { element: V9_SCOPE_SYSTEM, length: 4 };
const DOMAIN_SCOPE = { element: 149, length: 4 };
const PROCESS_SCOPE = { element: 144, length: 4 };
const SELECTOR_SCOPE = { element: 302, length: 8 };
/** The only exporting process of this observation domain. */
const EXPORTING_PROCESS = 1;
const MAX_NAME_BYTES = 64;
const MAX_DESCRIPTION_BYTES = 128;

/** PSAMP selector of the only sampler, and its algorithms (IANA psamp-parameters). */
const SELECTOR = 1;
const SYSTEMATIC_COUNT = 1;
const RANDOM_N_OF_N = 3;
/** Element 35, sampling algorithm. */
const DETERMINISTIC = 1;
const RANDOM = 2;

/**
 * The sampling rate, said twice because no form is read by all. v9: element 34 alone for nfcapd 1.7.1, which reads it in
 * no other way, and 34 with 35 for the rest. IPFIX: 34 alone, then PSAMP's selector report (RFC 5477); in that order,
 * because goflow2 takes 305 for the rate too and keeps the first it finds.
 */
export function samplingTables(version: number, domain: number, sampling: SamplingOptions): OptionsTable[] {
  const { rate, random } = sampling;
  const interval = { element: 34, length: 4 };
  const algorithm = { element: 35, length: 1 };
  if (version !== VERSION_V9) {
    return [{ scopes: [DOMAIN_SCOPE], fields: [interval], rows: [[domain, rate]] }, selectorReport(sampling)];
  }
  const scopes = [SYSTEM_SCOPE];
  return [
    { scopes, fields: [interval], rows: [[0, rate]] },
    { scopes, fields: [interval, algorithm], rows: [[0, rate, random ? RANDOM : DETERMINISTIC]] },
  ];
}

/** Systematic sampling takes one packet and leaves rate - 1; random sampling takes one out of a population of rate. */
function selectorReport({ rate, random }: SamplingOptions): OptionsTable {
  const [taken, of] = random ? [309, 310] : [305, 306];
  return {
    scopes: [SELECTOR_SCOPE],
    fields: [
      { element: 304, length: 2 },
      { element: taken!, length: 4 },
      { element: of!, length: 4 },
    ],
    rows: [[SELECTOR, random ? RANDOM_N_OF_N : SYSTEMATIC_COUNT, 1, random ? rate : rate - 1]],
  };
}

/** RFC 7011 section 4.1: what the process has exported up to now; in v9 the same elements with the system as scope. */
export function statisticsTable(version: number, domain: number, counts: ExportCounts): OptionsTable {
  const isV9 = version === VERSION_V9;
  return {
    scopes: [isV9 ? SYSTEM_SCOPE : DOMAIN_SCOPE],
    fields: wide(41, 42, 40),
    rows: [[isV9 ? 0 : domain, counts.messages, counts.records, counts.bytes]],
  };
}

/**
 * RFC 7011 sections 4.2 and 4.3 and, in IPFIX, RFC 5477 section 6.5.3: what was not metered, not sent, not selected. v9
 * has no scopes for processes and selectors: there the first two speak of the system.
 */
export function processTables(version: number, domain: number, counts: ProcessCounts): OptionsTable[] {
  const isV9 = version === VERSION_V9;
  const { observedPackets, selectedPackets, ignoredPackets, observedFlows } = counts;
  const { notSentFlows, notSentPackets, notSentOctets } = counts;
  const tables: OptionsTable[] = [
    {
      scopes: [isV9 ? SYSTEM_SCOPE : DOMAIN_SCOPE],
      fields: wide(163, 164),
      rows: [[isV9 ? 0 : domain, observedFlows, ignoredPackets]],
    },
    {
      scopes: [isV9 ? SYSTEM_SCOPE : PROCESS_SCOPE],
      fields: wide(166, 167, 168),
      rows: [[isV9 ? 0 : EXPORTING_PROCESS, notSentFlows, notSentPackets, notSentOctets]],
    },
  ];
  if (!isV9) {
    tables.push({
      scopes: [SELECTOR_SCOPE],
      fields: wide(318, 319),
      rows: [[SELECTOR, observedPackets, selectedPackets]],
    });
  }
  return tables;
}

/** Counters of eight bytes. */
function wide(...ids: number[]): FieldSpec[] {
  return ids.map((element) => ({ element, length: 8 }));
}

/** IPFIX: systemInitTimeMilliseconds, which v9 has in its header as sysUptime. */
export function startTable(domain: number, bootMs: number): OptionsTable {
  return { scopes: [DOMAIN_SCOPE], fields: [{ element: 160, length: 8 }], rows: [[domain, bootMs]] };
}

/** RFC 7011 section 4.4: which fields of each template (the first 64) make the flow's key. */
export function flowKeyTable(
  templates: ReadonlyMap<number, readonly RecordField[]>,
  keys: readonly RecordField['value'][],
): OptionsTable {
  const isKey = new Set<string>(keys);
  const rows = [...templates].map(([id, fields]) => {
    let bits = 0n;
    for (const [i, field] of fields.slice(0, 64).entries()) if (isKey.has(field.value)) bits |= 1n << BigInt(i);
    return [id, bits];
  });
  return { scopes: [{ element: 145, length: 2 }], fields: [{ element: 173, length: 8 }], rows };
}

/**
 * Names of interfaces: one table for each pair of lengths, so that no string is padded (RFC 7011 section 6.1.6) and none
 * needs a variable length, which v9 has not and nfcapd does not read in options.
 */
export function interfaceTables(version: number, interfaces: readonly InterfaceName[]): OptionsTable[] {
  const isV9 = version === VERSION_V9;
  const tables = new Map<string, OptionsTable & { rows: OptionValue[][] }>();
  for (const { index, name, description = name } of interfaces) {
    const shortName = cutText(name, MAX_NAME_BYTES);
    const shortDescription = cutText(description, MAX_DESCRIPTION_BYTES);
    const nameField = { element: 82, length: Buffer.byteLength(shortName) };
    const descriptionField = { element: 83, length: Buffer.byteLength(shortDescription) };
    const key = `${nameField.length}/${descriptionField.length}`;
    let table = tables.get(key);
    if (table === undefined) {
      const index = { element: 10, length: 4 };
      table = isV9
        ? { scopes: [SYSTEM_SCOPE], fields: [index, nameField, descriptionField], rows: [] }
        : { scopes: [index], fields: [nameField, descriptionField], rows: [] };
      tables.set(key, table);
    }
    table.rows.push(isV9 ? [0, index, shortName, shortDescription] : [index, shortName, shortDescription]);
  }
  return [...tables.values()];
}

/** At most `bytes` bytes of UTF-8, never half a character. */
function cutText(text: string, bytes: number): string {
  let out = '';
  for (const character of text) {
    if (Buffer.byteLength(out + character) > bytes) break;
    out += character;
  }
  return out;
}
