import { V4_MAPPED_WORD } from '../flow/address.ts';
import { type BatchTarget, columnIndex } from './batch-target.ts';

/**
 * The records of an sFlow flow sample, each into the columns of one row. A record that is shorter than its format, or
 * says that it holds more than it does, is left alone and reported as false.
 */

const SRC = columnIndex('srcAddrHi');
const DST = columnIndex('dstAddrHi');
const SRC_PORT = columnIndex('srcPort');
const DST_PORT = columnIndex('dstPort');
const PROTO = columnIndex('proto');
const TOS = columnIndex('tos');
const TCP_FLAGS = columnIndex('tcpFlags');
const OCTETS = columnIndex('octets');
const SRC_MASK = columnIndex('srcMask');
const DST_MASK = columnIndex('dstMask');
const SRC_AS = columnIndex('srcAs');
const DST_AS = columnIndex('dstAs');
const NEXT_AS = columnIndex('nextAs');
const PREV_AS = columnIndex('prevAs');
const NEXT_HOP = columnIndex('nextHopHi');
const BGP_NEXT_HOP = columnIndex('bgpNextHopHi');
const FLOW_LABEL = columnIndex('flowLabel');
const SRC_VLAN = columnIndex('srcVlan');
const DST_VLAN = columnIndex('dstVlan');
const INNER_VLAN = columnIndex('innerVlan');
const IN_SRC_MAC = columnIndex('inSrcMac');
const IN_DST_MAC = columnIndex('inDstMac');
const ETHER_TYPE = columnIndex('etherType');
const MPLS = columnIndex('mpls1');
const NAT_SRC = columnIndex('natSrcAddrHi');
const NAT_DST = columnIndex('natDstAddrHi');
const NAT_SRC_PORT = columnIndex('natSrcPort');
const NAT_DST_PORT = columnIndex('natDstPort');

/** Columns mpls1 to mpls10, one behind the other. */
const MPLS_COLUMNS = 10;
const MAX_VLAN = 4095;
/** AS numbers of one path that are gone through; the longest paths of the Internet have a few dozen. */
const MAX_AS_PATH = 1000;

const ADDRESS_V4 = 1;
const ADDRESS_V6 = 2;

const ETHER_IPV6 = 0x86dd;
const ETHERNET_HEADER = 14;
const TAG_BYTES = 4;
/** Tags gone through; provider bridges stack two. */
const MAX_TAGS = 4;

/** Octets of an address with its type in front (`address` of the sFlow specification); -1 when it goes beyond `end`. */
export function addressLength(view: DataView, at: number, end: number): number {
  if (end - at < 4) return -1;
  const family = view.getUint32(at);
  const length = family === 0 ? 4 : family === ADDRESS_V4 ? 8 : family === ADDRESS_V6 ? 20 : -1;
  return length <= end - at ? length : -1;
}

/** Writes an address that `addressLength` has looked at; one of no family, or all zero, is none. */
function writeAddress(target: BatchTarget, column: number, row: number, view: DataView, at: number): void {
  const family = view.getUint32(at);
  if (family === ADDRESS_V4 && view.getUint32(at + 4) !== 0) writeV4(target, column, row, view.getUint32(at + 4));
  else if (family === ADDRESS_V6) writeV6(target, column, row, view, at + 4);
}

function writeV4(target: BatchTarget, column: number, row: number, word: number): void {
  const low = target.column(column + 1) as Uint32Array;
  target.column(column);
  low[row * 2] = word;
  low[row * 2 + 1] = V4_MAPPED_WORD;
}

function writeV6(target: BatchTarget, column: number, row: number, view: DataView, at: number): void {
  const high = target.column(column) as Uint32Array;
  const low = target.column(column + 1) as Uint32Array;
  high[row * 2 + 1] = view.getUint32(at);
  high[row * 2] = view.getUint32(at + 4);
  low[row * 2 + 1] = view.getUint32(at + 8);
  low[row * 2] = view.getUint32(at + 12);
}

function writeMac(target: BatchTarget, column: number, row: number, view: DataView, at: number): void {
  const macs = target.column(column) as Uint32Array;
  macs[row * 2 + 1] = view.getUint16(at);
  macs[row * 2] = view.getUint32(at + 2);
}

