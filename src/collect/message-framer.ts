import {
  FIRST_TEMPLATE_ID,
  IPFIX_HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  SET_HEADER_BYTES,
  V9_HEADER_BYTES,
  V9_OPTIONS_TEMPLATE_SET,
  VERSION_IPFIX,
  VERSION_V9,
} from '../wire/protocol.ts';

/** What a byte stream is broken by: where the next message begins cannot be known any more. */
export class FramingError extends Error {}

const VERSION_BYTES = 2;

/**
 * Cuts a byte stream into messages: IPFIX by the length in its header (RFC 7011 section 10.4), NetFlow v9, which has
 * none, by its sets.
 *
 *     framer.append(chunk);
 *     while (framer.next()) {
 *       ... use framer.bytes from framer.start to framer.end ...
 *       framer.consume();
 *     }
 *     framer.settle();
 *
 * A v9 message ends where the next one begins: 9 is no set id (2 to 255 are reserved), so a 9 in the place of a set can
 * only be a version. The last one is held until `flush` says that no more is to be expected.
 */
export class MessageFramer {
  bytes: Uint8Array = EMPTY;
  /** The message that `next` found. */
  start = 0;
  end = 0;
  /** End of what has come. */
  private limit = 0;
  /** How far the sets of a v9 message have been walked, from `start`. */
  private walked = 0;
  /** `bytes` is memory of the framer, with room behind `limit`, and not a chunk as it came. */
  private isOwn = false;

  /** Octets of a message that is not whole. */
  get held(): number {
    return this.limit - this.start;
  }

  /** Takes the next octets of the stream; `chunk` is not to be changed until `settle`. */
  append(chunk: Uint8Array): void {
    const { held } = this;
    if (held === 0) {
      this.bytes = chunk;
      this.start = 0;
      this.limit = chunk.length;
      this.isOwn = false;
      return;
    }
    if (!this.isOwn || this.limit + chunk.length > this.bytes.length) this.makeRoom(held + chunk.length);
    this.bytes.set(chunk, this.limit);
    this.limit += chunk.length;
  }

  /** Whether a whole message is there, and then where. Throws FramingError when the stream makes no sense. */
  next(): boolean {
    if (this.held < VERSION_BYTES) return false;
    const version = this.word(this.start);
    if (version === VERSION_IPFIX) return this.nextIpfix();
    if (version === VERSION_V9) return this.nextV9();
    throw new FramingError(`neither IPFIX nor NetFlow v9: version ${version}`);
  }

  /** The message that `next` found has been used. */
  consume(): void {
    this.start = this.end;
    this.walked = 0;
  }

  /**
   * After a pause of the sender: whether what is held is a v9 message to its end, and then where, as `next`. What comes
   * after it must be a message.
   */
  flush(): boolean {
    if (this.walked < V9_HEADER_BYTES || this.walked !== this.held) return false;
    this.end = this.limit;
    return true;
  }

  /** Keeps what is left of the chunk, and lets go of the chunk. */
  settle(): void {
    const { held } = this;
    if (held === 0) {
      this.bytes = EMPTY;
      this.start = this.limit = 0;
      this.isOwn = false;
    } else if (!this.isOwn) this.makeRoom(held);
  }

  private nextIpfix(): boolean {
    if (this.held < 2 * VERSION_BYTES) return false;
    const length = this.word(this.start + VERSION_BYTES);
    if (length < IPFIX_HEADER_BYTES) throw new FramingError(`an IPFIX message of ${length} octets cannot be`);
    if (length > this.held) return false;
    this.end = this.start + length;
    return true;
  }

  private nextV9(): boolean {
    this.walked = Math.max(this.walked, V9_HEADER_BYTES);
    for (;;) {
      if (this.walked > MAX_MESSAGE_BYTES) throw new FramingError('a NetFlow v9 message without end');
      const at = this.start + this.walked;
      if (at + VERSION_BYTES > this.limit) return false;
      const id = this.word(at);
      if (id === VERSION_V9) {
        this.end = at;
        return true;
      }
      if (id > V9_OPTIONS_TEMPLATE_SET && id < FIRST_TEMPLATE_ID) throw new FramingError(`set id ${id} in NetFlow v9`);
      if (at + SET_HEADER_BYTES > this.limit) return false;
      const length = this.word(at + VERSION_BYTES);
      if (length < SET_HEADER_BYTES) throw new FramingError(`a set of ${length} octets cannot be`);
      this.walked += length;
    }
  }

  private word(at: number): number {
    return this.bytes[at]! * 256 + this.bytes[at + 1]!;
  }

  /** Moves what is held into memory of its own, of at least `needed` octets; doubled, so that no octet moves often. */
  private makeRoom(needed: number): void {
    const room = needed <= this.bytes.length && this.isOwn ? this.bytes : new Uint8Array(roomFor(needed));
    room.set(this.bytes.subarray(this.start, this.limit));
    this.limit -= this.start;
    this.start = 0;
    this.bytes = room;
    this.isOwn = true;
  }
}

const EMPTY = new Uint8Array(0);
const LEAST_ROOM = 512;

function roomFor(needed: number): number {
  return Math.max(LEAST_ROOM, 2 ** Math.ceil(Math.log2(needed)));
}
