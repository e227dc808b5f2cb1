// @ts-check
import { closeSync, openSync, renameSync, writeSync } from 'node:fs';

/** A file written through one large buffer; it gets its name only when it is whole. */
export class Output {
  /**
   * @param {string} path
   * @param {number} [capacity] octets of the buffer
   */
  constructor(path, capacity = 16 * 1024 * 1024) {
    this.path = path;
    this.fd = openSync(`${path}.partial`, 'w');
    this.bytes = Buffer.alloc(capacity);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, capacity);
    /** Octets in the buffer: the writer moves it on itself. */
    this.used = 0;
    this.total = 0;
  }

  /**
   * Makes sure that `octets` fit behind `used`.
   * @param {number} octets
   */
  reserve(octets) {
    if (this.used + octets > this.bytes.length) this.flush();
  }

  flush() {
    for (let done = 0; done < this.used; ) done += writeSync(this.fd, this.bytes, done, this.used - done);
    this.total += this.used;
    this.used = 0;
  }

  close() {
    this.flush();
    closeSync(this.fd);
    renameSync(`${this.path}.partial`, this.path);
    return this.total;
  }
}

/**
 * The 24 octets at the head of a little-endian pcap of Ethernet frames with microseconds.
 * @param {Output} out
 */
export function writePcapHeader(out) {
  out.reserve(24);
  for (const word of [0xa1b2c3d4, 0x0004_0002, 0, 0, 262144, 1]) {
    out.view.setUint32(out.used, word, true);
    out.used += 4;
  }
}