export function writeOctets(target: BatchTarget, row: number, octets: number): void {
  (target.column(OCTETS) as Uint32Array)[row * 2] = octets;
}

/** Writes a label as IPFIX has it: label, experimental bits and bottom of stack, without the TTL of the wire. */
function writeLabel(target: BatchTarget, row: number, place: number, entry: number): void {
  (target.column(MPLS + place) as Uint32Array)[row] = entry >>> 8;
}

function isVlan(etherType: number): boolean {
  return (
    etherType === 0x8100 || etherType === 0x88a8 || etherType === 0x9100 || etherType === 0x9200 || etherType === 0x9300
  );
}

/**
 * What a packet record has no room for: MAC addresses, tags, ethertype, labels and flow label of a sampled Ethernet
 * header. The outer tag counts unless `hasVlan` says that the agent told the VLANs in a record of their own.
 */
export function readLinkLayer(
  target: BatchTarget,
  row: number,
  view: DataView,
  start: number,
  end: number,
  hasVlan: boolean,
): void {
  if (end - start < ETHERNET_HEADER) return;
  writeMac(target, IN_DST_MAC, row, view, start);
  writeMac(target, IN_SRC_MAC, row, view, start + 6);
  let at = start + ETHERNET_HEADER;
  let etherType = view.getUint16(at - 2);
  for (let tags = 0; tags < MAX_TAGS && isVlan(etherType) && end - at >= TAG_BYTES; tags++) {
    const vlan = view.getUint16(at) & 0x0fff;
    if (tags === 1) (target.column(INNER_VLAN) as Uint16Array)[row] = vlan;
    else if (tags === 0 && !hasVlan) (target.column(SRC_VLAN) as Uint16Array)[row] = vlan;
    etherType = view.getUint16(at + 2);
    at += TAG_BYTES;
  }
  // Below the first type there are lengths of LLC frames.
  if (etherType < 0x0600) return;
  (target.column(ETHER_TYPE) as Uint16Array)[row] = etherType;
  if (etherType === 0x8847 || etherType === 0x8848) readLabels(target, row, view, at, end);
  else if (etherType === ETHER_IPV6 && end - at >= 4) {
    (target.column(FLOW_LABEL) as Uint32Array)[row] = view.getUint32(at) & 0xf_ffff;
  }
}

/** A label stack in a packet, down to the bottom or to the end. */
export function readLabels(target: BatchTarget, row: number, view: DataView, start: number, end: number): void {
  for (let place = 0, at = start; place < MPLS_COLUMNS && end - at >= 4; place++, at += 4) {
    const entry = view.getUint32(at);
    writeLabel(target, row, place, entry);
    if ((entry & 0x100) !== 0) return;
  }
}

/** Format 2: length, source and destination MAC (6 octets and 2 of padding each), ethertype. */
export function readEthernet(target: BatchTarget, row: number, view: DataView, at: number, end: number): boolean {
  if (end - at < 24) return false;
  writeOctets(target, row, view.getUint32(at));
  writeMac(target, IN_SRC_MAC, row, view, at + 4);
  writeMac(target, IN_DST_MAC, row, view, at + 12);
  (target.column(ETHER_TYPE) as Uint16Array)[row] = view.getUint32(at + 20);
  return true;
}

/** Format 3: length, protocol, addresses, ports, TCP flags, ToS. */
export function readIpv4(target: BatchTarget, row: number, view: DataView, at: number, end: number): boolean {
  if (end - at < 32) return false;
  writeV4(target, SRC, row, view.getUint32(at + 8));
  writeV4(target, DST, row, view.getUint32(at + 12));
  readTransport(target, row, view, at, at + 16);
  return true;
}

/** Format 4: as format 3. */
export function readIpv6(target: BatchTarget, row: number, view: DataView, at: number, end: number): boolean {
  if (end - at < 56) return false;
  writeV6(target, SRC, row, view, at + 8);
  writeV6(target, DST, row, view, at + 24);
  readTransport(target, row, view, at, at + 40);
  return true;
}

