import type { SlotSource } from './slot-source.ts';

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
  /** Dropped here: only after `stop`, when no slot is handed back for a minute. */
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
