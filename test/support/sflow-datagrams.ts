/**
 * sFlow datagrams for tests, put together field by field, as the specification draws them.
 */
import { concat, uint } from './flow-datagrams.ts';

/** Words of 32 bits one behind the other. */
export function words(...values: number[]): Uint8Array {
  return concat(...values.map((value) => uint(value, 4)));
}

/** Anything with its type and length in front, filled up to a multiple of four. */
export function tagged(type: number, body: Uint8Array): Uint8Array {
  return concat(words(type, body.length), body, new Uint8Array(-body.length & 3));
}

export function addressV4(text: string): Uint8Array {
  return concat(words(1), new Uint8Array(text.split('.').map(Number)));
}

/** 16 octets, of which `last` is the last word and `first` the first. */
export function addressV6(first: number, last: number): Uint8Array {
  return words(2, first, 0, 0, last);
}

export function sflowDatagram(options: {
  agent?: Uint8Array;
  subAgent?: number;
  sequence?: number;
  uptimeMs?: number;
  count?: number;
  samples?: Uint8Array[];
}): Uint8Array {
  const { agent = addressV4('192.0.2.7'), subAgent = 0, sequence = 1, uptimeMs = 1000, samples = [] } = options;
  return concat(words(5), agent, words(subAgent, sequence, uptimeMs, options.count ?? samples.length), ...samples);
}

interface FlowSample {
  sequence?: number;
  sourceType?: number;
  source?: number;
  rate?: number;
  drops?: number;
  /** Compact: as on the wire, with the format in the top bits. Expanded: format and value. */
  input?: number | readonly [number, number];
  output?: number | readonly [number, number];
  records?: Uint8Array[];
  count?: number;
}

export function flowSample(sample: FlowSample): Uint8Array {
  const { sequence = 1, sourceType = 0, source = 0, rate = 100, drops = 0, records = [] } = sample;
  const count = sample.count ?? records.length;
  const input = sample.input ?? 0;
  const output = sample.output ?? 0;
  if (typeof input !== 'number' || typeof output !== 'number') {
    const pair = (end: number | readonly [number, number]) => (typeof end === 'number' ? [0, end] : end);
    const header = words(sequence, sourceType, source, rate, 0, drops, ...pair(input), ...pair(output), count);
    return tagged(3, concat(header, ...records));
  }
  const id = sourceType * 2 ** 24 + source;
  return tagged(1, concat(words(sequence, id, rate, 0, drops, input, output, count), ...records));
}

/** A sampled header: protocol (1 Ethernet, 11 IPv4, ...), and the first octets of the packet. */
export function headerRecord(protocol: number, header: Uint8Array, frame = header.length, stripped = 0): Uint8Array {
  return tagged(1, concat(words(protocol, frame, stripped, header.length), header, new Uint8Array(-header.length & 3)));
}

/** An IPv4 header and what follows it; `total` is its total length. */
export function ipv4Packet(options: {
  total?: number;
  proto?: number;
  payload?: Uint8Array;
  tos?: number;
}): Uint8Array {
  const { payload = new Uint8Array(0), proto = 17, tos = 0 } = options;
  const total = options.total ?? 20 + payload.length;
  return concat(
    new Uint8Array([0x45, tos]),
    uint(total, 2),
    words(0),
    new Uint8Array([61, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]),
    payload,
  );
}

/** Source port, destination port, length, checksum. */
export function udpHeader(source: number, destination: number, length = 8): Uint8Array {
  return concat(uint(source, 2), uint(destination, 2), uint(length, 2), uint(0, 2));
}

const MACS = new Uint8Array([0x02, 0, 0, 0, 0, 0x0b, 0x02, 0, 0, 0, 0, 0x0a]);

export function ethernetFrame(etherType: number, rest: Uint8Array, tags: readonly number[] = []): Uint8Array {
  const tagBytes = tags.map((tag) => concat(uint(0x8100, 2), uint(tag, 2)));
  return concat(MACS, ...tagBytes, uint(etherType, 2), rest);
}
