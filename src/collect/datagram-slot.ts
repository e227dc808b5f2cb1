/**
 * One slot of a datagram source, seen every way a decoder needs; `addon/datagram-layout.ts` says what is where. Views are
 * made once for each slot.
 */
export class DatagramSlot {
  readonly bytes: Uint8Array;
  /** Descriptions as 32-bit words: `DATAGRAM_META_WORDS` a datagram. */
  readonly words: Uint32Array;
  /** Descriptions as doubles, for `D_RECEIVED_MS`: index `(row * DATAGRAM_META_WORDS + D_RECEIVED_MS) / 2`. */
  readonly doubles: Float64Array;
  /** For payload fields, which are big-endian. */
  readonly view: DataView;

  /** `bytes` begins at a multiple of 8 octets, as every slot of the addon does. */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
    this.doubles = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 3);
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