function readTransport(target: BatchTarget, row: number, view: DataView, at: number, ports: number): void {
  writeOctets(target, row, view.getUint32(at));
  (target.column(PROTO) as Uint8Array)[row] = view.getUint32(at + 4);
  (target.column(SRC_PORT) as Uint16Array)[row] = view.getUint32(ports);
  (target.column(DST_PORT) as Uint16Array)[row] = view.getUint32(ports + 4);
  (target.column(TCP_FLAGS) as Uint16Array)[row] = view.getUint32(ports + 8);
  (target.column(TOS) as Uint8Array)[row] = view.getUint32(ports + 12);
}

/** Format 1001: VLAN and priority on the way in, and on the way out. A VLAN that cannot be is one not known. */
export function readSwitch(target: BatchTarget, row: number, view: DataView, at: number, end: number): boolean {
  if (end - at < 16) return false;
  const source = view.getUint32(at);
  const destination = view.getUint32(at + 8);
  if (source <= MAX_VLAN) (target.column(SRC_VLAN) as Uint16Array)[row] = source;
  if (destination <= MAX_VLAN) (target.column(DST_VLAN) as Uint16Array)[row] = destination;
  return true;
}

/** Format 1002: next hop, prefix lengths. */
export function readRouter(target: BatchTarget, row: number, view: DataView, at: number, end: number): boolean {
  const length = addressLength(view, at, end);
  if (length < 0 || end - at < length + 8) return false;
  writeAddress(target, NEXT_HOP, row, view, at);
  (target.column(SRC_MASK) as Uint8Array)[row] = Math.min(view.getUint32(at + length), 128);
  (target.column(DST_MASK) as Uint8Array)[row] = Math.min(view.getUint32(at + length + 4), 128);
  return true;
}

/**
 * Format 1003: BGP next hop, AS numbers of the router, the source and the peer it came from, and the path to the
 * destination. Where source or destination are in the router's own AS, the agent says 0 or gives no path.
 */
export function readGateway(target: BatchTarget, row: number, view: DataView, at: number, end: number): boolean {
  const length = addressLength(view, at, end);
  if (length < 0 || end - at < length + 16) return false;
  const numbers = at + length;
  let first = 0;
  let last = 0;
  let total = 0;
  let place = numbers + 16;
  for (let segments = view.getUint32(numbers + 12); segments > 0; segments--) {
    if (end - place < 8) return false;
    const count = view.getUint32(place + 4);
    total += count;
    place += 8;
    if (total > MAX_AS_PATH || count * 4 > end - place) return false;
    if (count === 0) continue;
    if (first === 0) first = view.getUint32(place);
    place += count * 4;
    last = view.getUint32(place - 4);
  }
  const own = view.getUint32(numbers);
  writeAddress(target, BGP_NEXT_HOP, row, view, at);
  (target.column(SRC_AS) as Uint32Array)[row] = view.getUint32(numbers + 4) || own;
  (target.column(DST_AS) as Uint32Array)[row] = last || own;
  (target.column(PREV_AS) as Uint32Array)[row] = view.getUint32(numbers + 8);
  (target.column(NEXT_AS) as Uint32Array)[row] = first;
  return true;
}

/** Format 1006: next hop, label stack on the way in, label stack on the way out; the first is taken. */
export function readMpls(target: BatchTarget, row: number, view: DataView, at: number, end: number): boolean {
  const length = addressLength(view, at, end);
  if (length < 0 || end - at < length + 4) return false;
  const labels = at + length + 4;
  const count = view.getUint32(labels - 4);
  if (count * 4 > end - labels) return false;
  for (let place = 0; place < count && place < MPLS_COLUMNS; place++) {
    writeLabel(target, row, place, view.getUint32(labels + place * 4));
  }
  return true;
}

/** Format 1007: translated source and destination address. */
export function readNat(target: BatchTarget, row: number, view: DataView, at: number, end: number): boolean {
  const source = addressLength(view, at, end);
  if (source < 0 || addressLength(view, at + source, end) < 0) return false;
  writeAddress(target, NAT_SRC, row, view, at);
  writeAddress(target, NAT_DST, row, view, at + source);
  return true;
}

/** Format 1020: translated ports. */
export function readNatPorts(target: BatchTarget, row: number, view: DataView, at: number, end: number): boolean {
  if (end - at < 8) return false;
  (target.column(NAT_SRC_PORT) as Uint16Array)[row] = view.getUint32(at);
  (target.column(NAT_DST_PORT) as Uint16Array)[row] = view.getUint32(at + 4);
  return true;
}
