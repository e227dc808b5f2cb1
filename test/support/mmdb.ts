import type { AddressWords } from '../../src/flow/address.ts';
import { parsePrefix } from '../../src/flow/prefix.ts';

/** Value of a record: what the MaxMind format knows, as far as tests need it. */
export type MmdbValue = string | number | boolean | MmdbValue[] | { [key: string]: MmdbValue };

const T_STRING = 2;
const T_UINT16 = 5;
const T_UINT32 = 6;
const T_MAP = 7;
const T_UINT64 = 9;
const T_ARRAY = 11;
const MARKER = Buffer.from('\xab\xcd\xefMaxMind.com', 'latin1');

interface Node {
  readonly children: [Node | number | undefined, Node | number | undefined];
}

/** A file in the MaxMind format: a record for each prefix, which must not overlap. Format: maxmind.github.io/MaxMind-DB */
export function mmdb(
  entries: Readonly<Record<string, MmdbValue>>,
  options: { type?: string; ipVersion?: 4 | 6; recordSize?: 24 | 28 | 32 } = {},
): Buffer {
  const { type = 'Test-ASN', ipVersion = 6, recordSize = 28 } = options;
  const root: Node = { children: [undefined, undefined] };
  const data: Buffer[] = [];
  let dataBytes = 0;
  for (const [text, value] of Object.entries(entries)) {
    const bytes = encode(value);
    insert(root, bitsOf(text, ipVersion), dataBytes);
    data.push(bytes);
    dataBytes += bytes.length;
  }
  const nodes: Node[] = [root];
  const numbers = new Map<Node, number>([[root, 0]]);
  for (const node of nodes) {
    for (const child of node.children) {
      if (typeof child !== 'object') continue;
      numbers.set(child, nodes.length);
      nodes.push(child);
    }
  }
  const pointer = (child: Node | number | undefined) => {
    if (child === undefined) return nodes.length;
    return typeof child === 'number' ? nodes.length + 16 + child : numbers.get(child)!;
  };
  const tree = nodes.map(({ children: [left, right] }) => record(pointer(left), pointer(right), recordSize));
  const metadata = encode({
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: 1_700_000_000,
    database_type: type,
    description: { en: 'made by a test' },
    ip_version: ipVersion,
    languages: ['en'],
    node_count: nodes.length,
    record_size: recordSize,
  });
  return Buffer.concat([...tree, Buffer.alloc(16), ...data, MARKER, metadata]);
}

/** IPv4 stands in the first 2^32 addresses of an IPv6 file. */
function bitsOf(text: string, ipVersion: 4 | 6): number[] {
  const { words, bits } = parsePrefix(text)!;
  const isV4 = !text.includes(':');
  const all = allBits(isV4 ? [0, 0, 0, words[3]] : words).slice(0, bits);
  return ipVersion === 4 ? all.slice(96) : all;
}

function allBits(words: AddressWords): number[] {
  return words.flatMap((word) => Array.from({ length: 32 }, (_, i) => (word >>> (31 - i)) & 1));
}

function insert(root: Node, bits: readonly number[], offset: number): void {
  let node = root;
  bits.forEach((bit, i) => {
    if (i === bits.length - 1) {
      node.children[bit] = offset;
      return;
    }
    const next = node.children[bit];
    if (typeof next === 'number') throw new Error('prefixes overlap');
    const child: Node = next ?? { children: [undefined, undefined] };
    node.children[bit] = child;
    node = child;
  });
}

function record(left: number, right: number, recordSize: number): Buffer {
  const out = Buffer.alloc(recordSize / 4);
  if (recordSize === 24) {
    out.writeUIntBE(left, 0, 3);
    out.writeUIntBE(right, 3, 3);
  } else if (recordSize === 32) {
    out.writeUInt32BE(left, 0);
    out.writeUInt32BE(right, 4);
  } else {
    out.writeUIntBE(left & 0xff_ffff, 0, 3);
    out[3] = ((left >>> 24) << 4) | (right >>> 24);
    out.writeUIntBE(right & 0xff_ffff, 4, 3);
  }
  return out;
}

function encode(value: MmdbValue): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([control(T_STRING, Buffer.byteLength(value)), Buffer.from(value)]);
  if (typeof value === 'boolean') return Buffer.from([value ? 1 : 0, 7]);
  if (typeof value === 'number') {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64BE(BigInt(value));
    const length = 8 - bytes.findIndex((byte, i) => byte !== 0 || i === 7);
    const kind = value > 0xffff_ffff ? T_UINT64 : value > 0xffff ? T_UINT32 : T_UINT16;
    return Buffer.concat([control(kind, length), bytes.subarray(8 - length)]);
  }
  if (Array.isArray(value)) return Buffer.concat([control(T_ARRAY, value.length), ...value.map(encode)]);
  const pairs = Object.entries(value);
  return Buffer.concat([control(T_MAP, pairs.length), ...pairs.flatMap(([key, item]) => [encode(key), encode(item)])]);
}

function control(type: number, size: number): Buffer {
  if (size > 28 + 256) throw new Error('longer than tests need');
  const more = size > 28 ? [size - 29] : [];
  const low = Math.min(size, 29);
  return type > 7 ? Buffer.from([low, type - 7, ...more]) : Buffer.from([(type << 5) | low, ...more]);
}
