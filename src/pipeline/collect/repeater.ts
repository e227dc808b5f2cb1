import { D_LENGTH, D_OFFSET, D_SESSION, DATAGRAM_META_WORDS } from '../../addon/datagram-layout.ts';
import type { DatagramSlot } from '../../collect/datagram-slot.ts';
import { type Destination, formatDestination } from '../../export/destination.ts';
import { Outbox } from '../../export/outbox.ts';
import { type DatagramTransport, type TransportStats, UdpTransport } from '../../export/transport.ts';

/** How the datagrams to one collector fared. */
export interface RepeaterStats extends TransportStats {
  readonly name: string;
  /** Not sent because those before them had not left yet. */
  readonly dropped: number;
}

export interface RepeaterOptions {
  /** The input is a file, so datagrams wait for room instead of being dropped. */
  readonly mayWait: boolean;
  /** Datagrams keep address and port of their sender; else they come from this host. */
  readonly keepsSource: boolean;
  /** One line for the operator when there is no way to a collector at the start, and when there is. */
  readonly log?: (line: string) => void;
}

/**
 * Sends every datagram on to other collectors, byte for byte. Reception never waits for them: what a live collector
 * cannot send in time is dropped and counted.
 */
export class Repeater {
  private readonly legs: readonly RepeaterLeg[];
  private readonly outbox: Outbox;
  private readonly keepsSource: boolean;

  /** Throws UserError as `UdpTransport` does. */
  constructor(destinations: readonly Destination[], options: RepeaterOptions) {
    this.keepsSource = options.keepsSource;
    const legs: RepeaterLeg[] = [];
    try {
      for (const destination of destinations) legs.push(new RepeaterLeg(destination, options));
    } catch (error) {
      for (const leg of legs) leg.abort();
      throw error;
    }
    this.legs = legs;
    this.outbox = new Outbox(legs);
  }

  /** Repeats the `count` datagrams of a slot; to be waited for when it gives a promise. */
  addSlot(slot: DatagramSlot, count: number): Promise<void> | undefined {
    const { words, bytes } = slot;
    if (this.keepsSource) {
      for (const leg of this.legs) leg.sendSlot(bytes, count);
      return this.outbox.room();
    }
    for (let i = 0, at = 0; i < count; i++, at += DATAGRAM_META_WORDS) {
      const offset = words[at + D_OFFSET]!;
      const length = words[at + D_LENGTH]!;
      // Not a datagram: a connection has ended.
      if (length === 0 && words[at + D_SESSION] !== 0) continue;
      this.outbox.add(bytes.subarray(offset, offset + length), length);
    }
    this.outbox.flush();
    return this.outbox.room();
  }

  stats(): RepeaterStats[] {
    return this.legs.map((leg) => leg.stats());
  }

  /** Waits until everything has left. */
  close(): Promise<void> {
    return this.outbox.close();
  }

  /** Lets go of the sockets without waiting. */
  abort(): void {
    for (const leg of this.legs) leg.abort();
  }
}

/** The repeater of the moment, or none; may be replaced by another between two slots. */
export class RepeaterSwitch {
  private readonly options: RepeaterOptions;
  private current: Repeater | undefined;
  private closing: Promise<unknown> = Promise.resolve();

  constructor(options: RepeaterOptions) {
    this.options = options;
  }

  /** From the next slot on; the one before sends what it has. Throws UserError, and then the one before stays. */
  replace(destinations: readonly Destination[]): void {
    const next = destinations.length > 0 ? new Repeater(destinations, this.options) : undefined;
    this.closing = Promise.all([this.closing, this.current?.close()]);
    this.closing.catch(() => {});
    this.current = next;
  }

  addSlot(slot: DatagramSlot, count: number): Promise<void> | undefined {
    return this.current?.addSlot(slot, count);
  }

  /** Of the repeater of the moment. */
  stats(): RepeaterStats[] {
    return this.current?.stats() ?? [];
  }

  async close(): Promise<void> {
    await Promise.all([this.closing, this.current?.close()]);
  }

  abort(): void {
    this.current?.abort();
  }
}

/** The way to one collector. */
class RepeaterLeg implements DatagramTransport {
  private readonly name: string;
  private readonly udp: UdpTransport;
  private readonly mayWait: boolean;
  private dropped = 0;

  constructor(destination: Destination, { mayWait, keepsSource, log }: RepeaterOptions) {
    this.name = formatDestination(destination);
    this.udp = new UdpTransport({ ...destination, keepsSource, waits: !mayWait }, log);
    this.mayWait = mayWait;
  }

  sendSlot(slot: Uint8Array, count: number): void {
    if (!this.mayWait && this.udp.isFull) this.dropped += count;
    else this.udp.sendSlot(slot, count);
  }

  send(bytes: Uint8Array, lengths: Uint32Array, count: number): void {
    // The sender would block for room, and with it reception.
    if (!this.mayWait && this.udp.isFull) this.dropped += count;
    else this.udp.send(bytes, lengths, count);
  }

  room(): Promise<void> | undefined {
    return this.mayWait ? this.udp.room() : undefined;
  }

  close(): Promise<void> {
    return this.udp.close();
  }

  abort(): void {
    this.udp.abort();
  }

  stats(): RepeaterStats {
    return { ...this.udp.stats(), name: this.name, dropped: this.dropped };
  }
}
