import { isV4, parseAddress } from '../../../src/flow/address.ts';
import { EXPORTER, type TestFlow } from './generate.ts';

/** Fields of a data record in wire order: registry name, octets, IPv4 element, IPv6 element where another. */
const LAYOUT: readonly (readonly [name: string, octets: number, ie4: number, ie6?: number])[] = [
  ['srcAddr', 4, 8, 27],
  ['dstAddr', 4, 12, 28],
  ['nextHop', 4, 15, 62],
  ['bgpNextHop', 4, 18, 63],
  ['firstMs', 8, 152],
  ['lastMs', 8, 153],
  ['octets', 8, 1],
  ['packets', 8, 2],
  ['srcPort', 2, 7],
  ['dstPort', 2, 11],
  ['proto', 1, 4],
  ['tcpFlags', 1, 6],
  ['tos', 1, 5],
  ['dstTos', 1, 55],
  ['inIf', 4, 10],
  ['outIf', 4, 14],
  ['srcMask', 1, 9, 29],
  ['dstMask', 1, 13, 30],
  ['srcAs', 4, 16],
  ['dstAs', 4, 17],
  ['direction', 1, 61],
  ['srcVlan', 2, 58],
  ['dstVlan', 2, 59],
  ['forwardingStatus', 1, 89],
  ['endReason', 1, 136],
  ['minTtl', 1, 52],
  ['maxTtl', 1, 53],
  ['inSrcMac', 6, 56],
  ['outDstMac', 6, 57],
  ['inDstMac', 6, 80],
  ['outSrcMac', 6, 81],
  ['mpls1', 3, 70],
  ['mpls2', 3, 71],
];
const ADDRESSES = new Set(['srcAddr', 'dstAddr', 'nextHop', 'bgpNextHop']);
const TEMPLATE_V4 = 256;
const TEMPLATE_V6 = 257;
const FLOWS_A_MESSAGE = 5;

/** When the collector "received" every datagram: capture and export time of the whole file. */
export const RECEIVED_MS = Date.UTC(2026, 10, 20, 12, 0, 0);

/** The flows as one capture file (Ethernet, IPv4, UDP port 2055) of IPFIX messages, for collectors that read captures. */
export function toIpfixPcap(flows: readonly TestFlow[]): Buffer {
  const parts: Buffer[] = [pcapHeader()];
  let sequence = 0;
  parts.push(frame(message([templateSet()], sequence)));
  for (let i = 0; i < flows.length; i += FLOWS_A_MESSAGE) {
    const some = flows.slice(i, i + FLOWS_A_MESSAGE);
    parts.push(frame(message(some.map(dataSet), sequence)));
    sequence += some.length;
  }
  return Buffer.concat(parts);
}

const isFlowV4 = (flow: TestFlow) => {
  const [a, b, c] = flow.addresses.srcAddr!;
  return isV4(a, b, c);
};

function templateSet(): Buffer {
  const bytes: number[] = [];
  for (const [id, family] of [
    [TEMPLATE_V4, 4],
    [TEMPLATE_V6, 6],
  ] as const) {
    put(bytes, id, 2);
    put(bytes, LAYOUT.length, 2);
    for (const [name, octets, ie4, ie6] of LAYOUT) {
      put(bytes, family === 6 ? (ie6 ?? ie4) : ie4, 2);
      put(bytes, family === 6 && ADDRESSES.has(name) ? 16 : octets, 2);
    }
  }
  return set(2, bytes);
}

function dataSet(flow: TestFlow): Buffer {
  const v4 = isFlowV4(flow);
  const bytes: number[] = [];
  for (const [name, octets] of LAYOUT) {
    if (!ADDRESSES.has(name)) put(bytes, flow.numbers[name]!, octets);
    else for (const word of v4 ? [flow.addresses[name]![3]] : flow.addresses[name]!) put(bytes, word, 4);
  }
  return set(v4 ? TEMPLATE_V4 : TEMPLATE_V6, bytes);
}

function set(id: number, body: number[]): Buffer {
  const bytes: number[] = [];
  put(bytes, id, 2);
  put(bytes, body.length + 4, 2);
  return Buffer.from([...bytes, ...body]);
}

function message(sets: readonly Buffer[], sequence: number): Buffer {
  const body = Buffer.concat(sets);
  const bytes: number[] = [];
  put(bytes, 10, 2);
  put(bytes, body.length + 16, 2);
  put(bytes, RECEIVED_MS / 1000, 4);
  put(bytes, sequence, 4);
  put(bytes, 0, 4);
  return Buffer.concat([Buffer.from(bytes), body]);
}

function frame(payload: Buffer): Buffer {
  const bytes: number[] = [];
  put(bytes, 0x0200_5e00_0001, 6);
  put(bytes, 0x0200_5e00_0002, 6);
  put(bytes, 0x0800, 2);
  put(bytes, 0x4500, 2);
  put(bytes, payload.length + 28, 2);
  put(bytes, 0, 4);
  put(bytes, 0x4011, 2);
  put(bytes, 0, 2);
  put(bytes, parseAddress(EXPORTER)![3], 4);
  put(bytes, 0xc000_0201, 4);
  put(bytes, 40_000, 2);
  put(bytes, 2055, 2);
  put(bytes, payload.length + 8, 2);
  put(bytes, 0, 2);
  const data = Buffer.concat([Buffer.from(bytes), payload]);
  const record = Buffer.alloc(16);
  record.writeUInt32LE(RECEIVED_MS / 1000, 0);
  record.writeUInt32LE(data.length, 8);
  record.writeUInt32LE(data.length, 12);
  return Buffer.concat([record, data]);
}

function pcapHeader(): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(1, 20);
  return header;
}

function put(bytes: number[], value: number, octets: number): void {
  for (let i = octets - 1; i >= 0; i--) bytes.push(Math.floor(value / 256 ** i) % 256);
}
