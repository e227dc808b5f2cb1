// @ts-check
/** Writers of pcap (RFC draft-ietf-opsawg-pcap) and pcapng files. */

export const LINK_NULL = 0;
export const LINK_ETHERNET = 1;
export const LINK_RAW = 101;
export const LINK_LOOP = 108;
export const LINK_COOKED = 113;
export const LINK_COOKED2 = 276;

/**
 * @typedef {object} Packet
 * @property {number} sec seconds since 1970
 * @property {number} nsec nanoseconds of that second
 * @property {Buffer} bytes the whole frame
 * @property {number} [interfaceId] index of the interface in a pcapng file
 */

/**
 * @param {readonly Packet[]} packets
 * @param {{linkType?: number, bigEndian?: boolean, nanoseconds?: boolean, snapLength?: number}} [options]
 */
export function pcap(packets, options = {}) {
  const { linkType = LINK_ETHERNET, bigEndian = false, nanoseconds = false, snapLength = 262144 } = options;
  const write = words(bigEndian);
  /** @type {Buffer[]} */
  const parts = [
    write(nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4, bigEndian ? 0x0002_0004 : 0x0004_0002, 0, 0, snapLength, linkType),
  ];
  for (const { sec, nsec, bytes } of packets) {
    const captured = Math.min(bytes.length, snapLength);
    parts.push(write(sec, nanoseconds ? nsec : Math.floor(nsec / 1000), captured, bytes.length));
    parts.push(bytes.subarray(0, captured));
  }
  return Buffer.concat(parts);
}

/**
 * A little-endian pcapng of one section.
 * @param {readonly Packet[]} packets
 * @param {readonly {linkType: number, name: string, nanoseconds: boolean}[]} interfaces
 */
export function pcapng(packets, interfaces) {
  const write = words(false);
  const parts = [block(0x0a0d0d0a, write(0x1a2b3c4d, 0x0000_0001, 0xffffffff, 0xffffffff))];
  for (const { linkType, name, nanoseconds } of interfaces) {
    const options = [
      option(2, Buffer.from(name)),
      option(9, Buffer.from([nanoseconds ? 9 : 6])),
      option(0, Buffer.alloc(0)),
    ];
    parts.push(block(1, Buffer.concat([write(linkType, 262144), ...options])));
  }
  for (const { sec, nsec, bytes, interfaceId = 0 } of packets) {
    const ns = BigInt(sec) * 1_000_000_000n + BigInt(nsec);
    const time = interfaces[interfaceId]?.nanoseconds ? ns : ns / 1000n;
    const head = write(interfaceId, Number(time >> 32n), Number(time & 0xffffffffn), bytes.length, bytes.length);
    parts.push(block(6, Buffer.concat([head, padded(bytes)])));
  }
  return Buffer.concat(parts);

  /**
   * @param {number} type
   * @param {Buffer} body
   */
  function block(type, body) {
    return Buffer.concat([write(type, body.length + 12), body, write(body.length + 12)]);
  }

  /**
   * @param {number} code
   * @param {Buffer} value
   */
  function option(code, value) {
    return Buffer.concat([write((value.length << 16) | code), padded(value)]);
  }
}

/** @param {boolean} bigEndian */
function words(bigEndian) {
  return (/** @type {number[]} */ ...values) => {
    const buffer = Buffer.alloc(values.length * 4);
    values.forEach((value, i) => {
      if (bigEndian) buffer.writeUInt32BE(value >>> 0, i * 4);
      else buffer.writeUInt32LE(value >>> 0, i * 4);
    });
    return buffer;
  };
}

/** @param {Buffer} bytes */
function padded(bytes) {
  return bytes.length % 4 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(4 - (bytes.length % 4))]);
}
