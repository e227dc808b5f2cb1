/**
 * The only importer of the native addon. Shapes here are the contract with `native/src/*_napi.rs`.
 */
import { createRequire } from 'node:module';

/**
 * A producer thread in the addon that fills fixed slots of memory, and the loop that empties them.
 *
 * `next()` gives the index of a filled slot, `SLOT_NONE` when none is ready (wait for the `wake` callback given to the
 * constructor, which fires once after each `SLOT_NONE` as soon as that changes) or `SLOT_END` when everything has been
 * handed over. `count(slot)` is the number of records in it. `release(slot)` hands it back; its content is then gone.
 */
export interface SlotSource {
  /** Memory of each slot, made once. */
  readonly slots: Uint8Array[];
  next(): number;
  count(slot: number): number;
  release(slot: number): void;
  /** Ends the producer: what it has read so far still comes out of `next`, then `SLOT_END`. Idempotent. */
  stop(): void;
  /** After `SLOT_END`: why it ended early (a cut file, an interface that went down), or null. */
  failure(): string | null;
}

export const SLOT_NONE = -1;
export const SLOT_END = -2;

export interface PacketSourceOptions {
  /** Capture files, read one after another. Exactly one of `files` and `device` is given. */
  files?: string[];
  device?: string;
  /** BPF expression in tcpdump's language; needs libpcap at run time. */
  filter?: string;
  /** Records a slot, default 4096. */
  slotPackets?: number;
  /** Slots, default 8. */
  slotCount?: number;
  snapLength?: number;
  promiscuous?: boolean;
  /** Kernel ring of a live capture in bytes, default 64 MiB. */
  kernelBufferBytes?: number;
  /** Longest time a live packet waits for its slot to fill, default 100 ms. */
  flushMs?: number;
  /** An extension record (`packet-extension-layout.ts`) beside every packet record, default false. */
  extended?: boolean;
  /**
   * Records are of the innermost packet of a tunnel (at most four in one another) instead of the outermost, default false;
   * the addresses and protocol of the outermost IP header stand in the extension record: makes a source `extended`.
   * The first fragment of a tunnel's packet counts as the packet inside; later ones, and payloads that are no IP packet,
   * stay packets of the tunnel.
   */
  decapsulate?: boolean;
  /** ifIndex reported for packets whose source does not say (plain pcap: 0); a live device fills in its own. */
  inputIndex?: number;
  /** One packet of so many is metered, default all: the first of each, or with `samplingRandom` one that chance picks. */
  samplingRate?: number;
  samplingRandom?: boolean;
  /** What chance begins with, a 32-bit number, default 0: the same picks the same packets of the same input. */
  samplingSeed?: number;
  /**
   * MAC addresses (six hexadecimal numbers between colons) on this side of the wire. Of Ethernet frames, one from such an
   * address to another is egress, one to such an address from another ingress, and the direction of others is not known,
   * whatever the capture says. Without any: an interface's own address; files as their captures tell.
   */
  localMacs?: string[];
  /** Hash seed: 64 bits as two words; random by default. Never changes results. */
  hashSeed?: [number, number];
}

/** Everything a packet source counted; numbers are exact up to 2^53. */
export interface PacketStats {
  /** Packets read from the file or handed up by the kernel, after the BPF filter. */
  packets: number;
  /** Packets metered: `packets` less everything below that says "not metered". */
  metered: number;
  wireBytes: number;
  /** Not metered: passed over by sampling. */
  notSampled: number;
  /** Not metered: no IP inside (ARP, LLDP, ...). */
  notIp: number;
  /** Not metered: IP header broken (length, version, total length beyond the frame). */
  malformed: number;
  /** Not metered: the capture cut the packet inside the IP header. */
  cutHeader: number;
  /** Metered with ports 0: cut inside the transport header. */
  cutTransport: number;
  /** Metered: later fragments that got the ports of their first, and those that did not. */
  fragmentsJoined: number;
  fragmentsOrphaned: number;
  /** Live only: dropped by the kernel for lack of room, by the interface, and by this process. */
  kernelDropped: number;
  interfaceDropped: number;
  queueDropped: number;
  /** Files only: bytes read and bytes in all, for progress. */
  bytesRead: number;
  bytesTotal: number;
  /** Ethertypes without IP and how often, most frequent first, at most 16. */
  notIpTypes: { etherType: number; packets: number }[];
}

export interface NativePacketSource extends SlotSource {
  /** Memory of the extension records of each slot, made once; empty unless the source is `extended`. */
  readonly extensions: Uint8Array[];
  /** What the files read so far call their interfaces, under the ifIndex of its packets. */
  interfaceNames(): { index: number; name: string; description?: string }[];
  stats(): PacketStats;
}

