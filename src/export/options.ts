/** What the exporter says about itself in options records: sampling, start, counts, keys, interfaces. */
import type { FieldName } from '../flow/fields.ts';
import type { RecordField } from '../wire/encode-record.ts';
import type { OptionsTable } from '../wire/encode-template.ts';
import { V9_SCOPE_SYSTEM, VARIABLE_LENGTH, VERSION_V9 } from '../wire/protocol.ts';

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

const SYSTEM_SCOPE = { element: V9_SCOPE_SYSTEM, length: 4 };
const DOMAIN_SCOPE = { element: 149, length: 4 };
const V9_NAME_BYTES = 32;
const V9_DESCRIPTION_BYTES = 64;

/** PSAMP selector of the only sampler, and its algorithms (IANA psamp-parameters). */
const SELECTOR = 1;
const SYSTEMATIC_COUNT = 1;
const RANDOM_N_OF_N = 3;
/** Elements 35 and 49, sampling algorithm. */
const DETERMINISTIC = 1;
const RANDOM = 2;

/**
 * The sampling rate. v9 and IPFIX alike say it with 34 and 35, which every collector reads; IPFIX also with PSAMP's
 * selector report (RFC 5477). That one goes first: goflow2 takes its 305 for the rate, and the last record wins.
 */
export function samplingTables(version: number, domain: number, sampling: SamplingOptions): OptionsTable[] {
  const { rate, random } = sampling;
  const isV9 = version === VERSION_V9;
  const plain: OptionsTable = {
    scopes: [isV9 ? SYSTEM_SCOPE : DOMAIN_SCOPE],
    fields: [
      { element: 34, length: 4 },
      { element: 35, length: 1 },
    ],
    rows: [[isV9 ? 0 : domain, rate, random ? RANDOM : DETERMINISTIC]],
  };
  if (isV9) return [plain];
  // Systematic: `interval` packets taken, then `space` left. Random: `size` of a population.
  const [interval, space] = random ? [309, 310] : [305, 306];
  const selector: OptionsTable = {
    scopes: [{ element: 302, length: 8 }],
    fields: [
      { element: 304, length: 2 },
      { element: interval!, length: 4 },
      { element: space!, length: 4 },
    ],
    rows: [[SELECTOR, random ? RANDOM_N_OF_N : SYSTEMATIC_COUNT, 1, random ? rate : rate - 1]],
  };
  return [selector, plain];
}

/** RFC 7011 section 4.1: what the process has exported up to now; in v9 the same elements with the system as scope. */
export function statisticsTable(version: number, domain: number, counts: ExportCounts): OptionsTable {
  const isV9 = version === VERSION_V9;
  return {
    scopes: [isV9 ? SYSTEM_SCOPE : DOMAIN_SCOPE],
    fields: [
      { element: 41, length: 8 },
      { element: 42, length: 8 },
      { element: 40, length: 8 },
    ],
    rows: [[isV9 ? 0 : domain, counts.messages, counts.records, counts.bytes]],
  };
}

/** IPFIX: systemInitTimeMilliseconds, which v9 has in its header as sysUptime. */
export function startTable(domain: number, bootMs: number): OptionsTable {
  return { scopes: [DOMAIN_SCOPE], fields: [{ element: 160, length: 8 }], rows: [[domain, bootMs]] };
}

/** RFC 7011 section 4.4: which fields of each template (the first 64) make the flow's key. */
export function flowKeyTable(
  templates: readonly { id: number; fields: readonly RecordField[] }[],
  keys: readonly FieldName[],
): OptionsTable {
  const isKey = new Set<string>(keys);
  const rows = templates.map(({ id, fields }) => {
    let bits = 0n;
    for (const [i, field] of fields.slice(0, 64).entries()) if (isKey.has(field.value)) bits |= 1n << BigInt(i);
    return [id, bits];
  });
  return { scopes: [{ element: 145, length: 2 }], fields: [{ element: 173, length: 8 }], rows };
}

/** Names of interfaces. v9 has no variable lengths, so its strings are filled with zeros. */
export function interfaceTable(version: number, interfaces: readonly InterfaceName[]): OptionsTable {
  const text = interfaces.map((i) => [i.index, i.name, i.description ?? i.name] as const);
  if (version === VERSION_V9) {
    return {
      scopes: [SYSTEM_SCOPE],
      fields: [
        { element: 10, length: 4 },
        { element: 82, length: V9_NAME_BYTES },
        { element: 83, length: V9_DESCRIPTION_BYTES },
      ],
      rows: text.map((row) => [0, ...row]),
    };
  }
  return {
    scopes: [{ element: 10, length: 4 }],
    fields: [
      { element: 82, length: VARIABLE_LENGTH },
      { element: 83, length: VARIABLE_LENGTH },
    ],
    rows: text,
  };
}
