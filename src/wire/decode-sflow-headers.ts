import {
  P_DST,
  P_META,
  P_META_CUT,
  P_META_TTL_SHIFT,
  P_OCTETS,
  P_PORTS,
  P_PROTO_TOS_FLAGS,
  P_SRC,
  P_TIME,
  PACKET_BYTES,
  PACKET_WORDS,
} from '../addon/packet-layout.ts';
import type { NativeFrameDecoder } from '../addon/packet-source.ts';
import { columnIndex } from './batch-target.ts';
import type { Decoding } from './decoding.ts';

/** What turns frames into packet records: that of captured packets. */
export type FrameDecoder = Pick<NativeFrameDecoder, 'decode'>;

const SRC = columnIndex('srcAddrHi');
const DST = columnIndex('dstAddrHi');
const SRC_PORT = columnIndex('srcPort');
const DST_PORT = columnIndex('dstPort');
const PROTO = columnIndex('proto');
const TOS = columnIndex('tos');
const TCP_FLAGS = columnIndex('tcpFlags');
const OCTETS = columnIndex('octets');
const MIN_TTL = columnIndex('minTtl');
const MAX_TTL = columnIndex('maxTtl');

/** Headers decoded in one call. */
const BATCH_HEADERS = 256;
/** Offset, captured length, length on the wire and time of each frame. */
const META = 4;

/**
 * Length on the wire that the decoder is told of every frame. Some agents send wrong frame lengths, and a packet whose
 * own length does not fit its frame would be refused; the length in the IP header is the one to believe.
 */
const ANY_LENGTH = 0x7fff_ffff;
/** The longest packet that the length fields of IPv4 and IPv6 can tell. */
const LONGEST_PACKET = 65_535 + 40;
/** Times beyond are not told apart by a microsecond. */
const LATEST_US = 2 ** 52;

/** Headers of one link type that wait to be decoded. */
interface Waiting {
  readonly linkType: number;
  readonly decoder: FrameDecoder;
  readonly meta: Float64Array;
  /** Row of the batch that each is of. */
  readonly rows: Uint32Array;
  /** Octets of each frame, as its agent told them. */
  readonly frameOctets: Float64Array;
  count: number;
  lastUs: number;
}

/**
 * Sampled packet headers on their way to the decoder of captured packets, gathered over many datagrams: one native call
 * decodes them all. Rows are committed before, and get what was in their header in `settle`.
 */
export class SampledHeaders {
  private readonly decoding: Decoding;
  private readonly open: (linkType: number) => FrameDecoder;
  private readonly waiting: Waiting[] = [];
  /** What the waiting headers stand in; they are decoded where they are. */
  private bytes: Uint8Array = new Uint8Array(0);
  private out = new Uint8Array(0);
  private words = new Uint32Array(0);
  private doubles = new Float64Array(0);
  private view = new DataView(new ArrayBuffer(0));

  /** `open` gives the decoder for frames of a LINKTYPE_ number, asked once for each. */
  constructor(decoding: Decoding, open: (linkType: number) => FrameDecoder) {
    this.decoding = decoding;
    this.open = open;
  }

  /** Takes the header of `length` octets at `offset` for `row`; `bytes` must stay as they are until `settle`. */
  add(
    linkType: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
    frameOctets: number,
    row: number,
    receivedMs: number,
  ): void {
    if (bytes !== this.bytes) {
      this.settle();
      this.bytes = bytes;
    }
    const list = this.waiting.find((candidate) => candidate.linkType === linkType) ?? this.start(linkType);
    if (list.count === BATCH_HEADERS) this.decode(list);
    const at = list.count * META;
    // The decoder leaves refused frames out. Times, made unique, tell which frame a record is of.
    const timeUs = Math.max(Math.min(Math.floor(receivedMs) * 1000, LATEST_US), list.lastUs + 1);
    list.meta[at] = offset;
    list.meta[at + 1] = length;
    list.meta[at + 2] = ANY_LENGTH;
    list.meta[at + 3] = timeUs;
    list.rows[list.count] = row;
    list.frameOctets[list.count] = frameOctets;
    list.lastUs = timeUs;
    list.count++;
  }

  /** Decodes what waits. Must come before the rows leave the batch, and before the bytes change. */
  settle(): void {
    for (const list of this.waiting) if (list.count > 0) this.decode(list);
  }

