/**
 * NetFlow and IPFIX datagrams for tests, put together byte by byte and independent of weir's encoders.
 */

/** Element, length (65535 variable), enterprise. */
export type TemplateField = readonly [element: number, length: number, pen?: number];

/** 20 fields as routers export them. */
export const ROUTER_FIELDS: readonly TemplateField[] = [
  [8, 4],
  [12, 4],
  [15, 4],
  [10, 4],
  [14, 4],
  [2, 4],
  [1, 4],
  [22, 4],
  [21, 4],
  [7, 2],
  [11, 2],
  [6, 1],
  [4, 1],
  [5, 1],
  [16, 4],
  [17, 4],
  [9, 1],
  [13, 1],
  [61, 1],
  [89, 1],
];

export function recordBytes(fields: readonly TemplateField[]): number {
  return fields.reduce((sum, [, length]) => sum + length, 0);
}

export interface TemplateDefinition {
  id: number;
  fields: readonly TemplateField[];
  /** Options template: how many of the fields are scopes. */
  scopes?: number;
}

export interface DataSet {
  id: number;
  bytes: Uint8Array;
}

interface Message {
  sequence?: number;
  domain?: number;
  exportSeconds?: number;
  uptimeMs?: number;
  templates?: TemplateDefinition[];
  data?: DataSet[];
}

export const EXPORT_SECONDS = 1_700_000_000;
export const UPTIME_MS = 3_600_000;

/** Big-endian bytes of `value` in `width` octets. */
export function uint(value: number | bigint, width: number): Uint8Array {
  const out = new Uint8Array(width);
  let rest = BigInt(value);
  for (let i = width - 1; i >= 0; i--) {
    out[i] = Number(rest & 255n);
    rest >>= 8n;
  }
  return out;
}

export function concat(...parts: Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Octets that differ with `seed` and repeat from run to run. */
export function fill(length: number, seed: number): Uint8Array {
  const out = new Uint8Array(length);
  let state = (seed * 2_654_435_761 + 1) >>> 0;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    out[i] = state >>> 24;
  }
  return out;
}

export function v5Datagram(options: {
  version?: number;
  count?: number;
  sequence?: number;
  uptimeMs?: number;
  exportSeconds?: number;
  nanoseconds?: number;
  engine?: number;
  sampling?: number;
  records: Uint8Array;
}): Uint8Array {
  const version = options.version ?? 5;
  const recordBytes = version === 5 ? 48 : 52;
  const header = [
    uint(version, 2),
    uint(options.count ?? options.records.length / recordBytes, 2),
    uint(options.uptimeMs ?? UPTIME_MS, 4),
    uint(options.exportSeconds ?? EXPORT_SECONDS, 4),
    uint(options.nanoseconds ?? 0, 4),
  ];
  if (version !== 1) {
    header.push(uint(options.sequence ?? 0, 4), uint(options.engine ?? 0, 2), uint(options.sampling ?? 0, 2));
  }
  return concat(...header, options.records);
}

export function v9Datagram(message: Message): Uint8Array {
  const sets = setsOf(message, 9);
  return concat(
    uint(9, 2),
    uint((message.templates?.length ?? 0) + (message.data?.length ?? 0), 2),
    uint(message.uptimeMs ?? UPTIME_MS, 4),
    uint(message.exportSeconds ?? EXPORT_SECONDS, 4),
    uint(message.sequence ?? 0, 4),
    uint(message.domain ?? 0, 4),
    sets,
  );
}

export function ipfixMessage(message: Message): Uint8Array {
  const sets = setsOf(message, 10);
  return concat(
    uint(10, 2),
    uint(16 + sets.length, 2),
    uint(message.exportSeconds ?? EXPORT_SECONDS, 4),
    uint(message.sequence ?? 0, 4),
    uint(message.domain ?? 0, 4),
    sets,
  );
}

export function set(id: number, body: Uint8Array): Uint8Array {
  return concat(uint(id, 2), uint(4 + body.length, 2), body);
}

function setsOf(message: Message, version: 9 | 10): Uint8Array {
  const templates = (message.templates ?? []).map((template) => {
    const isOptions = template.scopes !== undefined;
    const id = version === 9 ? (isOptions ? 1 : 0) : isOptions ? 3 : 2;
    return set(id, templateRecord(template, version));
  });
  return concat(...templates, ...(message.data ?? []).map(({ id, bytes }) => set(id, bytes)));
}

function templateRecord({ id, fields, scopes }: TemplateDefinition, version: 9 | 10): Uint8Array {
  const counts =
    scopes === undefined
      ? [uint(fields.length, 2)]
      : version === 9
        ? [uint(scopes * 4, 2), uint((fields.length - scopes) * 4, 2)]
        : [uint(fields.length, 2), uint(scopes, 2)];
  const specifiers = fields.map(([element, length, pen]) =>
    pen === undefined
      ? concat(uint(element, 2), uint(length, 2))
      : concat(uint(element | 0x8000, 2), uint(length, 2), uint(pen, 4)),
  );
  return concat(uint(id, 2), ...counts, ...specifiers);
}
