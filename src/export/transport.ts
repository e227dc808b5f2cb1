import { addon } from '../addon/addon.ts';
import type { NativeUdpSender, UdpSenderOptions, UdpSenderStats } from '../addon/udp-sender.ts';
import { UserError } from '../flow/user-error.ts';
import { formatDestination } from './destination.ts';

/** Takes datagrams to a collector. */
export interface DatagramTransport {
  /**
   * Queues copies of `count` datagrams that stand one after another in `bytes`, the length of each in `lengths`. Blocks
   * when the queue is full, so a producer that can wait asks `room` first.
   */
  send(bytes: Uint8Array, lengths: Uint32Array, count: number): void;
  /** A promise to wait for when the queue is more than half full; undefined when it is not. */
  room(): Promise<void> | undefined;
  /** Sends what is queued, then lets go of the socket. Idempotent. */
  close(): Promise<void>;
}

export type TransportStats = UdpSenderStats;

/** Half of the sender's queue (8 MiB). */
const ROOM_BYTES = 4 << 20;

/** UDP, from a thread of the addon. A collector that is not there costs nothing but counters. */
export class UdpTransport implements DatagramTransport {
  readonly #sender: NativeUdpSender;
  readonly #name: string;
  readonly #log: (line: string) => void;
  /** There has been no way to the collector yet. */
  #isObstructed: boolean;
  #closing: Promise<void> | undefined;

  /**
   * Throws UserError when the host does not resolve, has no route (unless it `waits` for both), or `sourceHost` is not an
   * address of this host. `log` gets one line when it has to wait, and one when that is over.
   */
  constructor(options: UdpSenderOptions, log: (line: string) => void = () => {}) {
    const { UdpSender } = addon();
    try {
      this.#sender = new UdpSender(options);
    } catch (cause) {
      throw new UserError(cause instanceof Error ? cause.message : String(cause), { cause });
    }
    this.#name = formatDestination(options);
    this.#log = log;
    const obstacle = this.#sender.obstacle();
    this.#isObstructed = obstacle !== null;
    if (obstacle !== null) log(`${obstacle}; trying again, what is sent meanwhile is lost`);
  }

  send(bytes: Uint8Array, lengths: Uint32Array, count: number): void {
    if (this.#isObstructed) this.#lookForWay();
    this.#sender.send(bytes, lengths, count);
  }

  /** With `keepsSource`: queues copies of the first `count` datagrams of a slot of a datagram source. */
  sendSlot(slot: Uint8Array, count: number): void {
    if (this.#isObstructed) this.#lookForWay();
    this.#sender.sendSlot(slot, count);
  }

  /** The queue is more than half full. */
  get isFull(): boolean {
    return this.#sender.queuedBytes() > ROOM_BYTES;
  }

  room(): Promise<void> | undefined {
    return this.isFull ? this.#sender.room() : undefined;
  }

  /** Resolves once everything queued has gone out. */
  drain(): Promise<void> {
    return this.#sender.drain();
  }

  close(): Promise<void> {
    this.#closing ??= this.#sender.drain().then(() => this.#sender.close());
    return this.#closing;
  }

  /** Drops what is queued, counting it as failed, and lets go of the socket: for whoever cannot wait. */
  abort(): void {
    this.#sender.close();
  }

  stats(): TransportStats {
    return this.#sender.stats();
  }

  /**
   * How many ways there have been: a collector that is reached in a new one may not have been told anything yet, or take
   * what comes for that of another exporter.
   */
  ways(): number {
    return this.#sender.sockets();
  }

  /** Longest payload that goes unfragmented, by the path MTU as far as the kernel knows it by now, or undefined. */
  maxPayload(): number | undefined {
    const bytes = this.#sender.maxPayload();
    return bytes === 0 ? undefined : bytes;
  }

  #lookForWay(): void {
    this.#isObstructed = this.#sender.sockets() === 0;
    if (!this.#isObstructed)
      this.#log(`${this.#name}: there is a way now, after ${this.#sender.stats().failed} datagrams lost`);
  }
}