  private start(linkType: number): Waiting {
    if (this.out.length === 0) {
      this.out = new Uint8Array(BATCH_HEADERS * PACKET_BYTES);
      this.words = new Uint32Array(this.out.buffer);
      this.doubles = new Float64Array(this.out.buffer);
      this.view = new DataView(this.out.buffer);
    }
    const list: Waiting = {
      linkType,
      decoder: this.open(linkType),
      meta: new Float64Array(BATCH_HEADERS * META),
      rows: new Uint32Array(BATCH_HEADERS),
      frameOctets: new Float64Array(BATCH_HEADERS),
      count: 0,
      lastUs: 0,
    };
    this.waiting.push(list);
    return list;
  }

  private decode(list: Waiting): void {
    const { count, meta, rows, frameOctets } = list;
    const { words, doubles, view } = this;
    const { target, counters } = this.decoding;
    list.count = 0;
    list.lastUs = 0;
    const found = list.decoder.decode(this.bytes, meta, count, this.out);
    counters.headersWithoutIp += count - found;
    if (found === 0) return;
    const srcHi = target.column(SRC) as Uint32Array;
    const srcLo = target.column(SRC + 1) as Uint32Array;
    const dstHi = target.column(DST) as Uint32Array;
    const dstLo = target.column(DST + 1) as Uint32Array;
    const srcPort = target.column(SRC_PORT) as Uint16Array;
    const dstPort = target.column(DST_PORT) as Uint16Array;
    const proto = target.column(PROTO) as Uint8Array;
    const tos = target.column(TOS) as Uint8Array;
    const tcpFlags = target.column(TCP_FLAGS) as Uint16Array;
    const octets = target.column(OCTETS) as Uint32Array;
    const minTtl = target.column(MIN_TTL) as Uint8Array;
    const maxTtl = target.column(MAX_TTL) as Uint8Array;
    let frame = 0;
    for (let i = 0; i < found; i++) {
      const word = i * PACKET_WORDS;
      const timeUs = doubles[(word + P_TIME) >>> 1]!;
      while (frame < count && meta[frame * META + 3] !== timeUs) frame++;
      const row = rows[frame]!;
      const pair = row * 2;
      const source = (word + P_SRC) * 4;
      const destination = (word + P_DST) * 4;
      srcHi[pair + 1] = view.getUint32(source);
      srcHi[pair] = view.getUint32(source + 4);
      srcLo[pair + 1] = view.getUint32(source + 8);
      srcLo[pair] = view.getUint32(source + 12);
      dstHi[pair + 1] = view.getUint32(destination);
      dstHi[pair] = view.getUint32(destination + 4);
      dstLo[pair + 1] = view.getUint32(destination + 8);
      dstLo[pair] = view.getUint32(destination + 12);
      const protoTosFlags = words[word + P_PROTO_TOS_FLAGS]!;
      proto[row] = protoTosFlags;
      tos[row] = protoTosFlags >>> 8;
      const packetMeta = words[word + P_META]!;
      // Ports that were cut off may stand in a record of their own, which has been read already.
      if ((packetMeta & P_META_CUT) === 0) {
        const ports = words[word + P_PORTS]!;
        srcPort[row] = ports;
        dstPort[row] = ports >>> 16;
        tcpFlags[row] = protoTosFlags >>> 16;
      }
      const ttl = packetMeta >>> P_META_TTL_SHIFT;
      minTtl[row] = ttl;
      maxTtl[row] = ttl;
      octets[pair] = packetOctets(words[word + P_OCTETS]!, meta[frame * META + 1]!, frameOctets[frame]!);
      octets[pair + 1] = 0;
      frame++;
    }
  }
}

/**
 * IP octets of a packet. Where segmentation offload left 0 in the length field, the decoder took the length on the wire,
 * less what was before the IP header: there the frame's octets count, of which the header has `length`.
 */
function packetOctets(octets: number, length: number, frameOctets: number): number {
  if (octets <= LONGEST_PACKET) return octets;
  const before = ANY_LENGTH - octets;
  // A jumbogram (RFC 2675) has a length of its own.
  if (before > length) return octets;
  return Math.max(frameOctets - before, 0);
}
