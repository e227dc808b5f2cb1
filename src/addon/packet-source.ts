import type { SlotSource } from './slot-source.ts';

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
   * Runs (`packet-run-layout.ts`) in each slot, and records of their first packets only, default false; never in a source
   * with extension records, or with more than 65 535 records a slot.
   */
  runs?: boolean;
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
  /** Memory of the runs of each slot, made once; empty unless the source has such. */
  readonly runs: Uint8Array[];
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
