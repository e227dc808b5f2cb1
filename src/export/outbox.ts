/** Finished datagrams, gathered so that each transport is called once for many. */
import type { DatagramTransport } from './transport.ts';

export const OUTBOX_BYTES = 256 * 1024;
export const OUTBOX_DATAGRAMS = 256;

export class Outbox {
  private readonly transports: readonly DatagramTransport[];
  private readonly onLeave: () => void;
  /** Datagrams that wait, one after another. */
  readonly bytes = new Uint8Array(OUTBOX_BYTES);
  private readonly lengths = new Uint32Array(OUTBOX_DATAGRAMS);
  private count = 0;
  private end = 0;

  /** `onLeave` is called before datagrams are handed over: the last time that they can be written. */
  constructor(transports: readonly DatagramTransport[], onLeave: () => void = () => {}) {
    this.transports = transports;
    this.onLeave = onLeave;
  }

  add(datagram: Uint8Array, length: number): void {
    const at = this.claim(length);
    this.bytes.set(datagram.length === length ? datagram : datagram.subarray(0, length), at);
  }

  /** Room for a datagram, to be written by the caller; gives its place in `bytes`. */
  claim(length: number): number {
    if (this.count === OUTBOX_DATAGRAMS || this.end + length > OUTBOX_BYTES) this.flush();
    const at = this.end;
    this.lengths[this.count++] = length;
    this.end += length;
    return at;
  }

  /** Hands everything to the transports. */
  flush(): void {
    if (this.count === 0) return;
    this.onLeave();
    const { bytes, lengths, count } = this;
    this.count = 0;
    this.end = 0;
    for (const transport of this.transports) transport.send(bytes, lengths, count);
  }

  /** Settles when every transport has room again; undefined when all have. */
  room(): Promise<void> | undefined {
    let waits: Promise<void>[] | undefined;
    for (const transport of this.transports) {
      const room = transport.room();
      if (room === undefined) continue;
      waits ??= [];
      waits.push(room);
    }
    return waits === undefined ? undefined : Promise.all(waits).then(() => undefined);
  }

  /** Hands over the rest and closes the transports, which send it first. */
  async close(): Promise<void> {
    this.flush();
    await Promise.all(this.transports.map((transport) => transport.close()));
  }
}