/** Decodes raw frames that some other library captured; the same decoder as `PacketSource`. */
export interface NativeFrameDecoder {
  /**
   * `frames` holds `count` frames one after another. `meta` has four doubles a frame: offset in `frames`, captured
   * length, wire length, time in microseconds since 1970. Records of metered packets go to `out` (PACKET_BYTES each),
   * their extension records to `extensions` (EXTENSION_BYTES each) if it is given. Returns how many.
   */
  decode(frames: Uint8Array, meta: Float64Array, count: number, out: Uint8Array, extensions?: Uint8Array): number;
  stats(): PacketStats;
}

export interface DatagramSourceOptions {
  /**
   * Sockets to bind. Exactly one of `listeners`, `files` and `device` is given. `host` is an address of this host, a name
   * of one, or `*` for all addresses of both families; `::` receives IPv4 as well; a multicast group (`GROUP%INTERFACE`)
   * is joined. Default buffer: 32 MiB. Among `workers` sockets, each with a thread, the kernel parts the senders; a
   * group has one.
   */
  listeners?: { host: string; port: number; receiveBufferBytes?: number; workers?: number }[];
  /** Capture files whose UDP payloads are taken as datagrams. */
  files?: string[];
  /** An interface whose UDP payloads are taken, whoever they are addressed to; `any` for all. */
  device?: string;
  deviceBufferBytes?: number;
  /** Files and device: keep datagrams to these destination ports; of files empty keeps all. */
  ports?: number[];
  /** Default 1 MiB, at least 128 KiB. */
  slotBytes?: number;
  /** Default 12. */
  slotCount?: number;
  /** Longest time a datagram waits for its slot to fill, default 20 ms. */
  flushMs?: number;
}

export interface DatagramStats {
  /** Handed over in slots. */
  datagrams: number;
  bytes: number;
  /** Dropped by the kernel because the socket buffer was full (SO_MEMINFO); 0 where the system does not tell (BSD). */
  kernelDropped: number;
  /** Dropped here: only after `stop`, when no slot is handed back for five seconds. */
  queueDropped: number;
  /**
   * Files: packets that no datagram was made of (other protocols, other ports than asked for, cut by the snap length,
   * fragments whose others are missing).
   */
  skippedPackets: number;
  /** Receive buffer that the kernel granted each listener, bytes, in the unit of the request (Linux keeps twice of it). */
  receiveBufferBytes: number[];
  /** Port that each listener is bound to (of use when 0 was asked for). */
  ports: number[];
  bytesRead: number;
  bytesTotal: number;
}

export interface NativeDatagramSource extends SlotSource {
  stats(): DatagramStats;
}

/** A column handed to the segment writer; `data` has at least `rows` rows from its start. */
export interface SegmentColumn {
  /** Column name in the file. */
  name: string;
  type: 'u8' | 'u16' | 'u32' | 'u64' | 'timeMs' | 'text';
  /** Undefined writes `absent` in every row. */
  data?: Uint8Array | Uint16Array | Uint32Array | Float64Array;
  absent: number;
  /** The first row of `data` counts for every row; there need be no other. */
  isConstant?: boolean;
  /** What the numbers of a `text` column mean: text n ends in `bytes` at `ends[n - 1]`; 0 is the empty text. */
  texts?: { bytes: Uint8Array; ends: Uint32Array };
}

export interface SegmentOptions {
  compression?: 'zstd' | 'lz4' | 'none';
  /** zstd only: 1 (default) to 22. */
  level?: number;
  /** Key-value metadata of the file. */
  metadata?: Record<string, string>;
  /** Columns (by name in the file) that get a Bloom filter in every row group. */
  bloom?: string[];
  /**
   * Sums of each row group by the value of the u8 column `by`: its rows (256 numbers), each of `sums` (256 numbers
   * each), then least and greatest value of each of `spans` (columns of times) that is not 0, infinite when there is none.
   */
  totals?: { by: string; sums: string[]; spans: string[] };
}

/** One Parquet file in the making: written under a temporary name, appears under its own when `finish` resolves. */
export interface NativeSegmentWriter {
  /**
   * Appends one row group; every call names the same columns in the same order. Runs off the main thread. Resolves to
   * what `SegmentOptions.totals` asked for, empty without.
   */
  append(columns: SegmentColumn[], rows: number): Promise<Float64Array>;
  /**
   * Footer (with `metadata` added to that of the options), fsync, rename, fsync of the directory. Resolves to the size
   * in bytes.
   */
  finish(metadata?: Record<string, string>): Promise<number>;
  /** Removes the temporary file. */
  abort(): void;
}

