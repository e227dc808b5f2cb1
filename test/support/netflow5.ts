/** A NetFlow v5 datagram of `count` flows (1 to 30) from 192.0.2.x to 198.51.100.1, one packet of 100 octets each. */
export function netflow5(count: number, sequence: number, nowMs = Date.now()): Buffer {
  const datagram = Buffer.alloc(24 + 48 * count);
  datagram.writeUInt16BE(5, 0);
  datagram.writeUInt16BE(count, 2);
  datagram.writeUInt32BE(3_600_000, 4);
  datagram.writeUInt32BE(Math.floor(nowMs / 1000), 8);
  datagram.writeUInt32BE((nowMs % 1000) * 1_000_000, 12);
  datagram.writeUInt32BE(sequence >>> 0, 16);
  for (let i = 0; i < count; i++) {
    const at = 24 + 48 * i;
    datagram.writeUInt32BE(0xc000_0200 + (i & 0xff), at);
    datagram.writeUInt32BE(0xc633_6401, at + 4);
    datagram.writeUInt32BE(1, at + 16);
    datagram.writeUInt32BE(100, at + 20);
    datagram.writeUInt32BE(3_599_000, at + 24);
    datagram.writeUInt32BE(3_599_500, at + 28);
    datagram.writeUInt16BE((sequence + i) & 0xffff, at + 32);
    datagram.writeUInt16BE(53, at + 34);
    datagram[at + 38] = 17;
  }
  return datagram;
}
