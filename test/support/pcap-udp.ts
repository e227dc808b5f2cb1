/**
 * Reads the UDP payloads of a small pcap or pcapng file for tests: as little of the formats as the captures need, and
 * nothing of weir's own readers, so that the one does not vouch for the other.
 */
export interface UdpDatagram {
  /** Milliseconds since 1970. */
  timeMs: number;
  /** Source address as four words, IPv4 v4-mapped. */
  source: [number, number, number, number];
  sourcePort: number;
  port: number;
  payload: Uint8Array;
}

const LINK_NULL = 0;
const LINK_ETHERNET = 1;
const LINK_RAW = 101;
const LINK_SLL = 113;
const LINK_SLL2 = 276;

export function readUdp(file: Uint8Array): UdpDatagram[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const out: UdpDatagram[] = [];
  const take = (linkType: number, timeMs: number, start: number, length: number) => {
    const found = udpOf(new DataView(file.buffer, file.byteOffset + start, length), linkType);
    if (found !== undefined) out.push({ timeMs, ...found });
  };
  if (view.getUint32(0) === 0x0a0d0d0a) readPcapng(view, take);
  else readPcap(view, take);
  return out;
}

type Take = (linkType: number, timeMs: number, start: number, length: number) => void;

function readPcap(view: DataView, take: Take): void {
  const little = view.getUint8(0) === 0xd4 || view.getUint8(0) === 0x4d;
  const magic = view.getUint32(0, little);
  if (magic !== 0xa1b2c3d4 && magic !== 0xa1b23c4d) throw new Error('no pcap file');
  const perMs = magic === 0xa1b23c4d ? 1e6 : 1e3;
  const linkType = view.getUint32(20, little) & 0xffff;
  for (let at = 24; at + 16 <= view.byteLength; ) {
    const timeMs = view.getUint32(at, little) * 1000 + view.getUint32(at + 4, little) / perMs;
    const length = view.getUint32(at + 8, little);
    take(linkType, timeMs, at + 16, length);
    at += 16 + length;
  }
}

function readPcapng(view: DataView, take: Take): void {
  const little = view.getUint8(8) === 0x4d;
  const linkTypes: number[] = [];
  for (let at = 0; at + 12 <= view.byteLength; ) {
    const type = view.getUint32(at, little);
    const length = view.getUint32(at + 4, little);
    if (type === 1) linkTypes.push(view.getUint16(at + 8, little));
    if (type === 6) {
      const ticks = view.getUint32(at + 12, little) * 2 ** 32 + view.getUint32(at + 16, little);
      take(linkTypes[view.getUint32(at + 8, little)]!, ticks / 1000, at + 28, view.getUint32(at + 20, little));
    }
    at += length;
  }
}

function udpOf(frame: DataView, linkType: number): Omit<UdpDatagram, 'timeMs'> | undefined {
  let at = 0;
  if (linkType === LINK_ETHERNET) {
    at = 12;
    while (frame.getUint16(at) === 0x8100 || frame.getUint16(at) === 0x88a8) at += 4;
    at += 2;
  } else if (linkType === LINK_SLL) {
    at = 16;
  } else if (linkType === LINK_SLL2) {
    at = 20;
  } else if (linkType === LINK_NULL) {
    at = 4;
  } else if (linkType !== LINK_RAW) {
    throw new Error(`link type ${linkType}`);
  }
  const version = frame.getUint8(at) >>> 4;
  if (version === 4) {
    if (frame.getUint8(at + 9) !== 17) return undefined;
    const source: UdpDatagram['source'] = [0, 0, 0xffff, frame.getUint32(at + 12)];
    return payloadOf(frame, at + (frame.getUint8(at) & 15) * 4, source);
  }
  if (version !== 6 || frame.getUint8(at + 6) !== 17) return undefined;
  const word = (i: number) => frame.getUint32(at + 8 + i * 4);
  return payloadOf(frame, at + 40, [word(0), word(1), word(2), word(3)]);
}

function payloadOf(frame: DataView, at: number, source: UdpDatagram['source']): Omit<UdpDatagram, 'timeMs'> {
  const length = Math.min(frame.getUint16(at + 4) - 8, frame.byteLength - at - 8);
  return {
    source,
    sourcePort: frame.getUint16(at),
    port: frame.getUint16(at + 2),
    payload: new Uint8Array(frame.buffer, frame.byteOffset + at + 8, length).slice(),
  };
}