export interface SegmentInfo {
  rows: number;
  rowGroups: number;
  bytes: number;
  columns: string[];
  metadata: Record<string, string>;
}

/** How blocks of other collectors' files are packed. */
export type PackedWith = 'lzo' | 'bz2' | 'lz4' | 'zstd';

/** Exclusive use of a directory through a lock on a file; the system drops it when the process ends, however it ends. */
export interface NativeDirectoryLock {
  /** False when somebody else has the directory. */
  held(): boolean;
  release(): void;
}

export interface NativeUdpSender {
  /**
   * Datagrams stand one after another in `bytes`; `lengths` has the length of each. Both are copied. Blocks while the
   * queue (8 MiB) is full; who waits for `room` first is not blocked.
   */
  send(bytes: Uint8Array, lengths: Uint32Array, count: number): void;
  /** With `keepsSource`: the first `count` datagrams of a slot of a datagram source, copied as `send` does. */
  sendSlot(slot: Uint8Array, count: number): void;
  stats(): UdpSenderStats;
  /** Bytes that wait to be sent; each datagram counts 4 more. */
  queuedBytes(): number;
  /** Resolves once everything queued has gone out, or the sender is closed. */
  drain(): Promise<void>;
  /** Resolves once at most half of the queue is in use, or the sender is closed. */
  room(): Promise<void>;
  /** Longest payload that goes unfragmented, by the path MTU as the kernel knows it; 0 where it does not tell. */
  maxPayload(): number;
  /** What is still queued is counted as failed. */
  close(): void;
}

export interface UdpSenderStats {
  sent: number;
  /** UDP payload of what was sent; with `keepsSource` whole packets. */
  bytes: number;
  /** Not taken by the system, or reported refused by the collector's host after it was sent. */
  failed: number;
  /** Longer than the path or UDP takes (EMSGSIZE). */
  tooLong: number;
  lastError: string | null;
}

export interface UdpSenderOptions {
  host: string;
  port: number;
  sourceHost?: string;
  /** Takes slots only, whose datagrams go out under address and port of their first sender; needs CAP_NET_RAW. */
  keepsSource?: boolean;
  /** At most so many datagrams a second; 0 sends as fast as the socket takes them. */
  datagramsPerSecond?: number;
  /** DiffServ code point, 0 to 63. */
  dscp?: number;
  /** Time to live or hop limit, 1 to 255. */
  ttl?: number;
  /** Name or number of the interface that multicast leaves by. */
  multicastInterface?: string;
}

export interface ScanColumn {
  /** As in the files. */
  name: string;
  type: SegmentColumn['type'];
  absent: number;
  /** Every file has it. */
  core: boolean;
  /** Place of a column that multiplies this one, as sampling rates do counters; 0 there counts as 1. */
  scaledBy?: number;
}

/** One part of a group's key. Columns are places in the question's list. */
export interface ScanPart {
  /** A number, or the high half of an address. */
  column: number;
  lo?: number;
  /** Bits of an address that count: two words, low first, each for IPv4 and for the high and the low half of IPv6. */
  cut?: Uint32Array;
}

export interface ScanOrder {
  measure: 'flows' | 'packets' | 'bytes' | 'pps' | 'bps' | 'bpp' | 'tstart' | 'tend' | 'duration' | 'position';
  side: 'in' | 'out' | 'both';
  ascending: boolean;
}

/** Groups of flows, in one or several orders; equal ones in the order of the key. */
export interface ScanJob {
  /** A flow counts once for each. */
  sides: ScanPart[][];
  /** TCP flags and the order `position` (of the first flow) are wanted. */
  extra: boolean;
  /** Groups whose first part is 0 are left out. */
  skipZero: boolean;
  orders: ScanOrder[];
  /** 0: all groups. */
  top: number;
}

/** Single flows. */
export interface ScanList {
  /** At most so many. */
  rows: number;
  /** Without one the first in the order of the files, and no totals. Equal flows are in that order, too. */
  order?: ScanOrder;
  /**
   * The row group to go on from, 0 at first: the list is then of all flows of whole row groups until there are `rows` or
   * more of them, and `ScanAnswer.next` is where it goes on.
   */
  from?: number;
}

export interface ScanQuestion {
  columns: ScanColumn[];
  counters: Record<'flows' | 'packets' | 'octets' | 'outPackets' | 'outOctets' | 'first' | 'last' | 'tcpFlags', number>;
  /** The filter: see `src/query/native/program.ts`. */
  program: Uint32Array;
  jobs: ScanJob[];
  list?: ScanList;
  /** Default: one a core. */
  threads?: number;
  /** Memory for groups. */
  megabytes: number;
}

