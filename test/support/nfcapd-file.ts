/**
 * Small files of nfcapd for tests, byte by byte from the layout's definitions and independent of weir's reader.
 */

const MAGIC = 0xa50c;
const IDENT_BYTES = 128;
const STATISTICS_BYTES = 136;

/** Numbers one after another, little-endian: `[octets, value]`. */
export function packed(...numbers: readonly (readonly [octets: number, value: number | bigint])[]): Buffer {
  return Buffer.concat(
    numbers.map(([octets, value]) => {
      const bytes = Buffer.alloc(octets);
      let rest = BigInt(value);
      for (let i = 0; i < octets; i++, rest >>= 8n) bytes[i] = Number(rest & 255n);
      return bytes;
    }),
  );
}

/** A record: type and length before its content. */
export function record(type: number, content: Buffer): Buffer {
  return Buffer.concat([packed([2, type], [2, content.length + 4]), content]);
}

/** A file of nfdump 1.6 whose blocks hold these records. */
export function layout1File(ident: string, blocks: readonly (readonly Buffer[])[]): Buffer {
  const name = Buffer.alloc(IDENT_BYTES);
  name.write(ident);
  const head = packed([2, MAGIC], [2, 1], [4, 0], [4, blocks.length]);
  return Buffer.concat([head, name, Buffer.alloc(STATISTICS_BYTES), ...blocks.map((records) => block(2, records))]);
}

/** A file of nfdump 1.7 whose blocks hold these records, not compressed, with its ident behind them. */
export function layout2File(ident: string, blocks: readonly (readonly Buffer[])[]): Buffer {
  const bodies = Buffer.concat(blocks.map((records) => block(3, records)));
  const appendix = block(3, [record(0x8001, Buffer.from(`${ident}\0`))]);
  const created = 1_700_000_100;
  const head = packed([2, MAGIC], [2, 2], [4, 0x01070101], [8, created], [1, 0], [1, 0], [2, 1], [4, 1]);
  return Buffer.concat([head, packed([8, 40 + bodies.length], [4, 0], [4, blocks.length]), bodies, appendix]);
}

export function block(type: number, records: readonly Buffer[]): Buffer {
  const content = Buffer.concat(records);
  return Buffer.concat([packed([4, records.length], [4, content.length], [2, type], [2, 0]), content]);
}

export interface OldFlow {
  flags?: number;
  map: number;
  firstMs: number;
  lastMs: number;
  proto: number;
  srcPort: number;
  dstPort: number;
  tcpFlags?: number;
  tos?: number;
  exporter?: number;
  /** What follows the head: addresses, counters, extensions. */
  content: Buffer;
}

/** A flow record of nfdump 1.6 with more than 255 exporters (type 10). */
export function oldFlow(flow: OldFlow): Buffer {
  const { flags = 0, map, firstMs, lastMs, proto, srcPort, dstPort, tcpFlags = 0, tos = 0, exporter = 1 } = flow;
  const head = packed(
    [2, flags],
    [2, map],
    [2, firstMs % 1000],
    [2, lastMs % 1000],
    [4, Math.floor(firstMs / 1000)],
    [4, Math.floor(lastMs / 1000)],
    [1, 0],
    [1, tcpFlags],
    [1, proto],
    [1, tos],
    [2, srcPort],
    [2, dstPort],
    [2, exporter],
    [1, 0],
    [1, 0],
  );
  return record(10, Buffer.concat([head, flow.content]));
}

/** The extensions that records with this map number have. */
export function extensionMap(map: number, sizes: number, extensions: readonly number[]): Buffer {
  const ids = [...extensions, 0];
  // A multiple of four octets.
  if (ids.length % 2 === 1) ids.push(0);
  return record(2, packed([2, map], [2, sizes], ...ids.map((id) => [2, id] as const)));
}

/** A flow record of nfdump 1.7 with these extensions. */
export function flow17(extensions: readonly (readonly [type: number, content: Buffer])[], flags = 0): Buffer {
  const head = packed([2, extensions.length], [1, 0], [1, 0], [2, 1], [1, flags], [1, 10]);
  return record(11, Buffer.concat([head, ...extensions.map(([type, content]) => record(type, content))]));
}

/** Extension 1: times, counters, ports, protocol. */
export function generic(firstMs: number, lastMs: number, receivedMs: number, packets: number, octets: number): Buffer {
  return packed(
    [8, firstMs],
    [8, lastMs],
    [8, receivedMs],
    [8, packets],
    [8, octets],
    [2, 1234],
    [2, 443],
    [1, 6],
    [1, 0x1b],
    [1, 0],
    [1, 0],
  );
}
