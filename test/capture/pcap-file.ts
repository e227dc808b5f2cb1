/** Small captures made on the spot. */

/** An Ethernet frame with IPv4 and UDP; `n` makes addresses and ports. */
export function udpFrame(n: number, payloadBytes = 8): Buffer {
  const frame = Buffer.alloc(14 + 20 + 8 + payloadBytes);
  frame.writeUInt16BE(0x0800, 12);
  frame[14] = 0x45;
  frame.writeUInt16BE(28 + payloadBytes, 16);
  frame[22] = 64;
  frame[23] = 17;
  frame.writeUInt32BE(0x0a000000 + (n & 0xffff), 26);
  frame.writeUInt32BE(0xc0000201, 30);
  frame.writeUInt16BE(1024 + (n % 50_000), 34);
  frame.writeUInt16BE(53, 36);
  frame.writeUInt16BE(8 + payloadBytes, 38);
  return frame;
}

export function arpFrame(): Buffer {
  const frame = Buffer.alloc(60);
  frame.writeUInt16BE(0x0806, 12);
  return frame;
}

export interface PcapOptions {
  linkType?: number;
  bigEndian?: boolean;
  nanoseconds?: boolean;
  /** Captured length at most. */
  snapLength?: number;
}

/** A pcap file; packet n is at 1700000000 s and n microseconds (nanoseconds). */
export function pcapFile(frames: Buffer[], options: PcapOptions = {}): Buffer {
  const { linkType = 1, bigEndian = false, nanoseconds = false, snapLength = 65_535 } = options;
  const words = (...values: number[]) => {
    const out = Buffer.alloc(values.length * 4);
    values.forEach((value, i) => {
      if (bigEndian) out.writeUInt32BE(value, i * 4);
      else out.writeUInt32LE(value, i * 4);
    });
    return out;
  };
  const version = bigEndian ? 0x0002_0004 : 0x0004_0002;
  const magic = nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4;
  const parts: Buffer[] = [words(magic, version, 0, 0, snapLength, linkType)];
  frames.forEach((frame, n) => {
    const captured = frame.subarray(0, snapLength);
    parts.push(words(1_700_000_000 + Math.floor(n / 1e6), n % 1e6, captured.length, frame.length), captured);
  });
  return Buffer.concat(parts);
}
