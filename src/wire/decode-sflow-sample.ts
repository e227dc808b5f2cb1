import type { SampledHeaders } from './decode-sflow-headers.ts';
import {
  readEthernet,
  readGateway,
  readIpv4,
  readIpv6,
  readLabels,
  readLinkLayer,
  readMpls,
  readNat,
  readNatPorts,
  readRouter,
  readSwitch,
  writeOctets,
} from './decode-sflow-records.ts';
import type { Decoding } from './decoding.ts';
import { INTERFACE_COUNTERS_BYTES } from './protocol.ts';

/** Type (enterprise and format) and length, of samples and of the records in them. */
export const TAG_BYTES = 8;

/** Places in the table of the records of a sample. */
const HEADER = 0;
const ETHERNET = 1;
const IPV4 = 2;
const IPV6 = 3;
const SWITCH = 4;
const ROUTER = 5;
const GATEWAY = 6;
const MPLS = 7;
const NAT = 8;
const NAT_PORTS = 9;
const KINDS = 10;

/** Place of a record of enterprise 0, -1 for one that no column is made of. */
function kindOf(format: number): number {
  switch (format) {
    case 1:
      return HEADER;
    case 2:
      return ETHERNET;
    case 3:
      return IPV4;
    case 4:
      return IPV6;
    case 1001:
      return SWITCH;
    case 1002:
      return ROUTER;
    case 1003:
      return GATEWAY;
    case 1006:
      return MPLS;
    case 1007:
      return NAT;
    case 1020:
      return NAT_PORTS;
    default:
      return -1;
  }
}

/** Protocol of a sampled header, frame length, octets stripped, length of what follows. */
const HEADER_RECORD_BYTES = 16;
const PROTOCOL_ETHERNET = 1;
const PROTOCOL_MPLS = 13;

/** LINKTYPE_ number of a header protocol, -1 for those that no frame decoder knows. */
function linkTypeOf(protocol: number): number {
  switch (protocol) {
    case PROTOCOL_ETHERNET:
      return 1;
    case 7: // PPP
      return 9;
    case 11: // IPv4
      return 228;
    case 12: // IPv6
      return 229;
    case PROTOCOL_MPLS:
      return 219;
    case 14: // PPP over SONET
      return 50;
    default:
      return -1;
  }
}

/** The records of the sample at hand: where each stands, and what they put into its row. */
export class SampleRecords {
  private readonly decoding: Decoding;
  private readonly headers: SampledHeaders;
  /** Where the first record of each kind begins and ends in the sample at hand, behind its tag; 0 for none. */
  private readonly starts = new Uint32Array(KINDS);
  private readonly ends = new Uint32Array(KINDS);

  constructor(decoding: Decoding, headers: SampledHeaders) {
    this.decoding = decoding;
    this.headers = headers;
  }

  /**
   * Finds the records of a sample whose fixed part has `fixedBytes` and ends in their number. False, and counted, when a
   * length does not fit.
   */
  locate(view: DataView, start: number, end: number, fixedBytes: number): boolean {
    const { starts, ends } = this;
    const { counters } = this.decoding;
    starts.fill(0);
    let at = start + fixedBytes;
    if (at > end) {
      counters.badSamples++;
      return false;
    }
    for (let left = view.getUint32(at - 4); left > 0; left--) {
      const size = end - at < TAG_BYTES ? -1 : view.getUint32(at + 4);
      const first = at + TAG_BYTES;
      if (size < 0 || size > end - first) {
        counters.badSamples++;
        return false;
      }
      const kind = kindOf(view.getUint32(at));
      if (kind >= 0 && starts[kind] === 0) {
        starts[kind] = first;
        ends[kind] = first + size;
      }
      at = first + padded(size);
    }
    return true;
  }

  /** Where the counters of an interface begin in the counter sample at hand, 0 for none: format 1 there, as a header is here. */
  interfaceCounters(): number {
    const start = this.starts[HEADER]!;
    return this.ends[HEADER]! - start >= INTERFACE_COUNTERS_BYTES ? start : 0;
  }

  /** What is in the records that `locate` has found. Of two that tell the same, the better one comes last. */
  read(bytes: Uint8Array, view: DataView, row: number, receivedMs: number): void {
    const { starts, ends } = this;
    const { target } = this.decoding;
    let bad = 0;
    if (starts[ETHERNET] !== 0 && !readEthernet(target, row, view, starts[ETHERNET]!, ends[ETHERNET]!)) bad++;
    if (starts[HEADER] !== 0 && !this.header(bytes, view, row, starts[HEADER]!, ends[HEADER]!, receivedMs)) bad++;
    if (starts[IPV4] !== 0 && !readIpv4(target, row, view, starts[IPV4]!, ends[IPV4]!)) bad++;
    if (starts[IPV6] !== 0 && !readIpv6(target, row, view, starts[IPV6]!, ends[IPV6]!)) bad++;
    if (starts[SWITCH] !== 0 && !readSwitch(target, row, view, starts[SWITCH]!, ends[SWITCH]!)) bad++;
    if (starts[ROUTER] !== 0 && !readRouter(target, row, view, starts[ROUTER]!, ends[ROUTER]!)) bad++;
    if (starts[GATEWAY] !== 0 && !readGateway(target, row, view, starts[GATEWAY]!, ends[GATEWAY]!)) bad++;
    if (starts[MPLS] !== 0 && !readMpls(target, row, view, starts[MPLS]!, ends[MPLS]!)) bad++;
    if (starts[NAT] !== 0 && !readNat(target, row, view, starts[NAT]!, ends[NAT]!)) bad++;
    if (starts[NAT_PORTS] !== 0 && !readNatPorts(target, row, view, starts[NAT_PORTS]!, ends[NAT_PORTS]!)) bad++;
    this.decoding.counters.badSampleRecords += bad;
  }

  /** Format 1: the first octets of a packet. */
  private header(bytes: Uint8Array, view: DataView, row: number, at: number, end: number, receivedMs: number): boolean {
    const first = at + HEADER_RECORD_BYTES;
    if (first > end) return false;
    const length = view.getUint32(at + 12);
    if (length > end - first) return false;
    const { target } = this.decoding;
    const protocol = view.getUint32(at);
    const frame = view.getUint32(at + 4);
    const stripped = view.getUint32(at + 8);
    const octets = stripped < frame ? frame - stripped : frame;
    // Stays where no IP header can be read.
    writeOctets(target, row, octets);
    if (protocol === PROTOCOL_ETHERNET) {
      readLinkLayer(target, row, view, first, first + length, this.starts[SWITCH] !== 0);
    } else if (protocol === PROTOCOL_MPLS) {
      readLabels(target, row, view, first, first + length);
    }
    const linkType = linkTypeOf(protocol);
    if (linkType < 0) this.decoding.counters.unknownHeaders++;
    else this.headers.add(linkType, bytes, first, length, octets, row, receivedMs);
    return true;
  }
}

/** XDR fills up to a multiple of four. */
export function padded(size: number): number {
  return (size + 3) & ~3;
}