/** 64-bit numbers are two words a row, low word first. */
export interface ScanTable {
  rows: number;
  /** The high and the low half of each part of the key. */
  keys: Uint32Array[];
  flows: Uint32Array;
  packets: Uint32Array;
  octets: Uint32Array;
  outPackets: Uint32Array;
  outOctets: Uint32Array;
  /** Milliseconds since 1970. */
  first: Uint32Array;
  last: Uint32Array;
  /** Empty unless the job has `extra`, as are `positions`: of each group's first flow, for `fetch`. */
  tcpFlags: Uint16Array;
  positions: Uint32Array;
}

export interface ScanAnswer {
  /** Rows, flows, packets and octets of both directions, first and last of all flows that match; two words each. */
  totals: Uint32Array;
  /** For each job, a table for each order. */
  tables: ScanTable[][];
  /** Of the listed flows, for `fetch`. */
  positions: Uint32Array;
  /** For lists with `from`: the row group that comes next; absent after the last. */
  next?: number;
}

/** Segments whose footers have been read. */
export interface FlowScan {
  /** `sampled`: some flow may have a sampling rate above 1. */
  summary(): { columns: string[]; rows: number; firstMs: number; lastMs: number; sampled: boolean };
  /** What part of the files the question at hand has left behind, 0 to 1. */
  progress(): number;
  /** Answers all jobs in one pass, on every core. */
  run(question: ScanQuestion): Promise<ScanAnswer>;
  /** Cells of flows at some positions: for each column two words a flow. */
  fetch(columns: ScanColumn[], positions: Uint32Array): Promise<Uint32Array[]>;
}

/** `code` of errors that say: this is for an engine that can do more. */
export const SEND_ELSEWHERE = 'Cancelled';

export interface Addon {
  /** Layout constants of the addon, for the test that compares them with ours. */
  packetLayout(): Record<string, number>;
  packetExtensionLayout(): Record<string, number>;
  datagramLayout(): Record<string, number>;
  transposeLayout(): Record<string, number>;
  /**
   * Copies records to columns (`src/addon/transpose-layout.ts`); none of `columns` is the memory of another.
   * Throws when a program does not stay within what it is given. Gives pairs of a run's number and how many of its ICMP
   * records had type and code in the source port.
   */
  transpose(
    bytes: Uint8Array,
    steps: Uint32Array,
    runs: Float64Array,
    columns: readonly (Uint8Array | Uint16Array | Uint32Array | Float64Array | undefined)[],
  ): number[];
  /** Zeroed memory on huge pages where the system has them. */
  allocateHuge(bytes: number): Uint8Array;
  /** Sends to the Unix datagram socket at `path`, with a leading `@` of that abstract name; throws when it cannot. */
  sendUnixDatagram(path: string, message: string): void;
  /** Interfaces of this host, with the system's numbers (ifIndex). */
  interfaces(): { index: number; name: string }[];
  PacketSource: new (options: PacketSourceOptions, wake: () => void) => NativePacketSource;
  FrameDecoder: new (linkType: number, options: PacketSourceOptions) => NativeFrameDecoder;
  DatagramSource: new (options: DatagramSourceOptions, wake: () => void) => NativeDatagramSource;
  SegmentWriter: new (path: string, options: SegmentOptions) => NativeSegmentWriter;
  /** Joins whole segments into one (atomically, as SegmentWriter); columns missing in one are filled with `absent`. */
  mergeSegments(
    inputs: string[],
    output: string,
    columns: { name: string; type: SegmentColumn['type']; absent: number }[],
    options: SegmentOptions,
  ): Promise<SegmentInfo>;
  segmentInfo(path: string): Promise<SegmentInfo>;
  /** Unpacks one block, off the main thread; rejects when it is damaged or gives more than `most` bytes. */
  unpackBlock(method: PackedWith, packed: Uint8Array, most: number): Promise<Uint8Array>;
  openScan(paths: string[]): Promise<FlowScan>;
  DirectoryLock: new (lockFile: string) => NativeDirectoryLock;
  UdpSender: new (options: UdpSenderOptions) => NativeUdpSender;
}

let loaded: Addon | undefined;

/** The addon, loaded on first use so that commands which need none of it start faster. */
export function addon(): Addon {
  if (loaded === undefined) {
    const require = createRequire(import.meta.url);
    try {
      loaded = require('../../native/dist/index.cjs') as Addon;
    } catch (cause) {
      throw new Error(
        `weir's native addon does not load for ${process.platform}-${process.arch}: run \`npm run build:native\` in weir's folder`,
        { cause },
      );
    }
  }
  return loaded;
}
