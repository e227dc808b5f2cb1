export interface NativeUdpSender {
  /**
   * Datagrams stand one after another in `bytes`; `lengths` has the length of each. Both are copied. Blocks while the
   * queue (8 MiB) is full; who waits for `room` first is not blocked.
   */
  send(bytes: Uint8Array, lengths: Uint32Array, count: number): void;
  /** With `keepsSource`: the first `count` datagrams of a slot of a datagram source, copied as `send` does. */
  sendSlot(slot: Uint8Array, count: number): void;
  stats(): UdpSenderStats;
  /** With `waits`: why there has been no way to the collector so far, for the user; null once there is. */
  obstacle(): string | null;
  /** How many sockets there have been; with another one the collector may see another source address. */
  sockets(): number;
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
  /**
   * Where there is no way to the collector, or no answer of name servers, at the moment: what is sent fails until there is;
   * and the socket is made anew when its way has gone. Without: it is an error to begin with, and later the socket stays.
   */
  waits?: boolean;
  /** At most so many datagrams a second; 0 sends as fast as the socket takes them. */
  datagramsPerSecond?: number;
  /** DiffServ code point, 0 to 63. */
  dscp?: number;
  /** Time to live or hop limit, 1 to 255. */
  ttl?: number;
  /** Name or number of the interface that multicast leaves by. */
  multicastInterface?: string;
}
